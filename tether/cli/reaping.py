"""Removes environments that are over: found by their files, then by labels, then by names."""

import dataclasses
import datetime
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tether.cli import environments, lost
from tether.cli.talk import complain, say
from tether.environments import lifetime, owner
from tether.environments.registry import Entry, Phase, Registry
from tether.errors import LockedError, TetherError


@dataclass(frozen=True, kw_only=True)
class Case:
    """One environment that may go."""

    entry: Entry
    why: str
    found_by: str
    """``file``, ``label`` or ``name``."""


def lost_ones(known: Registry) -> list[Entry]:
    """Environments of this registry that only labels tell of; those of another registry have a file there.

    Raises:
        TetherError: no container runtime answers.
    """
    names = {entry.name for entry in known.entries()}
    seen = [one.entry for one in lost.look(environments.of_machine())]
    found = {entry.name: entry for entry in seen if entry.folder == known.folder_of(entry.name)}
    return [entry for name, entry in sorted(found.items()) if name not in names]


def cases(known: Registry, moment: datetime.datetime) -> list[Case]:
    """What may go, and why; nothing is changed.

    Nothing of another user or host is among it, and nothing that a live run works on.

    Raises:
        TetherError: no container runtime answers.
    """
    found: list[Case] = []
    for entry in known.entries():
        at_work = entry.worker is not None and not entry.worker.why_gone
        why = lifetime.why_over(entry.expires, owner_is_gone=entry.why_abandoned, moment=moment)
        if why and entry.owner.is_me and not at_work:
            found.append(Case(entry=entry, why=why, found_by="file"))
    by_label = lost_ones(known)
    for entry in by_label:
        why = lifetime.why_over(entry.expires, owner_is_gone=entry.owner.why_gone, moment=moment)
        if why:
            found.append(Case(entry=entry, why=f"its file is lost; {why}", found_by="label"))
    alive = {entry.name for entry in by_label}
    for path in known.strays():
        if path.is_dir() and path.name not in alive:
            found.append(Case(entry=_of_folder(path), why="its file is lost, and its folder is left", found_by="name"))
    return found


def _of_folder(path: Path) -> Entry:
    made = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).replace(microsecond=0)
    checkout = (path / "Pulumi.yaml").resolve().parent
    return Entry(
        name=path.name, owner=owner.me(), created=made, expires=made, folder=path, checkout=checkout, phase=Phase.LOST
    )


def reap(known: Registry, moment: datetime.datetime, *, seconds: float, on_done: Callable[[Case, str], None]) -> bool:
    """Remove all that may go; one that cannot be removed keeps nothing else.

    Args:
        known: the environments of this machine.
        moment: now.
        seconds: how long the engine may take for each.
        on_done: told each case with what became of it: ``removed``, ``in use`` or ``failed``.

    Returns:
        Whether everything that may go is gone, but for what is in use.
    """
    complete = True
    for case in cases(known, moment):
        say(f"removing environment {case.entry.name}: {case.why}")
        try:
            remove(known, case.entry, seconds=seconds)
        except LockedError as error:
            say(str(error))
            on_done(case, "in use")
        except TetherError as error:
            complain(str(error))
            on_done(case, "failed")
            complete = False
        else:
            on_done(case, "removed")
    for path in known.strays():
        if not path.is_dir():
            path.unlink(missing_ok=True)
    return complete


def remove(known: Registry, entry: Entry, *, seconds: float, force: bool = False) -> None:
    """Take an environment down, also one whose file is lost.

    Raises:
        LockedError: another run works on it.
        TetherError: something could not be removed.
    """
    with known.alone():
        if known.find(entry.name) is None:
            known.write(dataclasses.replace(entry, worker=owner.me(os.getpid())))
    environments.down(known, entry.name, seconds=seconds, force=force)
