"""Whose an environment is: a user on a host, and perhaps a process that it must not outlive."""

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A user on a host; with a process, a run of theirs."""

    user: str
    host: str
    process: int | None = None
    started: str = ""
    """What tells the process from a later one of its number; empty where the machine does not say."""

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"

    @property
    def is_me(self) -> bool:
        """Whether it is this user on this host; nobody else's things are touched."""
        return (self.user, self.host) == (_user(), socket.gethostname())

    @property
    def why_gone(self) -> str:
        """That the process has ended, in words; empty where it runs, where there is none, or on another host."""
        if self.process is None or self.host != socket.gethostname():
            return ""
        if is_running(self.process) and self.started in ("", start_of(self.process)):
            return ""
        return f"its process {self.process} has ended"


def me(process: int | None = None) -> Owner:
    """This user on this host.

    Args:
        process: number of a process of this machine, which the environment must not outlive.
    """
    started = "" if process is None else start_of(process)
    return Owner(user=_user(), host=socket.gethostname(), process=process, started=started)


def is_running(number: int) -> bool:
    """Whether a process of that number runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return _fields(number)[:1] != ["Z"]


def start_of(number: int) -> str:
    """Boot of the machine and moment since, in the kernel's ticks, of a process's start (proc(5)); empty elsewhere."""
    fields = _fields(number)
    try:
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
        return f"{boot}/{fields[19]}"
    except (OSError, IndexError):
        return ""


def _fields(number: int) -> list[str]:
    """Fields of /proc/<number>/stat from the state on: the name before them may hold anything."""
    try:
        return (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return str(os.getuid())
