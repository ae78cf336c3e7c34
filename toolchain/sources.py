"""Where every part comes from: found on the machine, released by its makers, or built from packages.

``TETHER_SOURCE`` decides: ``installed``, ``releases``, ``packages``, or ``auto``
(the default): tools of a fitting version that are installed are used, the rest
comes from releases where they can be reached, else from packages. Everything
that asks the machine goes through ``Machine``, so that all of it is tested.
"""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tether import versions
from tether.versions import IstioLine
from toolchain import places, shell

VARIABLE = "TETHER_SOURCE"
RELEASE_HOSTS = ("github.com", "get.pulumi.com", "dl.k8s.io", "ghcr.io", "registry-1.docker.io", "quay.io")
"""All of them are needed: a mesh half from releases and half from packages is nobody's release."""
RESOLVE_SECONDS = 2.0
ANSWER_SECONDS = 15.0


class Source(StrEnum):
    """Where parts come from."""

    AUTO = "auto"
    INSTALLED = "installed"
    RELEASES = "releases"
    PACKAGES = "packages"


class SourceError(Exception):
    """The source that was asked for cannot give what is needed; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """A program that is needed, and which versions of it fit."""

    name: str
    question: tuple[str, ...]
    """Arguments that make it print its version."""
    fits: Callable[[tuple[int, ...]], bool]
    wanted: str
    """The fitting versions in words."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A program on the machine."""

    path: str
    version: str
    fits: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was decided, before anything is fetched or built."""

    source: Source
    """Of images, charts and of the tools that are not installed: ``releases`` or ``packages``."""
    why: str
    line: IstioLine
    installed: Mapping[str, Found]
    """Tools that are taken from the machine."""
    notes: Mapping[str, str]
    """Tool → why the installed one, if any, was not taken."""


class Machine(Protocol):
    """What the choice asks the machine."""

    def which(self, name: str) -> str | None:
        """The path of a program, links that Tether made left out."""
        ...

    def ask(self, path: str, arguments: Sequence[str]) -> str:
        """What the program prints; empty if it fails."""
        ...

    def resolves(self, hosts: Sequence[str]) -> bool:
        """Whether every host name resolves within two seconds."""
        ...


def _same_line(pin: versions.Pin) -> Callable[[tuple[int, ...]], bool]:
    wanted = shell.version_numbers(pin.version)
    return lambda version: version[:1] == wanted[:1] and version >= wanted


def _near(pin: versions.Pin, minors: int) -> Callable[[tuple[int, ...]], bool]:
    major, minor = shell.version_numbers(pin.version)[:2]
    return lambda version: version[:1] == (major,) and len(version) > 1 and abs(version[1] - minor) <= minors


def needs(line: IstioLine) -> tuple[Need, ...]:
    """The programs that every checkout needs, istioctl of its line of Istio."""
    return (
        Need(
            name="pulumi",
            question=("version",),
            fits=_same_line(versions.PULUMI),
            wanted=f"{versions.PULUMI.version} or a newer 3.x: the Python SDK is of that version",
        ),
        Need(
            name="kind",
            question=("version",),
            fits=_same_line(versions.KIND),
            wanted=f"{versions.KIND.version} or a newer 0.x: the node image is made from its base files",
        ),
        Need(
            name="kubectl",
            question=("version", "--client", "--output=json"),
            fits=_near(versions.KUBERNETES, 1),
            wanted=f"within one minor version of {versions.KUBERNETES.version}, Kubernetes' own rule",
        ),
        Need(
            name="istioctl",
            question=("version", "--remote=false", "--short"),
            fits=_near(line.build, 0),
            wanted=f"of the line of {line.build.version}, like the mesh",
        ),
    )


def choose(
    machine: Machine,
    wanted: Source,
    remembered: tuple[Source, str] | None = None,
    line: IstioLine = versions.DEFAULT_LINE,
) -> Choice:
    """Decide where the parts come from.

    ``remembered`` is what an earlier run decided in this checkout, and why: with ``auto`` it
    stands, so that a mesh does not change its images because the network was away for a minute.

    Raises:
        SourceError: ``installed`` or ``releases`` was asked for and cannot be had; all that is missing at once.
    """
    if wanted is Source.PACKAGES:
        return Choice(source=wanted, why=f"{VARIABLE}=packages", line=line, installed={}, notes={})
    needed = needs(line)
    with ThreadPoolExecutor(len(needed)) as pool:
        asked = {need.name: pool.submit(find, machine, need) for need in needed}
        answers = {name: answer.result() for name, answer in asked.items()}
    fitting = {name: found for name, found in answers.items() if found and found.fits}
    notes = {name: found.why if found else "not installed" for name, found in answers.items() if name not in fitting}
    if wanted is Source.RELEASES:
        if not machine.resolves(RELEASE_HOSTS):
            raise SourceError(
                f"{VARIABLE}=releases — the names {', '.join(RELEASE_HOSTS)} do not all resolve within "
                f"{RESOLVE_SECONDS:g} s, so official releases cannot be fetched. "
                f"Build from packages instead: {VARIABLE}=packages make tools"
            )
        return Choice(source=wanted, why=f"{VARIABLE}=releases", line=line, installed={}, notes=notes)
    if wanted is Source.INSTALLED and notes:
        lines = [f"  {need.name}: {notes[need.name]}; wanted {need.wanted}" for need in needed if need.name in notes]
        raise SourceError(
            f"{VARIABLE}=installed — these tools are not on this machine in a fitting version:\n"
            + "\n".join(lines)
            + f"\nInstall them, or let Tether get them: {VARIABLE}=auto make tools"
        )
    source, why = _source_of_images(machine, remembered)
    return Choice(source=source, why=why, line=line, installed=fitting, notes=notes)


def _source_of_images(machine: Machine, remembered: tuple[Source, str] | None) -> tuple[Source, str]:
    if remembered and remembered[0] in (Source.RELEASES, Source.PACKAGES):
        return remembered
    if machine.resolves(RELEASE_HOSTS):
        return Source.RELEASES, f"{RELEASE_HOSTS[0]} and the other release hosts can be reached"
    return Source.PACKAGES, f"release hosts ({RELEASE_HOSTS[0]} …) do not resolve within {RESOLVE_SECONDS:g} s"


def find(machine: Machine, need: Need) -> Found | None:
    """The installed program, if there is one, and whether it fits."""
    path = machine.which(need.name)
    if path is None:
        return None
    answer = machine.ask(path, need.question)
    version = ".".join(map(str, shell.version_numbers(answer)))
    if not version:
        return Found(path=path, version="", fits=False, why=f"{path} does not say its version")
    if not need.fits(shell.version_numbers(version)):
        return Found(path=path, version=version, fits=False, why=f"{path} is {version}, wanted {need.wanted}")
    return Found(
        path=path, version=version, fits=True, why=f"found on this machine in a fitting version ({need.wanted})"
    )


def wanted(environment: Mapping[str, str]) -> Source:
    """What ``TETHER_SOURCE`` asks for.

    Raises:
        SourceError: it holds another word.
    """
    value = environment.get(VARIABLE, "") or Source.AUTO
    try:
        return Source(value)
    except ValueError:
        raise SourceError(f"{VARIABLE}={value} — no such source; use one of: {', '.join(Source)}") from None


def _leads_through_ours(program: Path) -> bool:
    """Whether a program is a link that a checkout made, or leads to one: also an environment's, another checkout's."""
    while not places.is_programs(program.parent.resolve()):
        if not program.is_symlink():
            return False
        program = program.parent / program.readlink()
    return True


class ThisMachine:
    """The machine that this runs on."""

    def which(self, name: str) -> str | None:
        """The path of a program, links that Tether made left out: a link to itself would lead nowhere."""
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        found = (shutil.which(name, path=folder) for folder in folders)
        return next((program for program in found if program and not _leads_through_ours(Path(program))), None)

    def ask(self, path: str, arguments: Sequence[str]) -> str:
        """What the program prints; empty if it fails."""
        try:
            return shell.output([path, *arguments], timeout=ANSWER_SECONDS)
        except (OSError, shell.CommandError):
            return ""

    def resolves(self, hosts: Sequence[str]) -> bool:
        """Whether every host name resolves within two seconds."""
        answers: list[bool] = []

        def resolve(host: str) -> None:
            try:
                answers.append(bool(socket.getaddrinfo(host, 443)))
            except OSError:
                answers.append(False)

        # Daemon threads: a resolver that hangs must not keep the process from ending.
        threads = [threading.Thread(target=resolve, args=(host,), daemon=True) for host in hosts]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + RESOLVE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return len(answers) == len(hosts) and all(answers)
