"""Runs a command and tells how it failed: one message on standard error, for programs one document as well."""

import itertools
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from tether.cli.delivery import give
from tether.cli.talk import complain, say
from tether.errors import ExitCode, Problem, TetherError, UsageError
from tether.parts import PartsMissingError

_SIGNALLED = 128
"""Exit codes above it say which signal ended the command."""
_ASKED = re.compile(r"--output=(?P<long>\w+)|-[A-Za-z]*?o(?P<short>\w+)")
_ASKS = re.compile(r"--output|-[A-Za-z]*o")


def run(app: typer.Typer) -> NoReturn:
    """Run the command that was typed; every expected failure is one message and its exit code."""
    for_programs = asks_for_json(sys.argv[1:])
    try:
        # typer itself tells mistakes in options only to people, and ends the process.
        code = app(prog_name="tether", standalone_mode=not for_programs)
    except SystemExit as end:
        code = end.code
    except (TetherError, PartsMissingError, typer.Abort, TyperException) as failure:
        error = expected(failure)
        (say if error.exit_code is ExitCode.OK else complain)(str(error))
        if for_programs:
            _give(error)
        sys.exit(error.exit_code)
    except Exception as mistake:
        if for_programs:
            _give(TetherError(f"This is a mistake in Tether, see standard error: {type(mistake).__name__}"))
        raise
    if for_programs and isinstance(code, int) and code > _SIGNALLED:
        _give(code)
    sys.exit(code)


def _give(failure: TetherError | int) -> None:
    # What it needs takes a tenth of a second, and most commands do not fail.
    from tether.cli import error_document

    give(error_document.of_signal(failure) if isinstance(failure, int) else error_document.of(failure))


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether the result is wanted as JSON, said in any of the ways that options can be written in.

    Also true for a command line that nobody can carry out: its error is for the same reader.
    """
    wanted = ""
    for word, following in itertools.pairwise([*arguments, ""]):
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
    problem = Problem(
        subject=max(option.opts, key=len) if option else command,
        wrong=failure.format_message(),
        why="the command was not begun",
        fix=f"{command} --help",
    )
    return UsageError("The command line cannot be carried out.", [problem])
