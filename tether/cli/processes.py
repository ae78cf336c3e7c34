"""Processes of this machine, read from /proc; elsewhere nothing is found and nothing is ended."""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tether import podman_work

_PROC = Path("/proc")
_WORKERS = ("kind", "podman", "docker", "conmon")
"""Programs that carry the name of a cluster or network in their arguments while they work on it."""
_PLUGINS = ("pulumi-resource-", "pulumi-language-", "pulumi-analyzer-")
_PYTHON_PLUGINS = ("providers/tether", "toolchain.language_host")
"""Last words of the command lines of plugins that an interpreter runs."""
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Process:
    """A running program."""

    number: int
    arguments: tuple[str, ...]

    @property
    def program(self) -> str:
        """Name of the executable, without its folder."""
        return Path(self.arguments[0]).name if self.arguments else ""

    def value(self, option: str) -> str:
        """The word after an option; empty where it is not given."""
        return next((word for name, word in itertools.pairwise(self.arguments) if name == option), "")

    def __str__(self) -> str:
        return f"{self.program} ({self.number})"


def is_alive(number: int) -> bool:
    """Whether a process with this number runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return _stat(number)[0] != "Z"
    except (OSError, IndexError):
        return True


def name(number: int) -> str:
    """Name of a process as the kernel knows it; on machines without /proc that of the engine."""
    try:
        return (_PROC / str(number) / "comm").read_text().strip()
    except OSError:
        return "pulumi"


def working_on(names: Collection[str]) -> list[Process]:
    """Runtime and kind processes whose arguments hold one of the names."""
    return [
        process
        for process in _all()
        if process.program in _WORKERS and any(part in argument for part in names for argument in process.arguments[1:])
    ]


def orphaned_plugins(pulumi_home: Path) -> list[Process]:
    """Plugins of this checkout whose engine was killed: nobody above them is an engine any more."""
    mark = f"PULUMI_HOME={pulumi_home}".encode()
    return [
        process
        for process in _all()
        if _is_plugin(process)
        and mark in _environment(process.number)
        and not any(name(ancestor) == "pulumi" for ancestor in _ancestors(process.number))
    ]


def engines_of(pulumi_home: Path) -> list[Process]:
    """Engines, plugins and kind that work on one home of Pulumi's."""
    mark = f"PULUMI_HOME={pulumi_home}".encode()
    named = ("pulumi", "kind")
    return [
        process
        for process in _all()
        if (process.program in named or _is_plugin(process)) and mark in _environment(process.number)
    ]


def _is_plugin(process: Process) -> bool:
    # An editor that shows a plugin's source has its path among the arguments too.
    if process.program.startswith("python"):
        return any(argument.endswith(_PYTHON_PLUGINS) for argument in process.arguments[1:4])
    return process.program.startswith(_PLUGINS)


def end(processes: Iterable[Process]) -> None:
    """End processes: asked first, then by force; what Podman would leave half-made ends by itself."""
    asked = list(processes)
    working = [process for process in asked if podman_work.is_half_way(process.arguments)]
    for process in asked:
        if process not in working:
            _signal(process.number, signal.SIGTERM)
    await_end(asked)
    podman_work.await_end(lambda: any(is_alive(process.number) for process in working))
    for process in asked:
        _signal(process.number, signal.SIGKILL)


def await_end(processes: Iterable[Process]) -> None:
    """Wait a moment for processes that are about to end."""
    waited = list(processes)
    until = time.monotonic() + _GRACE_SECONDS
    while any(is_alive(process.number) for process in waited) and time.monotonic() < until:
        time.sleep(0.05)


def _signal(number: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(number, what)


def _all() -> Iterator[Process]:
    if not _PROC.is_dir():
        return
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:
            continue
        if arguments != [""]:
            yield Process(int(entry.name), tuple(arguments))


def _environment(number: int) -> list[bytes]:
    try:
        return (_PROC / str(number) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _ancestors(number: int) -> Iterator[int]:
    while number > 1:
        try:
            number = int(_stat(number)[1])
        except (OSError, IndexError):
            return
        yield number


def _stat(number: int) -> list[str]:
    """Fields of /proc/<number>/stat from the state on: the name before them may hold anything."""
    return (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
