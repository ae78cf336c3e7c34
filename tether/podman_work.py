"""Calls of Podman that are not to be ended half-way.

Podman has no daemon: whoever calls ``podman run`` or ``start`` makes the container's network himself and notes it at
the end. Of one that is ended in between a bridge, a network namespace and rules of the firewall stay, which Podman does
not know. Such a rule goes on catching its port of 127.0.0.1: a process that is given the same port later, a plugin of
the engine's say, cannot be reached.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PROC = Path("/proc")
_VERBS = ("run", "create", "start", "restart", "stop", "rm", "network")
_HELPER = "netavark"
"""Sets up what ``podman`` tells it to."""
_SECONDS = 20.0
"""That such a call may take on a busy machine; one that takes longer hangs."""
_PAUSE = 0.05


def is_half_way(arguments: Sequence[str]) -> bool:
    """Whether a running program is such a call."""
    program = Path(arguments[0]).name if arguments else ""
    verb = next((word for word in arguments[1:] if not word.startswith("-")), "")
    return program == _HELPER or (program == "podman" and verb in _VERBS)


def in_group(group: int) -> bool:
    """Whether a process group holds such a call; always false on machines without /proc, where Podman is remote."""
    return any(_group(entry) == group and is_half_way(_arguments(entry)) for entry in _PROC.glob("[0-9]*"))


def await_end(is_there: Callable[[], bool]) -> None:
    """Wait until no such call is there any more, or one has taken too long."""
    deadline = time.monotonic() + _SECONDS
    while is_there() and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _group(process: Path) -> int:
    """Of a process that still runs, else 0."""
    try:
        state, _, group, *_ = (process / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return 0
    return 0 if state == "Z" else int(group)


def _arguments(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
