"""Environments of this user as containers, networks and volumes tell of them by their labels."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tether.cli import runtime_call
from tether.cli.remnants import Remnants
from tether.environments import labels
from tether.environments.registry import Entry
from tether.errors import TetherError

RUNTIMES = ("podman", "docker")
_SECONDS = 60.0
Run = Callable[[list[str]], subprocess.CompletedProcess[str]]
_LOOKS: Mapping[str, tuple[list[str], list[str]]] = {
    "containers": (
        ["ps", "--all", "--format", "{{.Names}}"],
        ["inspect", "--type", "container", "--format", "{{json .Config.Labels}}"],
    ),
    "networks": (["network", "ls", "--format", "{{.Name}}"], ["network", "inspect", "--format", "{{json .Labels}}"]),
    "volumes": (["volume", "ls", "--format", "{{.Name}}"], ["volume", "inspect", "--format", "{{json .Labels}}"]),
}
"""How a runtime lists things with a label, and how it tells their labels."""


@dataclass(frozen=True, kw_only=True)
class Find:
    """What one runtime has of one environment."""

    entry: Entry
    runtime: str
    remnants: Remnants


def look(environment: Mapping[str, str], runtimes: Sequence[str] = RUNTIMES, run: Run | None = None) -> list[Find]:
    """Find the environments of this user on this host; those of others are passed over.

    Args:
        environment: variables for the runtimes.
        runtimes: programs to ask; one that is not installed, or does not answer, has nothing.
        run: runs a command.

    Raises:
        TetherError: none of those that are installed answers, so that nothing could be seen.
    """

    def execute(command: list[str]) -> subprocess.CompletedProcess[str]:
        return run(command) if run else _execute(command, environment)

    asked = list(runtimes) if run else installed(environment, runtimes)
    found: list[Find] = []
    silent: list[str] = []
    for runtime in asked:
        things: dict[str, tuple[Entry, dict[str, list[str]]]] = {}
        try:
            for kind, name, entry in _labelled(execute, runtime):
                things.setdefault(str(entry.folder), (entry, {}))[1].setdefault(kind, []).append(name)
        except _SilentError as error:
            silent.append(f"{runtime}: {error}")
        for entry, names in things.values():
            remnants = Remnants(
                containers=tuple(names.get("containers", ())),
                networks=tuple(names.get("networks", ())),
                volumes=tuple(names.get("volumes", ())),
            )
            found.append(Find(entry=entry, runtime=runtime, remnants=remnants))
    if silent and len(silent) == len(asked):
        raise TetherError(
            f"No container runtime says what is there: {'; '.join(silent)}\nLook at it with: {asked[0]} info"
        )
    return found


def installed(environment: Mapping[str, str], runtimes: Sequence[str] = RUNTIMES) -> list[str]:
    """Container runtimes whose programs are there."""
    return [one for one in runtimes if shutil.which(one, path=environment.get("PATH"))]


class _SilentError(Exception):
    """The runtime does not answer."""


def _labelled(execute: Run, runtime: str) -> Iterator[tuple[str, str, Entry]]:
    """Kind, name and environment of everything that carries the labels of one of this user's."""
    for kind, (listing, inspection) in _LOOKS.items():
        answer = execute([runtime, *listing, "--filter", f"label={labels.NAME_LABEL}"])
        if answer.returncode:
            raise _SilentError(answer.stderr.strip())
        for name in answer.stdout.split():
            # One by one: what goes away in between must not hide the rest.
            told = execute([runtime, *inspection, name])
            known = json.loads(told.stdout or "null") if told.returncode == 0 else None
            entry = labels.read(cast("dict[str, str]", known or {}))
            if entry and entry.owner.is_me:
                yield kind, name, entry


def _execute(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return runtime_call.answer(command, environment, _SECONDS)
