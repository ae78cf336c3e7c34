"""What is said to people: always on standard error, so that standard output is the result alone."""

from rich.console import Console
from rich.text import Text


def say(message: str) -> None:
    """Tell what happens."""
    _console().print(Text(message), soft_wrap=True)


def warn(message: str) -> None:
    """Tell what is unwise but not fatal."""
    _console().print(Text.assemble(("warning: ", "yellow"), message), soft_wrap=True)


def complain(message: str) -> None:
    """Tell why it failed."""
    _console().print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def _console() -> Console:
    # Made anew each time: tests and shells exchange the stream underneath.
    return Console(stderr=True, highlight=False)
