"""``tether down``: removes an environment, whatever state it is in, and looks whether it is gone."""

import contextlib
import shutil
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass

from tether import parts
from tether.cli import foreign, locks, processes, project, protected, records, remnants, stack_file
from tether.cli.engine import Engine, EngineError, engine_of
from tether.cli.foreign import Foreign
from tether.cli.project import Project
from tether.cli.recovery import recover
from tether.cli.remnants import Machine, Remnants
from tether.cli.state import State
from tether.cli.talk import say, warn
from tether.cli.up import machine_of
from tether.errors import Problem, TetherError, UsageError, count
from tether.removal import reach
from toolchain.environment import BACKEND_VARIABLE


@dataclass(frozen=True)
class Removal:
    """What ``tether down`` would remove, or removed."""

    recorded: tuple[str, ...]
    """URNs of the stack's resources."""
    clusters: tuple[str, ...]
    """What becomes of each cluster that does not go with a container of this machine, one line each."""
    remnants: Remnants
    """What is on the machine, recorded or not."""


def look(place: Project) -> Removal:
    """Find out what there is, and change nothing."""
    engine, machine = _tools(place)
    exported = engine.export()
    state = State(exported) if exported is not None else None
    suffixes = records.read(place).suffixes | (state.suffixes() if state else set[str]())
    _refuse_nothing(place, state, suffixes)
    protected.refuse(place, state, "make down")
    recorded, clusters = (), ()
    if state is not None:
        recorded = tuple(str(resource["urn"]) for resource in state.resources)
        with foreign.opened(place, engine, state, lenient=True) as found:
            clusters = tuple(cluster.line() for cluster in found)
    return Removal(recorded, clusters, machine.of_suffixes(suffixes))


def down(place: Project, *, unreachable: bool = False, force: bool = False, deadline: float | None = None) -> None:
    """Remove the environment.

    Args:
        place: The checkout and the stack.
        unreachable: Give up what is in a cluster that does not answer.
        force: The same, and remove what is on this machine even if the state cannot be read or the engine fails.
        deadline: Moment of the monotonic clock after which the engine is cancelled, and all that it has not
            removed is kept in the state; None: never.

    Raises:
        NothingThereError: there is no such stack, and nothing of it.
        PolicyError: the mesh is protected; nothing was changed.
        PreflightError: a cluster does not answer and must not be given up; nothing was changed.
        TetherError: something is left that could not be removed.
    """
    gives_up = unreachable or force
    with locks.alone(place):
        engine, machine = _tools(place, {reach.GIVE_UP: "true"} if gives_up else {}, deadline)
        locks.clear_dead_locks(place, say)
        processes.end(processes.orphaned_plugins(place.private / "pulumi"))
        exported = engine.export()
        state = State(exported) if exported is not None else None
        _refuse_nothing(place, state, records.read(place).suffixes)
        protected.refuse(place, state, "make down")
        known = records.add(place, state.suffixes() if state else ())
        clusters: tuple[Foreign, ...] = ()
        if state is not None:
            with foreign.opened(place, engine, state, lenient=force) as clusters:
                if not gives_up:
                    foreign.refuse_silent(place, clusters)
                _remove_stack(engine, machine, state, clusters, force=force)
        found = machine.of_suffixes(known.suffixes)
        if found:
            machine.remove(found)
        _remove_files(place)
        foreign.keep_way_back(place, clusters)
        _prove_gone(place, machine, known.suffixes)
        records.forget(place)


def _tools(
    place: Project, more: Mapping[str, str] | None = None, deadline: float | None = None
) -> tuple[Engine, Machine]:
    """The engine, with environment variables of its own, and the container runtime."""
    try:
        return engine_of(place, {**project.full_environment(place), **(more or {})}, deadline), machine_of(place)
    except parts.PartsMissingError as error:
        if records.read(place).suffixes or place.state.is_dir():
            raise TetherError(f"The tools that could remove it are missing. {error}") from None
        raise NothingThereError(place) from None


def _refuse_nothing(place: Project, state: State | None, suffixes: Collection[str]) -> None:
    if state is None and not suffixes and not remnants.state_files(place):
        raise NothingThereError(place)


_OTHER_STATE = f"set {BACKEND_VARIABLE} as it was then, or unset it for the checkout's own."


class NothingThereError(TetherError):
    """This checkout never made anything of the stack, or has removed it all."""

    exit_code = TetherError.exit_code.OK

    def __init__(self, place: Project) -> None:
        where = f"the state at {place.shared_state}" if place.shared_state else "this checkout"
        others = [] if place.shared_state else remnants.other_stacks(place)
        hint = f" It has: {', '.join(others)}." if others else ""
        if place.records_elsewhere:
            hint += f" One of that name was made from here with another state: {_OTHER_STATE}"
        super().__init__(f"Nothing to remove: {where} has nothing of a stack {place.stack}.{hint}")


def _remove_stack(engine: Engine, machine: Machine, state: State, clusters: Sequence[Foreign], *, force: bool) -> None:
    state = recover(state, engine, machine, say, to_go_on=False)
    with _tolerated(force=force):
        foreign.clear(engine, clusters)
    _destroy(engine, state, clusters, force=force)
    left: list[Problem] = []
    with _tolerated(force=force):
        left += foreign.left(clusters)
    if left and not force:
        number = count(len(left), "thing")
        raise TetherError(f"{number} of the mesh could not be removed. Once that is done: tether down", left)
    for problem in left:
        warn(str(problem).strip())
    engine.ask("stack", "rm", "--yes", "--force", "--preserve-config", "--remove-backups")


@contextlib.contextmanager
def _tolerated(*, force: bool) -> Generator[None]:
    """Only tell what a cluster refuses, where everything is to be given up."""
    try:
        yield
    except TetherError as error:
        if not force:
            raise
        warn(error.headline)


def _destroy(engine: Engine, state: State, clusters: Sequence[Foreign], *, force: bool) -> None:
    if state.is_empty:
        return
    # Whatever cannot be reached: what can be is to go.
    options = ("--continue-on-error",) if any(cluster.side.silence for cluster in clusters) else ()
    try:
        engine.destroy(*options)
    except (EngineError, UsageError) as error:
        # A state that cannot be read is given up only where that was asked for.
        if isinstance(error, UsageError) and not force:
            raise
        # With the clusters everything in them goes; objects in other clusters are known to the state alone.
        if state.has_foreign_clusters and not force:
            raise TetherError(
                f"{error}\nObjects in clusters that Tether did not make are still recorded, so the state is kept. "
                "Mend the cause and run it again, or give them up with: tether down --force"
            ) from None
        warn("the engine could not remove everything in good order; removing the clusters themselves")


def _remove_files(place: Project) -> None:
    own = remnants.state_files(place)
    if not place.shared_state and not remnants.other_stacks(place):
        # Nobody else needs the engine's logs and the rest of the backend. The passphrase stays: stack files
        # of this checkout may hold secrets that only it opens.
        own = (place.state, place.private / "pulumi" / "logs", place.private / "pulumi" / "workspaces", *own)
    for path in own:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    _remove_plugin_files(place)
    stack_file.forget_salt(place)


def _remove_plugin_files(place: Project) -> None:
    """What plugins that have ended left (toolchain/install.py): kubeconfigs of clusters that may still be there."""
    for path in (place.private / "pulumi" / "plugin-files").glob("[0-9]*"):
        if not processes.is_alive(int(path.name)):
            shutil.rmtree(path, ignore_errors=True)


def _prove_gone(place: Project, machine: Machine, suffixes: frozenset[str]) -> None:
    left = machine.of_suffixes(suffixes)
    if left:
        things = list(left.lines())
        raise TetherError(
            f"{count(len(things), 'thing')} could not be removed: {', '.join(things)}. "
            f"Nothing of it is forgotten; try again with: {place.down_command}"
        )
