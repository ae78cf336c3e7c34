"""An environment's engine is run by the Automation API, which gets the time box and the cancel that it lacks."""

import dataclasses
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.unit.cli.engine_bench import HISTORY
from tests.unit.cli.test_engine import COUNTS_INTERRUPTS, fails, wait_for
from tests.unit.cli.workbench import calls, checkout, install_pulumi
from tether.cli.automation import AutomatedEngine
from tether.cli.engine import Engine, EngineError, InterruptedRunError, engine_of
from tether.errors import LockedError, TimedOutError, UsageError

ANSWERS = f"""
    if arguments[:2] == ["stack", "history"]:
        print(json.dumps([{HISTORY!r}]))
    elif arguments[0] in ("up", "destroy"):
        WORK
    """


def automated(folder: Path, work: str = "print('display')", deadline: float | None = None) -> Engine:
    """The engine of an environment; what it does in a long run is the work, one statement of Python."""
    environment = install_pulumi(folder / "bin", ANSWERS.replace("WORK", work))
    return engine_of(dataclasses.replace(checkout(folder), environment="pr-1"), environment, deadline)


def works_long(folder: Path) -> str:
    """A run that notes when it was interrupted."""
    (folder / "long.py").write_text("import pathlib, signal, time\n" + _dedented(COUNTS_INTERRUPTS))
    return f"notes = pathlib.Path({str(folder)!r}); exec(pathlib.Path({str(folder / 'long.py')!r}).read_text())"


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())


def test_only_an_environment_s_engine_is_automated(tmp_path: Path) -> None:
    assert isinstance(automated(tmp_path / "one"), AutomatedEngine)
    assert type(engine_of(checkout(tmp_path / "two"), os.environ)) is Engine


def test_a_run_names_its_stack_and_starts_no_engine_for_what_nobody_reads(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    automated(tmp_path).up("--refresh")
    up, *looks = calls(tmp_path / "bin")
    for said in ("up --yes", "--exec-kind auto.local", "--refresh", "--event-log", "--suppress-permalink=true"):
        assert said in up
    assert up.count("--stack kind") == 1
    assert [" ".join(look.split()[:2]) for look in looks] == ["stack history"]
    assert "display" in capfd.readouterr().err


def test_a_removal_takes_the_options_that_it_is_given(tmp_path: Path) -> None:
    automated(tmp_path).destroy("--continue-on-error")
    destroy = calls(tmp_path / "bin")[0]
    assert destroy.startswith("destroy --skip-preview --yes")
    assert "--continue-on-error" in destroy


def test_a_failure_is_told_as_everywhere_and_nothing_more_is_asked(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="code 3: error: disk is full"):
        automated(tmp_path, fails("error: disk is full", 3)).up()
    assert len(calls(tmp_path / "bin")) == 1
    with pytest.raises(LockedError):
        automated(tmp_path / "two", fails("error: the stack is currently locked by 1 lock(s).")).up()


def test_a_passphrase_that_does_not_fit_is_named_with_its_file_and_the_way_to_give_the_environment_up(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError) as caught:
        automated(tmp_path, fails("error: incorrect passphrase")).destroy()
    (problem,) = caught.value.problems
    assert problem.subject == str(tmp_path / ".tether" / "passphrase")
    assert problem.fix.endswith("give the stack up with: tether env down pr-1 --force")


def test_it_is_cancelled_in_good_order_when_its_time_is_over(tmp_path: Path) -> None:
    one = automated(tmp_path, works_long(tmp_path), time.monotonic() + 3)
    with pytest.raises(TimedOutError, match="tether env up pr-1"):
        one.up()
    assert (tmp_path / "interrupts").read_text() == "1"


def test_ctrl_c_cancels_it_and_waits_for_it(tmp_path: Path) -> None:
    one = automated(tmp_path, works_long(tmp_path))

    def interrupt() -> None:
        wait_for(tmp_path / "started")
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(InterruptedRunError, match="tether env down pr-1"):
        one.destroy()
    killer.join()
    assert (tmp_path / "interrupts").read_text() == "1"
