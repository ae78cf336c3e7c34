"""What is said to people: always on standard error, so that standard output is the result alone."""

from rich.console import Console
from rich.text import Text

from tether.redact import redact


def say(message: str) -> None:
    """Tell what happens."""
    _console().print(Text(masked(message)), soft_wrap=True)


def warn(message: str) -> None:
    """Tell what is unwise but not fatal."""
    _console().print(Text.assemble(("warning: ", "yellow"), masked(message)), soft_wrap=True)


def complain(message: str) -> None:
    """Tell why it failed."""
    _console().print(Text.assemble(("error: ", "bold red"), masked(message)), soft_wrap=True)


def masked(message: str) -> str:
    """A message without secrets."""
    # Commands that are to be pasted name secrets and hold none.
    return redact(message, fields=False)


def _console() -> Console:
    # Made anew each time: tests and shells exchange the stream underneath.
    return Console(stderr=True, highlight=False)
