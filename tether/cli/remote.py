"""``tether remote``: what is done with one remote of a mesh."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tether.cli import project
from tether.cli.forms import Form
from tether.cli.talk import say, warn
from tether.cli.target import StackOption
from tether.errors import Problem, TetherError, UsageError, count

app = typer.Typer(name="remote", help="Work on one remote of the mesh.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps the command's name, which typer leaves out where there is only one."""


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The remote, as the settings call it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go, in that order.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    unreachable: Annotated[
        bool, typer.Option("--unreachable", help="Give up what is in a cluster, primary or remote, that is gone.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also with workloads in the mesh; takes finalizers off that hold Istio's namespace."
        ),
    ] = False,
    crds: Annotated[
        bool, typer.Option("--crds", help="Also remove Istio's CRDs from the remote, with every object of theirs.")
    ] = False,
    output: Annotated[Form, typer.Option("--output", "-o", help="Form of the result on standard output.")] = Form.TEXT,
    stack: StackOption = None,
) -> None:
    """Take one remote out of the mesh: its webhooks first, so that no pod is refused, the rest after it.

    A kind cluster goes with it; any other stays and is left without anything of Istio. The same command goes on
    where an interrupted one ended.
    """
    from tether.cli import leaving as leavings
    from tether.cli import removing

    place = project.find(Path.cwd(), stack)
    wish = leavings.Wish(name=name, unreachable=unreachable, force=force, crds=crds)
    with leavings.opened(place, wish) as leaving:
        plan = leavings.look(leaving, dry_run=dry_run)
        if output is Form.TEXT and (dry_run or not yes):
            for line in plan.lines():
                print(line)  # noqa: T201 - the result
        if dry_run:
            if output is Form.JSON:
                print(json.dumps(plan.document(), indent=2))  # noqa: T201 - the result
            return
        if not yes:
            _ask(name, place.stack)
        left = removing.remove(leaving)
        if output is Form.JSON:
            shown = [vars(problem) for problem in left]
            print(json.dumps({**plan.document(), "remnants": shown}, indent=2))  # noqa: T201 - the result
        if left:
            raise _remnant_error(name, left, leaving.again())
        if plan.silence and not leaving.cluster.is_kind:
            warn(f"{name} was not asked, so Istio may still be in it. Should it come back: {leaving.again()}")
        say(f"Remote {name} is out of the mesh, and nothing of it was found; {removing.undo(leaving)}")


def _ask(name: str, stack: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody is there to be asked, so nothing was removed. "
            f"Say yes beforehand: tether remote remove {name} --yes --stack {stack}"
        )
    typer.confirm(f"Take {name} out of stack {stack}?", abort=True, err=True)


def _remnant_error(name: str, left: list[Problem], again: str) -> TetherError:
    number = count(len(left), "thing")
    return TetherError(f"{name} is out of the mesh, but {number} could not be removed. Try again with: {again}", left)
