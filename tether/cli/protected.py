"""Leaves a protected mesh alone, before anything is touched."""

from tether import protection
from tether.cli.project import Project
from tether.cli.state import State
from tether.errors import PolicyError, Problem, count
from tether.settings.wording import fix, subject


def refuse(place: Project, state: State | None, again: str) -> None:
    """Refuse to go on where the engine would, but only after it deleted what is not protected.

    Args:
        place: The checkout and the stack.
        state: Of the stack.
        again: The command that goes on once the protection is given up.

    Raises:
        PolicyError: the stack keeps something protected.
    """
    kept = protection.protected(state.resources) if state else []
    if kept:
        setting = ("protect",)
        problem = Problem(
            subject=subject(setting, place.name), shown="true",
            wrong=f"keeps {count(len(kept), 'resource')} from being deleted: the mesh, clusters, the CA's root",
            why="what goes with them cannot be made again",
            fix=f"{fix(setting, 'false', place.name)} && make up && {again}",
        )  # fmt: skip
        raise PolicyError(f"Stack {place.stack} is protected; nothing was removed.", [problem])
