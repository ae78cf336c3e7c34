"""A failure for programs."""

import signal
from typing import Literal

from tether.cli.talk import masked
from tether.document import Document, Kind
from tether.errors import ExitCode, Problem, TetherError

KILLED_BY = 128
"""Added to the number of the signal that ended a program (POSIX shells)."""
INTERRUPTED = "interrupted"


class ErrorDocument(Document):
    """Why a command failed."""

    kind: Literal[Kind.ERROR] = Kind.ERROR
    exit_code: int
    """That the process ends with."""
    reason: str
    """The exit code in words: `failed`, `usage`, `preflight`, …, or `interrupted`."""
    message: str
    """What failed, and the way out where it is not a problem of its own."""
    problems: tuple[Problem, ...]
    """Everything that is wrong, all of it at once; empty where the message says it all."""


def reason(code: ExitCode) -> str:
    """An exit code in words."""
    return code.name.lower().replace("_", "-")


def of(error: TetherError) -> Document:
    """Tell an error, masked like what is told to people; a command that has a result of its own tells that."""
    if error.document:
        return error.document
    problems = (Problem(**{name: masked(text) for name, text in vars(one).items()}) for one in error.problems)
    return ErrorDocument(
        exit_code=error.exit_code,
        reason=reason(error.exit_code),
        message=masked(error.headline),
        problems=tuple(problems),
    )


def of_signal(code: int) -> ErrorDocument:
    """Tell that a signal ended the command with an exit code."""
    name = signal.Signals(code - KILLED_BY).name
    return ErrorDocument(exit_code=code, reason=INTERRUPTED, message=f"Interrupted by {name}.", problems=())
