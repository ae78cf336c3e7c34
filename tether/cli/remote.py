"""``tether remote``: what is done with one remote of a mesh."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tether.cli import project
from tether.cli.delivery import give
from tether.cli.forms import Form
from tether.cli.progress import Progress
from tether.cli.talk import say, warn
from tether.cli.target import StackOption
from tether.errors import Problem, TetherError, UsageError, count

if TYPE_CHECKING:
    from tether.document import Document
    from tether.removal.plan import Plan

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
    with contextlib.ExitStack() as opened:
        with Progress() as progress:
            progress.say(f"asking {name} and the primary what is there")
            leaving = opened.enter_context(leavings.opened(place, wish))
            plan = leavings.look(leaving, dry_run=dry_run)
        if dry_run:
            _show(plan, output)
            return
        if not yes:
            _ask(plan, output)
        left = removing.remove(leaving)
        if left:
            raise _remnant_error(plan, left, leaving.again())
        if output is Form.JSON:
            give(_document(plan))
        for warning in leavings.blind_spots(leaving):
            warn(warning)
        say(f"Remote {name} is out of the mesh, and nothing of it was found; {removing.undo(leaving)}")


def _document(plan: "Plan", left: Sequence[Problem] = (), *, dry_run: bool = False) -> "Document":
    from tether.removal import document

    return document.removal(plan, dry_run=dry_run, remnants=left)


def _show(plan: "Plan", output: Form) -> None:
    if output is Form.JSON:
        give(_document(plan, dry_run=True))
        return
    for line in plan.lines():
        print(line)  # noqa: T201 - the result


def _ask(plan: "Plan", output: Form) -> None:
    # A program that reads JSON gets one document, after the removal.
    tell = say if output is Form.JSON else print
    for line in plan.lines():
        tell(line)
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody is there to be asked, so nothing was removed. "
            f"Say yes beforehand: tether remote remove {plan.remote.name} --yes --stack {plan.stack}"
        )
    typer.confirm(f"Take {plan.remote.name} out of stack {plan.stack}?", abort=True, err=True)


def _remnant_error(plan: "Plan", left: list[Problem], again: str) -> TetherError:
    number = count(len(left), "thing")
    return TetherError(
        f"{plan.remote.name} is out of the mesh, but {number} could not be removed. Try again with: {again}",
        left,
        document=_document(plan, left),
    )
