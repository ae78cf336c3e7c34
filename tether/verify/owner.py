"""Who works in a namespace of a verification, so that nobody else removes it meanwhile."""

import contextlib
import datetime
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process, as another one can recognise it."""

    host: str
    machine: str
    """Boot and process namespace in which the number counts; empty where the machine does not tell."""
    process: int
    started: str
    """When the process began, in the kernel's ticks: its number may be given to another program."""
    until: str
    """ISO 8601, UTC: by then it has ended, wherever it runs."""

    def is_here(self) -> bool:
        """Whether its number counts on this machine."""
        return (self.host, self.machine) == (socket.gethostname(), _machine())

    def is_gone(self, now: datetime.datetime) -> bool:
        """Whether it has ended for sure; one of another machine is given its time."""
        if self.is_here():
            return not _runs(self.process, self.started)
        return now > datetime.datetime.fromisoformat(self.until)

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


def this_process(lifetime: datetime.timedelta) -> Owner:
    """This process, which will have ended after ``lifetime``."""
    return Owner(
        host=socket.gethostname(),
        machine=_machine(),
        process=os.getpid(),
        started=_started(os.getpid()),
        until=(datetime.datetime.now(datetime.UTC) + lifetime).isoformat(timespec="seconds"),
    )


def write(owner: Owner) -> str:
    """The owner as one line."""
    return json.dumps(asdict(owner))


def read(line: str) -> Owner | None:
    """Read what ``write`` wrote; None where it is anything else."""
    try:
        owner = Owner(**json.loads(line))
        complete = datetime.datetime.fromisoformat(owner.until).tzinfo is not None
    except (ValueError, TypeError):
        return None
    return owner if complete else None


def _machine() -> str:
    with contextlib.suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    return ""


def _started(process: int) -> str:
    return next(iter(_stat(process)[19:20]), "")


def _stat(process: int) -> list[str]:
    """Fields of /proc/<number>/stat from the state on (proc(5)): the name before them may hold anything."""
    with contextlib.suppress(OSError):
        return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    return []


def _runs(process: int, started: str) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    fields = _stat(process)
    return fields[:1] != ["Z"] and _started(process) == started
