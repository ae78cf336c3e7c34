"""What is said to people: always on standard error, so that standard output is the result alone."""

from rich.console import Console
from rich.text import Text

from tether.redact import redact


def say(message: str) -> None:
    """Tell what happens."""
    _console().print(Text(_masked(message)), soft_wrap=True)


def warn(message: str) -> None:
    """Tell what is unwise but not fatal."""
    _console().print(Text.assemble(("warning: ", "yellow"), _masked(message)), soft_wrap=True)


def complain(message: str) -> None:
    """Tell why it failed."""
    _console().print(Text.assemble(("error: ", "bold red"), _masked(message)), soft_wrap=True)


def _masked(message: str) -> str:
    # Commands that are to be pasted name secrets and hold none.
    return redact(message, fields=False)


def _console() -> Console:
    # Made anew each time: tests and shells exchange the stream underneath.
    return Console(stderr=True, highlight=False)
