"""The forms in which commands give their results, and what is asked of Tether before any command."""

from enum import StrEnum
from importlib.metadata import version as version_of
from typing import Annotated, Any

import typer


class Form(StrEnum):
    """Form of a result that is read by people and by programs."""

    TEXT = "text"
    JSON = "json"


class Output(StrEnum):
    """Form of a result that CI systems and pull requests read as well."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    MARKDOWN = "markdown"


class Comment(StrEnum):
    """Form of a result that a pipeline writes under a pull request."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class Drawing(StrEnum):
    """Form of a result that can be drawn."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"
    SVG = "svg"
    PNG = "png"


class Drawn(StrEnum):
    """What a picture of the topology is drawn with."""

    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tether {version_of('tether')}")
        raise typer.Exit


def before_every_command(
    context: typer.Context,
    output: Annotated[
        Form, typer.Option("--output", "-o", help="Form of every result, where the command itself is not told.")
    ] = Form.TEXT,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show Tether's version and exit.")
    ] = False,
) -> None:
    """Take what is said before the command for what is not said after it."""
    del version
    if output is Form.JSON:
        context.default_map = _defaults(context.command, output)


def _defaults(command: Any, output: Form) -> dict[str, Any]:
    """What a command and those below it are to take by default, in the shape of click's default map."""
    # A group that nothing is asked of would print its help where the document goes.
    command.no_args_is_help = False
    inner: dict[str, Any] = getattr(command, "commands", {})
    return {"output": output.value, **{name: _defaults(one, output) for name, one in inner.items()}}
