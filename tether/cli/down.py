"""``tether down``: removes an environment, whatever state it is in, and looks whether it is gone."""

import shutil
from dataclasses import dataclass

from tether import parts
from tether.cli import locks, processes, project, records, remnants, stack_file
from tether.cli.engine import Engine, EngineError
from tether.cli.project import Project
from tether.cli.recovery import recover
from tether.cli.remnants import Machine, Remnants
from tether.cli.state import State
from tether.cli.talk import say, warn
from tether.cli.up import machine_of
from tether.errors import TetherError, count


@dataclass(frozen=True)
class Removal:
    """What ``tether down`` would remove, or removed."""

    recorded: tuple[str, ...]
    """URNs of the stack's resources."""
    remnants: Remnants
    """What is on the machine, recorded or not."""


def look(place: Project) -> Removal:
    """Find out what there is, and change nothing."""
    engine, machine = _tools(place)
    exported = engine.export()
    state = State(exported) if exported is not None else None
    suffixes = records.read(place).suffixes | (state.suffixes() if state else set[str]())
    recorded = tuple(str(resource["urn"]) for resource in state.resources) if state else ()
    return Removal(recorded, machine.of_suffixes(suffixes))


def down(place: Project, *, force: bool = False) -> Removal:
    """Remove the environment.

    Args:
        place: The checkout and the stack.
        force: Remove what is on this machine even if the state cannot be read or the engine fails.

    Raises:
        TetherError: something is left that could not be removed.
    """
    with locks.alone(place):
        engine, machine = _tools(place)
        locks.clear_dead_locks(place, say)
        processes.end(processes.orphaned_plugins(place.private / "pulumi"))
        exported = engine.export()
        state = State(exported) if exported is not None else None
        known = records.add(place, state.suffixes() if state else ())
        if state is not None:
            _remove_stack(place, engine, machine, state, force=force)
        found = machine.of_suffixes(known.suffixes)
        if found:
            machine.remove(found)
        _remove_files(place)
        _prove_gone(machine, known.suffixes)
        records.forget(place)
        recorded = tuple(str(resource["urn"]) for resource in state.resources) if state else ()
        return Removal(recorded, found)


def _tools(place: Project) -> tuple[Engine, Machine]:
    try:
        return Engine(place, project.full_environment(place)), machine_of(place)
    except parts.PartsMissingError as error:
        if records.read(place).suffixes or place.state.is_dir():
            raise TetherError(f"The tools that could remove it are missing. {error}") from None
        raise NothingThereError from None


class NothingThereError(TetherError):
    """This checkout never made anything."""

    exit_code = TetherError.exit_code.OK

    def __init__(self) -> None:
        super().__init__("Nothing to remove: this checkout has made nothing.")


def _remove_stack(place: Project, engine: Engine, machine: Machine, state: State, *, force: bool) -> None:
    state = recover(state, engine, machine, say, to_go_on=False)
    try:
        if not state.is_empty:
            engine.run("destroy", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink=true")
    except EngineError as error:
        # With the clusters everything in them goes; objects in other clusters are known to the state alone.
        if state.has_foreign_clusters and not force:
            raise TetherError(
                f"{error}\nObjects in clusters that Tether did not make are still recorded, so the state is kept. "
                "Mend the cause and run it again, or give them up with: tether down --force"
            ) from None
        warn("the engine could not remove everything in good order; removing the clusters themselves")
    engine.ask("stack", "rm", "--yes", "--force", "--preserve-config", "--remove-backups")


def _remove_files(place: Project) -> None:
    own = remnants.state_files(place)
    if not remnants.other_stacks(place):
        # Nobody else needs the engine's logs and the rest of the backend. The passphrase stays: stack files
        # of this checkout may hold secrets that only it opens.
        own = (place.state, place.private / "pulumi" / "logs", place.private / "pulumi" / "workspaces", *own)
    for path in own:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    stack_file.forget_salt(place)


def _prove_gone(machine: Machine, suffixes: frozenset[str]) -> None:
    left = machine.of_suffixes(suffixes)
    if left:
        things = list(left.lines())
        raise TetherError(
            f"{count(len(things), 'thing')} could not be removed: {', '.join(things)}. "
            "Nothing of it is forgotten; try again with: make down"
        )
