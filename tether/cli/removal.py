"""``tether down`` as it is typed: says what goes, asks, removes it, and gives what went as a document."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import typer

from tether.cli.delivery import give
from tether.cli.down import NothingThereError, Removal, down, look
from tether.cli.forms import Form
from tether.cli.project import Project
from tether.cli.talk import say
from tether.document import Document, Kind, Part
from tether.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    dry_run: bool = False
    yes: bool = False
    unreachable: bool = False
    force: bool = False
    output: Form = Form.TEXT

    @property
    def is_for_programs(self) -> bool:
        """Whether the result is a document."""
        return self.output is Form.JSON


class RemnantsPart(Part):
    """What is, or was, on this machine."""

    containers: tuple[str, ...] = ()
    """Names."""
    networks: tuple[str, ...] = ()
    """Names."""
    volumes: tuple[str, ...] = ()
    """Names."""
    processes: tuple[str, ...] = ()
    """Programs with their numbers."""


class RemovalDocument(Document):
    """What the removal of an environment would remove, or removed; all is empty where there was nothing."""

    kind: Literal[Kind.REMOVAL] = Kind.REMOVAL
    dry_run: bool
    """Whether it was only said."""
    stack: str
    """Name of the stack."""
    recorded: tuple[str, ...] = ()
    """URNs of its resources."""
    clusters: tuple[str, ...] = ()
    """What becomes of each cluster that does not go with a container of this machine, one line each."""
    remnants: RemnantsPart = RemnantsPart()
    """What is, or was, on this machine, recorded or not."""


def remove(place: Project, wish: Wish) -> None:
    """Say what would go, ask, and remove it, as far as each is wanted.

    Raises:
        UsageError: nobody is there to be asked.
        NothingThereError: there is no such stack, and nothing of it.
        TetherError: something could not be removed.
    """
    try:
        _remove(place, wish)
    except NothingThereError as nothing:
        nothing.document = RemovalDocument(dry_run=wish.dry_run, stack=place.stack)
        raise


def _remove(place: Project, wish: Wish) -> None:
    removal = look(place) if wish.dry_run or not wish.yes or wish.is_for_programs else None
    if removal and (wish.dry_run or not wish.yes):
        # A program that reads JSON gets one document, at the end.
        _show(removal, say if wish.is_for_programs else print)
    if not wish.dry_run:
        if not wish.yes:
            _ask(place)
        down(place, unreachable=wish.unreachable, force=wish.force)
        say(f"Stack {place.stack} is gone: no cluster, container, network, volume or process of it is left.")
    if removal and wish.is_for_programs:
        give(_document(place, removal, dry_run=wish.dry_run))


def _show(removal: Removal, tell: Callable[[str], None]) -> None:
    for line in (*removal.recorded, *removal.clusters, *removal.remnants.lines()):
        tell(line)


def _ask(place: Project) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to be asked, so nothing was removed. Say yes beforehand: tether down --yes")
    typer.confirm(f"Remove all this of stack {place.stack}?", abort=True, err=True)


def _document(place: Project, removal: Removal, *, dry_run: bool) -> RemovalDocument:
    found = removal.remnants
    remnants = RemnantsPart(
        containers=found.containers,
        networks=found.networks,
        volumes=found.volumes,
        processes=tuple(map(str, found.processes)),
    )
    return RemovalDocument(
        dry_run=dry_run, stack=place.stack, recorded=removal.recorded, clusters=removal.clusters, remnants=remnants
    )
