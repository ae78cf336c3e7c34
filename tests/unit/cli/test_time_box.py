"""A program whose time is over is asked to end, then told to, then killed."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.unit.cli.test_engine import COUNTS_INTERRUPTS, engine
from tether.cli import time_box
from tether.errors import ExitCode, TimedOutError


def begin(ignored: int) -> subprocess.Popen[str]:
    """A program that takes a number of SIGINTs before it ends with 7."""
    script = f"""
        import signal, sys, time
        seen = []
        def note(*_):
            seen.append(1)
            if len(seen) > {ignored}:
                sys.exit(7)
        signal.signal(signal.SIGINT, note)
        print("ready", flush=True)
        while True:
            time.sleep(0.05)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize(("ignored", "code"), [(0, 7), (1, 7), (2, -signal.SIGKILL)])
def test_it_gets_two_interrupts_with_time_after_each_and_is_killed_then(ignored: int, code: int) -> None:
    with begin(ignored) as child:
        assert time_box.wait(child, time.monotonic(), patience=(0.5, 0.5)) == (code, True)


def test_one_that_ends_in_time_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], text=True) as child:
        assert time_box.wait(child, time.monotonic() + 30) == (3, False)
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(4)"], text=True) as child:
        assert time_box.wait(child, None) == (4, False)


def test_an_engine_whose_time_is_over_is_cancelled_and_says_how_to_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = engine(tmp_path, COUNTS_INTERRUPTS)
    one.deadline = time.monotonic() + 2
    with pytest.raises(TimedOutError, match="make down") as caught:
        one.run("up")
    assert caught.value.exit_code is ExitCode.TIMED_OUT
    assert (tmp_path / "bin" / "interrupts").read_text() == "1"
    assert "its time is over" in capfd.readouterr().err
