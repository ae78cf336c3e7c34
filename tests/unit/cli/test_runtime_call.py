"""Calls of a program that stands for Podman."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tether.cli import runtime_call

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to read")


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shell of that name: its verbs are scripts of the working folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy("/bin/sh", tmp_path / "podman")
    for verb in ("start", "exec"):
        (tmp_path / verb).write_text(f"touch begun-{verb}; sleep 1; touch done-{verb}; echo {verb}ed; ps -o sid= $$")
    return "./podman"


def test_it_is_out_of_reach_of_the_terminal(podman: str) -> None:
    answered = runtime_call.call([podman, "start"], os.environ, 20)

    said, session = answered.stdout.split()
    assert (answered.returncode, said) == (0, "started")
    assert int(session) != os.getsid(0)


@pytest.mark.parametrize(("verb", "finishes"), [("start", True), ("exec", False)])
def test_only_what_would_be_left_half_made_is_let_finish(
    podman: str, tmp_path: Path, verb: str, finishes: bool
) -> None:
    def interrupt() -> None:
        while not (tmp_path / f"begun-{verb}").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        runtime_call.call([podman, verb], os.environ, 20)

    assert (tmp_path / f"done-{verb}").exists() is finishes


def test_no_answer_in_time_is_said_or_counts_as_a_failure(podman: str) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        runtime_call.call([podman, "exec"], os.environ, 0.1)
    assert runtime_call.answer([podman, "exec"], os.environ, 0.1).returncode == 1
    assert runtime_call.answer(["./none"], os.environ, 0.1).returncode == 1
