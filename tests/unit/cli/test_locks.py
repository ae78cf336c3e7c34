import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.workbench import checkout
from tether.cli import locks
from tether.cli.project import Project
from tether.errors import ExitCode, LockedError


@pytest.fixture
def place(tmp_path: Path) -> Project:
    return checkout(tmp_path)


@pytest.fixture
def living_engine(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = tmp_path / "pulumi"
    shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([program, "60"])
    yield process
    process.kill()
    process.wait()


def lock(place: Project, number: int, host: str | None = None) -> Path:
    place.locks.mkdir(parents=True, exist_ok=True)
    file = place.locks / "0123.json"
    file.write_text(json.dumps({"pid": number, "hostname": host or socket.gethostname(), "username": "u"}))
    file.with_name("0123.json.attrs").write_text("{}")
    return file


def dead_process() -> int:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def test_two_runs_on_one_stack_exclude_each_other(place: Project) -> None:
    with locks.alone(place):
        with pytest.raises(LockedError, match=f"process {os.getpid()}") as caught, locks.alone(place):
            pytest.fail("the second run got in")
        assert caught.value.exit_code is ExitCode.LOCKED
    with locks.alone(place):
        pass


def test_runs_on_two_stacks_do_not_meet(place: Project, tmp_path: Path) -> None:
    other = Project(root=tmp_path, name="tether", stack="other")
    with locks.alone(place), locks.alone(other):
        pass


def test_the_lock_of_a_dead_process_is_removed_and_said(place: Project) -> None:
    said: list[str] = []
    file = lock(place, dead_process())
    locks.clear_dead_locks(place, said.append)
    assert not list(place.locks.iterdir())
    assert not file.exists()
    assert "which has ended" in said[0]


def test_a_number_that_another_program_has_now_counts_as_dead(place: Project) -> None:
    file = lock(place, os.getpid())
    locks.clear_dead_locks(place, lambda _: None)
    assert not file.exists()


def test_an_engine_that_works_on_is_waited_for_and_then_refused(
    place: Project, living_engine: subprocess.Popen[bytes]
) -> None:
    file = lock(place, living_engine.pid)
    said: list[str] = []
    clock = iter(range(100))
    with pytest.raises(LockedError, match=f"process {living_engine.pid}"):
        locks.clear_dead_locks(place, said.append, patience=5, now=lambda: next(clock), pause=lambda _: None)
    assert file.exists()
    assert len(said) == 1


def test_an_engine_that_ends_while_one_waits_is_passed(place: Project, living_engine: subprocess.Popen[bytes]) -> None:
    lock(place, living_engine.pid)

    def end(_seconds: float) -> None:
        living_engine.kill()
        living_engine.wait()

    locks.clear_dead_locks(place, lambda _: None, pause=end)
    assert not list(place.locks.glob("*.json"))


def test_a_lock_of_another_machine_is_never_touched(place: Project) -> None:
    file = lock(place, dead_process(), host="elsewhere")
    with pytest.raises(LockedError, match="on elsewhere"):
        locks.clear_dead_locks(place, lambda _: None, pause=lambda _: pytest.fail("there is nothing to wait for"))
    assert file.exists()


def test_a_half_written_lock_is_passed_over(place: Project) -> None:
    lock(place, 1).write_text("{")
    locks.clear_dead_locks(place, lambda _: None)


def test_no_locks_at_all_are_fine(place: Project) -> None:
    locks.clear_dead_locks(place, lambda _: pytest.fail("nothing was locked"))
