"""Entry point of ``tether``: commands, options, exit codes."""

import json
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tether.cli import project
from tether.cli.talk import complain, say
from tether.cli.target import StackOption
from tether.errors import ExitCode, TetherError, UsageError
from tether.parts import PartsMissingError

app = typer.Typer(
    name="tether",
    help="Istio primary-remote over two or more clusters: make it, prove it, remove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


class Output(StrEnum):
    """Form of the result on standard output."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Form of the result on standard output.")]


@app.command()
def up(stack: StackOption = None, output: OutputOption = Output.TEXT) -> None:
    """Make the clusters and the mesh, prove that requests cross, show the endpoints.

    Goes on where an interrupted run ended; changes nothing where nothing is to be changed.
    """
    from tether.cli import summary
    from tether.cli.up import up as bring_up

    outcome = bring_up(project.find(Path.cwd(), stack))
    if output is Output.JSON:
        print(json.dumps(summary.document(outcome), indent=2))  # noqa: T201 - the result
    else:
        summary.show(outcome, Console(highlight=False))


@app.command()
def down(
    stack: StackOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Give up what cannot be reached any more; removes what is on this machine.")
    ] = False,
) -> None:
    """Remove everything of the environment: clusters, containers, network, volumes, processes, state."""
    from tether.cli.down import down as take_down
    from tether.cli.down import look

    place = project.find(Path.cwd(), stack)
    if dry_run or not yes:
        removal = look(place)
        for line in (*removal.recorded, *removal.remnants.lines()):
            print(line)  # noqa: T201 - the result
        if dry_run:
            return
        if not sys.stdin.isatty():
            raise UsageError(
                "Nobody is there to be asked, so nothing was removed. Say yes beforehand: tether down --yes"
            )
        typer.confirm(f"Remove all this of stack {place.stack}?", abort=True, err=True)
    take_down(place, force=force)
    say(f"Stack {place.stack} is gone: no cluster, container, network, volume or process of it is left.")


@app.command()
def env(stack: StackOption = None) -> None:
    """Print shell variables for this checkout: eval "$(tether env)" makes pulumi, kubectl and istioctl work on it."""
    from tether.cli import stack_file

    place = project.find(Path.cwd(), stack)
    stack_file.keep_salt_out_of_git(place)
    for name, value in project.environment(place).items():
        print(f"export {name}={shlex.quote(value)}")  # noqa: T201 - the result


def main() -> None:
    """Run a command; every expected failure is one message and its exit code."""
    try:
        app()
    except TetherError as error:
        (say if error.exit_code is ExitCode.OK else complain)(str(error))
        sys.exit(error.exit_code)
    except PartsMissingError as error:
        complain(str(error))
        sys.exit(ExitCode.NOT_FOUND)
