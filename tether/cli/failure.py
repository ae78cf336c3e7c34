"""Runs a command and tells how it failed: one message on standard error, for programs one document as well."""

import re
import signal
import sys
from collections.abc import Sequence
from typing import Literal, NoReturn

import typer
from typer.exceptions import TyperException

from tether.cli.delivery import give
from tether.cli.talk import complain, masked, say
from tether.document import Document, Kind
from tether.errors import ExitCode, Problem, TetherError, UsageError
from tether.parts import PartsMissingError

KILLED_BY = 128
"""Added to the number of the signal that ended a program (POSIX shells)."""
INTERRUPTED = "interrupted"
_ASKED = re.compile(r"--output=(?P<long>\w+)|-[A-Za-z]*o(?P<short>\w+)")
_ASKS = re.compile(r"--output|-[A-Za-z]*o")


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


def run(app: typer.Typer) -> NoReturn:
    """Run the command that was typed; every expected failure is one message and its exit code."""
    for_programs = asks_for_json(sys.argv[1:])
    try:
        # typer itself tells mistakes in options only to people, and ends the process.
        code = app(standalone_mode=not for_programs)
    except SystemExit as end:
        code = end.code
    except (TetherError, PartsMissingError, typer.Abort, TyperException) as failure:
        error = expected(failure)
        (say if error.exit_code is ExitCode.OK else complain)(str(error))
        if for_programs:
            give(error.document or document(error))
        sys.exit(error.exit_code)
    except Exception as mistake:
        if for_programs:
            give(document(TetherError(f"This is a mistake in Tether, see standard error: {type(mistake).__name__}")))
        raise
    if for_programs and isinstance(code, int) and code > KILLED_BY:
        give(_interrupted(code))
    sys.exit(code)


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether the result is wanted as JSON, said in any of the ways that options can be written in.

    Also true for a command line that nobody can carry out: its error is for the same reader.
    """
    wanted = ""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word == "--":
            break
        if _ASKS.fullmatch(word):
            wanted = following
        elif said := _ASKED.fullmatch(word):
            wanted = said["long"] or said["short"]
    return wanted == "json"


def expected(failure: Exception) -> TetherError:
    """An expected failure in our own words."""
    if isinstance(failure, TetherError):
        return failure
    if isinstance(failure, PartsMissingError):
        return _MissingError(str(failure))
    if isinstance(failure, TyperException):
        return _misuse(failure)
    return TetherError("Aborted; nothing more was done.")


class _MissingError(TetherError):
    exit_code = ExitCode.NOT_FOUND


def _misuse(failure: TyperException) -> UsageError:
    """A mistake in the command line, as typer tells it."""
    command = str(getattr(getattr(failure, "ctx", None), "command_path", "tether"))
    option = getattr(failure, "param", None)
    lines = failure.format_message().strip().splitlines()
    wrong = lines[0] if len(lines) == 1 else "names no command"
    problem = Problem(
        subject=max(option.opts, key=len) if option else command,
        wrong=wrong,
        why="the command was not begun",
        fix=f"{command} --help",
    )
    return UsageError("The command line cannot be carried out.", [problem])


def document(error: TetherError) -> ErrorDocument:
    """An error for programs; masked like what is told to people."""
    problems = (Problem(**{name: masked(text) for name, text in vars(one).items()}) for one in error.problems)
    return ErrorDocument(
        exit_code=error.exit_code,
        reason=error.exit_code.name.lower().replace("_", "-"),
        message=masked(error.headline),
        problems=tuple(problems),
    )


def _interrupted(code: int) -> ErrorDocument:
    name = signal.Signals(code - KILLED_BY).name
    return ErrorDocument(exit_code=code, reason=INTERRUPTED, message=f"Interrupted by {name}.", problems=())
