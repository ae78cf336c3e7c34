"""What ``tether env up`` is asked for, checked as a whole, and the name taken before anything is made."""

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tether import durations
from tether.cli import project, stack_file
from tether.cli.project import Project
from tether.environments import folder, lifetime, owner, registry, settings_file
from tether.environments.registry import Entry, Phase, Registry
from tether.errors import LockedError, Problem, UsageError, count
from tether.topology import Platform

DEFAULT_TIMEOUT = "15m"
_UP = "tether env up"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    name: str = ""
    """Empty: one is made up."""
    ttl: str = ""
    """Empty: the default for a new one, no change for one that is there."""
    remotes: int | None = None
    settings: Path | None = None
    owner: int | None = None
    """A process that the environment must not outlive."""
    timeout: str = DEFAULT_TIMEOUT


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A name that is taken, and what can be given back where nothing comes of it."""

    entry: Entry
    before: Entry | None
    """The environment as it was; None where there was none."""
    settings_before: str | None
    source: Path
    """The file that its settings come from."""

    def give_back(self, known: Registry) -> None:
        """Have the environment be what it was, settings and end included, unless its end was moved meanwhile."""
        assert self.before is not None  # noqa: S101 - or there would be nothing to be again
        phase = Phase.STANDING if self.before.phase is Phase.STANDING else Phase.FAILED
        with known.alone():
            latest = known.find(self.entry.name) or self.entry
            expires = self.before.expires if latest.expires == self.entry.expires else latest.expires
            known.write(dataclasses.replace(self.before, phase=phase, worker=None, expires=expires))
            if self.settings_before is not None:
                project.find(self.entry.folder, self.entry.name).stack_file.write_text(self.settings_before)


def seconds(wish: Wish) -> float:
    """How long everything may take.

    Raises:
        UsageError: carries everything that is wrong with the options, not with this one alone.
    """
    if problems := list(_problems(wish)):
        raise UsageError(f"{count(len(problems), 'option')} cannot be used; nothing was made.", problems)
    return durations.seconds(wish.timeout)


def _problems(wish: Wish) -> Iterator[Problem]:
    if wish.name and not registry.NAME.fullmatch(wish.name):
        yield Problem(
            subject="NAME", shown=wish.name, wrong="is none: small letters, digits and '-' inside, 40 at most",
            why="it becomes the name of a stack, a folder and a label", fix=f"{_UP} pr-1",
        )  # fmt: skip
    if wish.ttl:
        try:
            lifetime.of_environment(wish.ttl)
        except ValueError as error:
            yield Problem(
                subject="--ttl", shown=wish.ttl, wrong=str(error),
                why="that is when it is removed, whoever has forgotten it", fix=f"{_UP} --ttl {lifetime.DEFAULT}",
            )  # fmt: skip
    try:
        durations.seconds(wish.timeout)
    except ValueError as error:
        yield Problem(
            subject="--timeout", shown=wish.timeout, wrong=str(error),
            why="after that everything is cancelled in good order", fix=f"{_UP} --timeout {DEFAULT_TIMEOUT}",
        )  # fmt: skip
    if wish.remotes is not None and not 1 <= wish.remotes <= settings_file.MOST_REMOTES:
        yield Problem(
            subject="--remotes", shown=str(wish.remotes), wrong=f"is not between 1 and {settings_file.MOST_REMOTES}",
            why="a mesh is a primary with one remote or more, and there are addresses for so many",
            fix=f"{_UP} --remotes 1",
        )  # fmt: skip
    if wish.owner is not None and not owner.is_running(wish.owner):
        yield Problem(
            subject="--owner", shown=str(wish.owner), wrong="is no process of this machine that runs",
            why="the environment would be removed at once", fix=f"{_UP} --owner $$  # this shell",
        )  # fmt: skip
    if wish.settings is not None:
        try:
            settings_file.read(wish.settings.read_text())
        except (OSError, UnicodeDecodeError, ValueError) as error:
            wrong = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            yield Problem(
                subject="--settings", shown=str(wish.settings), wrong=wrong,
                why="it says what mesh is wanted, as a file in stacks/ does",
                fix=f"{_UP} --settings stacks/Pulumi.kind.yaml",
            )  # fmt: skip


def claim(known: Registry, start: Path, wish: Wish) -> Claim:
    """Take the name, and make or mend the folder; from then on a reaper finds whatever is made.

    Raises:
        UsageError: the name is another checkout's, another host's, or paused.
        LockedError: another run works on it.
        NotFoundError: there is no checkout, or it has no settings.
    """
    around = project.find(start, project.DEFAULT_STACK)
    # In the folder of an environment, everything leads to its checkout.
    checkout = (around.root / "Pulumi.yaml").resolve().parent
    source = project.find(checkout, project.DEFAULT_STACK)
    with known.alone():
        name = wish.name or f"env-{secrets.token_hex(3)}"
        found = known.find(name)
        if found:
            _refuse(found, checkout)
        file, text = _settings(source, wish, found)
        document = settings_file.read(text)
        if wish.remotes is not None:
            declared: object = project.declared_config(source).get(f"{source.name}:clusters")
            document = settings_file.with_remotes(document, wish.remotes, project=source.name, declared=declared)
            text = settings_file.write(document)
        entry = known.write(_entry(known, name, wish, found, checkout, _kind_clusters(source, document)))
        folder.make(entry)
        place = project.find(entry.folder, name)
        if settings_file.has_secrets(text):
            folder.take_passphrase(entry)
        before = place.stack_file.read_text() if place.stack_file.is_file() else None
        if not place.stack_file.is_file() or wish.settings or wish.remotes is not None:
            place.stack_file.touch(mode=0o600)
            place.stack_file.write_text(text)
    return Claim(entry=entry, before=found, settings_before=before, source=file)


def _refuse(found: Entry, checkout: Path) -> None:
    away = f"{_UP} ANOTHER-NAME; or take it down: tether env down {found.name}"
    if found.worker and not found.worker.why_gone:
        raise LockedError(
            f"Environment {found.name} is {found.phase}, by process {found.worker.process}. Wait for it to end, "
            f"or take another name: {_UP} ANOTHER-NAME"
        )
    if not found.owner.is_me:
        raise UsageError(f"Environment {found.name} is {found.owner}'s. Take another name: {_UP} ANOTHER-NAME")
    if found.checkout != checkout:
        raise UsageError(
            f"Environment {found.name} runs the program of {found.checkout}, not of {checkout}. Take another: {away}"
        )
    if found.phase is Phase.PAUSED:
        raise UsageError(f"Environment {found.name} is paused. Have it go on with: tether env resume {found.name}")


def _settings(source: Project, wish: Wish, found: Entry | None) -> tuple[Path, str]:
    """The stack file that is wanted, else that which the environment has, else the checkout's; and what is in it."""
    if wish.settings:
        return wish.settings.absolute(), _to_be_had(wish.settings)
    if found:
        own = found.folder / source.stack_folder / f"Pulumi.{found.name}.yaml"
        with contextlib.suppress(OSError, ValueError):
            settings_file.read(own.read_text())
            return own, own.read_text()
    project.stack_config(source)  # refuses a checkout without
    return source.stack_file, _to_be_had(source.stack_file)


def _to_be_had(file: Path) -> str:
    """Another stack's file; its salt fits that stack's passphrase alone, which is taken over only for its secrets."""
    text = file.read_text()
    return text if settings_file.has_secrets(text) else stack_file.without_salt(text)


def _entry(known: Registry, name: str, wish: Wish, found: Entry | None, checkout: Path, clusters: int) -> Entry:
    moment = lifetime.now()
    expires = moment + lifetime.of_environment(wish.ttl or lifetime.DEFAULT)
    worker = owner.me(os.getpid())
    if found is None:
        return Entry(
            name=name, owner=owner.me(wish.owner), created=moment, expires=expires, folder=known.folder_of(name),
            checkout=checkout, phase=Phase.MAKING, clusters=clusters, worker=worker,
        )  # fmt: skip
    return dataclasses.replace(
        found, phase=Phase.MAKING, clusters=clusters, worker=worker,
        expires=expires if wish.ttl else found.expires,
        owner=owner.me(wish.owner) if wish.owner is not None else found.owner,
    )  # fmt: skip


def _kind_clusters(source: Project, document: dict[str, Any]) -> int:
    """How many clusters are made on this machine; whatever else is wrong with the list is told later, in full."""
    config: dict[str, Any] = document["config"]
    key = f"{source.name}:clusters"
    listed: Any = config.get(key) or config.get("clusters") or project.declared_config(source).get(key) or []
    if not isinstance(listed, list):
        return 0
    ones = [cast("dict[str, Any]", one) for one in cast("list[Any]", listed) if isinstance(one, dict)]
    return sum(1 for one in ones if one.get("platform", Platform.KIND) == Platform.KIND)
