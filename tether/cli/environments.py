"""Environments of this machine: claimed, made, looked at, given more time, taken down."""

import contextlib
import dataclasses
import datetime
import os
import shlex
import time
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from tether import kubeconfig, parts
from tether.cli import claim, lost, mending, private_file, processes, project, records, remnants
from tether.cli.claim import Wish
from tether.cli.down import NothingThereError
from tether.cli.down import down as take_down
from tether.cli.project import Project
from tether.cli.remnants import Machine, Remnants
from tether.cli.state import State, of_environment
from tether.cli.summary import Outcome
from tether.cli.talk import say
from tether.cli.up import up as bring_up
from tether.environments import folder, lifetime, owner
from tether.environments.registry import Entry, Phase, Registry
from tether.errors import LockedError, NotFoundError, TetherError, UsageError
from toolchain import places


def find(known: Registry, name: str) -> Entry:
    """An environment of this machine.

    Raises:
        NotFoundError: there is none of that name.
    """
    entry = known.find(name)
    if entry is None:
        names = ", ".join(one.name for one in known.entries()) or "none"
        raise NotFoundError(f"There is no environment {name}. There are: {names}. Make it with: tether env up {name}")
    return entry


def place_of(entry: Entry) -> Project:
    """The folder of an environment as commands take a checkout.

    Raises:
        NotFoundError: the checkout that it runs the program of is gone.
    """
    if not folder.has_tools(entry):
        raise NotFoundError(
            f"Environment {entry.name} runs the program of {entry.checkout}, whose tools are gone. "
            f"Make them again there with: make tools; or remove it with: tether env down {entry.name}"
        )
    return project.find(entry.folder, entry.name)


def up(known: Registry, start: Path, wish: Wish) -> tuple[Entry, Outcome]:
    """Make an environment, or go on with one.

    Args:
        known: the environments of this machine.
        start: a folder of the checkout.
        wish: what the command line asks for.

    Raises:
        TetherError: with the exit code that belongs to it. Where nothing was made yet, nothing is left; where nothing
            was changed yet, the environment is what it was.
    """
    deadline = time.monotonic() + claim.seconds(wish)
    claimed = claim.claim(known, start, wish)
    entry = claimed.entry
    say(f"environment {entry.name}: {ending(entry)}; its own things lie in {entry.folder}")
    # Not place_of: where the tools are still to be built, that is a part of coming up.
    place = project.find(entry.folder, entry.name)
    stood = place.read_state()
    try:
        outcome = bring_up(place, deadline=deadline)
        write_kubeconfig(place)
    except BaseException as error:
        if _is_untouched(place):
            discard(known, entry)
        elif claimed.before and place.read_state() == stood:
            claimed.give_back(known)
        else:
            settle(known, entry, Phase.FAILED)
        if isinstance(error, mending.CHANGED_BY_SETTINGS):
            stays = place.root.is_dir()
            where = place if stays else project.find(entry.checkout, project.DEFAULT_STACK)
            raise mending.with_steps(error, where, claimed.source) from None
        raise
    return settle(known, entry, Phase.STANDING), outcome


def _is_untouched(place: Project) -> bool:
    """Whether a run ended before it made anything."""
    written = place.read_state()
    if records.read(place).suffixes or (written is None and remnants.state_files(place)):
        return False
    return written is None or State(written).is_empty


def settle(known: Registry, entry: Entry, phase: Phase) -> Entry:
    """Write that nobody works on an environment any more; its end may have been moved meanwhile."""
    with known.alone():
        latest = known.find(entry.name) or entry
        return known.write(dataclasses.replace(latest, phase=phase, worker=None))


@contextlib.contextmanager
def at_work(known: Registry, name: str, phase: Phase, *, failed: Phase) -> Generator[Entry]:
    """Work on an environment, alone; whoever reaps sees who does, and what it is if that fails.

    Raises:
        NotFoundError: there is none of that name.
        LockedError: another run works on it.
    """
    with known.alone():
        entry = find(known, name)
        refuse_worker(entry)
        entry = known.write(dataclasses.replace(entry, phase=phase, worker=owner.me(os.getpid())))
    try:
        yield entry
    except BaseException:
        settle(known, entry, failed)
        raise


def refuse_worker(entry: Entry) -> None:
    """See that nobody works on an environment.

    Raises:
        LockedError: a live run does.
    """
    if entry.worker and not entry.worker.why_gone and entry.worker.process != os.getpid():
        raise LockedError(
            f"Environment {entry.name} is {entry.phase}, by process {entry.worker.process}. "
            f"Wait for it to end, or end it in good order: kill -INT {entry.worker.process}"
        )


def ending(entry: Entry) -> str:
    """Say how long it lives."""
    parts = [f"until {entry.expires:%Y-%m-%d %H:%M} UTC" if entry.expires else "until it is taken down"]
    if entry.owner.process:
        parts.append(f"not longer than process {entry.owner.process}")
    return ", ".join(parts)


def write_kubeconfig(place: Project) -> Path:
    """Write one file with a context for each cluster, beside everything else of the environment.

    Raises:
        NotFoundError: no cluster is up.
    """
    file = place.root / folder.KUBECONFIG
    state = State(written) if (written := place.read_state()) else None
    names = cast("list[str]", state.outputs.get("clusters") or []) if state else []
    contents = {name: (place.kubeconfigs / name).read_text() for name in names if (place.kubeconfigs / name).is_file()}
    if not contents:
        raise NotFoundError(f"Environment {place.environment} has no cluster that is up. Go on: {place.up_command}")
    private_file.write(file, kubeconfig.merged(contents))
    return file


def contexts(place: Project) -> list[str]:
    """Names of the contexts in that file, the current one first."""
    document = yaml.safe_load((place.root / folder.KUBECONFIG).read_text())
    return [str(one["name"]) for one in document["contexts"]]


def extend(known: Registry, name: str, text: str) -> Entry:
    """Let an environment live longer; one that had no end gets one, from now on.

    Raises:
        UsageError: it is no length of time.
    """
    try:
        length = lifetime.of_environment(text)
    except ValueError as error:
        raise UsageError(
            f"{text} {error}. For example: tether env extend {shlex.quote(name)} 1h; nothing was changed."
        ) from None
    with known.alone():
        entry = find(known, name)
        moment = lifetime.now()
        return known.write(dataclasses.replace(entry, expires=max(entry.expires or moment, moment) + length))


def keep(known: Registry, name: str) -> Entry:
    """Let an environment stand until somebody takes it down, whatever becomes of the process that it was for."""
    with known.alone():
        entry = find(known, name)
        free = dataclasses.replace(entry.owner, process=None, started="")
        return known.write(dataclasses.replace(entry, expires=None, owner=free))


def outputs(entry: Entry) -> dict[str, Any]:
    """Endpoints and versions as the engine recorded them; empty before it did."""
    state = of_environment(entry)
    return {name: state.outputs.get(name) for name in ("endpoints", "clusters", "mesh")} if state else {}


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """What there is of an environment."""

    recorded: tuple[str, ...]
    """URNs of what the engine recorded."""
    things: tuple[tuple[str, Remnants], ...]
    """What is on the machine, by container runtime."""

    def lines(self) -> Iterator[str]:
        """One line per thing, for people."""
        yield from self.recorded
        yield from dict.fromkeys(line for _, found in self.things for line in found.lines())


def look(entry: Entry, more_suffixes: Collection[str] = ()) -> Belongings:
    """Find what there is of an environment: by its state, by its labels, by its names.

    Args:
        entry: the environment.
        more_suffixes: that its names are known to have, also after its records are gone.
    """
    # Another registry of this user may have one of the same name.
    own = [
        one for one in lost.look(environment(entry)) if (one.entry.name, one.entry.folder) == (entry.name, entry.folder)
    ]
    found = [(one.runtime, one.remnants) for one in own]
    suffixes = _suffixes(entry) | set(more_suffixes)
    for runtime in lost.installed(environment(entry)):
        # One that does not answer has nothing, as long as another does; lost.look has seen to that.
        with contextlib.suppress(TetherError):
            found.append((runtime, Machine(runtime, environment(entry)).of_suffixes(suffixes)))
    state = of_environment(entry)
    recorded = tuple(str(resource["urn"]) for resource in state.resources) if state else ()
    return Belongings(recorded=recorded, things=tuple((runtime, things) for runtime, things in found if things))


def _suffixes(entry: Entry) -> set[str]:
    state = of_environment(entry)
    known = state.suffixes() if state else set[str]()
    with contextlib.suppress(TetherError):
        known |= records.read(project.find(entry.folder, entry.name)).suffixes
    return known


def environment(entry: Entry) -> dict[str, str]:
    """Variables for programs that work on an environment; the machine's own where its tools are gone."""
    if folder.has_tools(entry):
        return dict(project.full_environment(project.find(entry.folder, entry.name)))
    return of_machine()


def of_machine() -> dict[str, str]:
    """Variables for the container runtimes: as the parts of this installation want them, else this process's own."""
    with contextlib.suppress(parts.PartsMissingError, TetherError):
        return dict(project.full_environment(project.find(places.checkout().root, project.DEFAULT_STACK)))
    return dict(os.environ)


def down(known: Registry, name: str, *, seconds: float, force: bool = False) -> None:
    """Take an environment down, whatever state it is in.

    Args:
        known: the environments of this machine.
        name: its name.
        seconds: how long the engine may take.
        force: give up what cannot be reached, and a state that cannot be read.

    Raises:
        NotFoundError: there is none of that name.
        LockedError: another run works on it.
        TetherError: something could not be removed; its state is kept, and how to go on by hand was told.
    """
    deadline = time.monotonic() + seconds
    with at_work(known, name, Phase.REMOVING, failed=Phase.FAILED) as entry:
        try:
            _remove(entry, deadline, force=force)
        except TetherError:
            for line in by_hand(entry):
                say(line)
            raise
        discard(known, entry)


def _remove(entry: Entry, deadline: float, *, force: bool) -> None:
    suffixes = _suffixes(entry)
    if folder.has_tools(entry):
        with contextlib.suppress(NothingThereError):
            take_down(project.find(entry.folder, entry.name), force=force, deadline=deadline)
    else:
        say(f"its folder leads to no tools any more; removing what carries the labels or the name of {entry.name}")
        _refuse_foreign(entry, force=force)
    for runtime, things in look(entry, suffixes).things:
        Machine(runtime, environment(entry), again=f"tether env down {entry.name}").remove(things)
    if left := list(dict.fromkeys(line for _, things in look(entry, suffixes).things for line in things.lines())):
        raise TetherError(f"Could not be removed: {', '.join(left)}. Try again: tether env down {entry.name}")
    processes.end(processes.engines_of(entry.folder / ".tether" / "pulumi"))


def _refuse_foreign(entry: Entry, *, force: bool) -> None:
    """Without the engine nothing can be taken out of a cluster that was there before."""
    state = of_environment(entry)
    if state and state.has_foreign_clusters and not force:
        raise TetherError(
            "Objects in clusters that Tether did not make are still recorded, and the tools that could remove them "
            f"are gone. Make them with: cd {shlex.quote(str(entry.checkout))} && make tools; "
            f"or give the objects up: tether env down --force {entry.name}"
        )


def discard(known: Registry, entry: Entry) -> None:
    """Remove the folder of an environment of which nothing else is left, and its entry last."""
    with known.alone():
        folder.remove(entry.folder)
        known.forget(entry.name)


def by_hand(entry: Entry) -> Iterator[str]:
    """The commands that remove an environment without its own; for when those have failed."""
    yield f"The state of {entry.name} is kept. Once the cause is mended: tether env down {entry.name}"
    yield "Or by hand:"
    place = shlex.quote(str(entry.folder))
    if folder.has_tools(entry):
        yield f'  cd {place} && eval "$(.venv/bin/tether env)" && pulumi destroy --yes --stack {entry.name}'
    with contextlib.suppress(TetherError):
        # What is found by label is found by name as well.
        yield from dict.fromkeys(line for found in look(entry).things for line in _removal(*found))
    yield f"  cd / && rm -r {place} {place}.json"


def _removal(runtime: str, things: Remnants) -> Iterator[str]:
    if things.containers:
        yield f"  {runtime} rm --force --volumes {shlex.join(things.containers)}"
    if things.networks:
        yield f"  {runtime} network rm {shlex.join(things.networks)}"
    if things.volumes:
        yield f"  {runtime} volume rm --force {shlex.join(things.volumes)}"


def left(entry: Entry, moment: datetime.datetime) -> float | None:
    """Seconds until it expires, negative where it has; None where it does not."""
    return (entry.expires - moment).total_seconds() if entry.expires else None
