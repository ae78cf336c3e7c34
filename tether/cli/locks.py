"""One run at a time per stack, and what a run that died left locked or half-written."""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tether.cli import processes
from tether.cli.project import Project
from tether.errors import LockedError

ENDING_SECONDS = 120.0
"""How long to wait for an engine whose command was killed; it is cancelling and recording."""


@dataclass(frozen=True)
class EngineLock:
    """A lock file of the engine's file backend."""

    file: Path
    process: int
    host: str

    def is_dead(self) -> bool:
        """Whether its owner was on this machine and is gone, its number perhaps given to another program."""
        return self.host == socket.gethostname() and not (
            processes.is_alive(self.process) and "pulumi" in processes.name(self.process)
        )


@contextlib.contextmanager
def alone(project: Project) -> Generator[None]:
    """Hold the stack against other ``tether`` runs of this checkout; the kernel frees it when we die.

    Raises:
        LockedError: another run holds it.
    """
    folder = project.private / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{project.stack}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LockedError(
                f"Stack {project.stack} is in use by process {file.read().strip() or 'unknown'} of this checkout. "
                "Wait for it to end, then run the same command again."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def clear_dead_locks(
    project: Project,
    say: Callable[[str], None],
    *,
    patience: float = ENDING_SECONDS,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Remove the engine's locks whose owners are dead, and what they half wrote, and wait for owners that are ending.

    The engine knows no expiry: a lock of a killed process would stand for ever.

    Raises:
        LockedError: an owner still runs after ``patience`` seconds, or is on another machine.
    """
    until = now() + patience
    announced = False
    while True:
        held = list(_read(project.locks))
        for lock in held:
            if lock.is_dead():
                say(f"removing the lock of process {lock.process}, which has ended")
                for part in (lock.file, lock.file.with_name(f"{lock.file.name}.attrs")):
                    part.unlink(missing_ok=True)
        alive = [lock for lock in held if not lock.is_dead()]
        if not alive:
            _clear_half_written(project, say)
            return
        if now() >= until or alive[0].host != socket.gethostname():
            raise LockedError(
                f"Stack {project.stack} is locked: process {alive[0].process} on {alive[0].host} works on it. "
                "Wait for it to end. Only if you know that it is gone: pulumi cancel --yes"
            )
        if not announced:
            say(f"an earlier run (process {alive[0].process}) is still ending; waiting for it")
            announced = True
        pause(0.5)


def _clear_half_written(project: Project, say: Callable[[str], None]) -> None:
    """Remove what keeps the engine from a state that is whole.

    The file backend writes a file as a whole but its attributes in place (gocloud.dev/blob/fileblob): who was killed in
    between leaves them empty, and the engine then reads nothing (``failed to load checkpoint: EOF``). It needs none.
    """
    for attributes in project.stacks.glob(f"{project.stack}.json*.attrs"):
        if not attributes.stat().st_size:
            say(f"removing {attributes.name}, which a run that was killed left empty")
            attributes.unlink(missing_ok=True)
    for unfinished in project.stacks.glob(f"{project.stack}.json.*.tmp"):
        unfinished.unlink(missing_ok=True)


def _read(folder: Path) -> Iterator[EngineLock]:
    if not folder.is_dir():
        return
    for file in folder.glob("*.json"):
        try:
            content = json.loads(file.read_text())
            yield EngineLock(file, int(content["pid"]), str(content["hostname"]))
        except (OSError, ValueError, KeyError):
            # Gone between listing and reading, or half-written by a run that is just starting.
            continue
