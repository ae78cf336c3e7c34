"""Where a result goes that may be a file: there, whole or not at all, else to standard output."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tether.errors import Problem, UsageError

if TYPE_CHECKING:
    from tether.document import Document

STDOUT = Path("-")
_PAGE_WIDTH = 120
"""Letters in a line of a file."""


def draw(show: Callable[[Console], None], out: Path | None) -> None:
    """Deliver what is drawn on a console; with colours only where that is a terminal.

    Raises:
        UsageError: the file cannot be written.
    """
    if out is None or out == STDOUT:
        show(Console(highlight=False))
        return
    page = io.StringIO()
    show(Console(file=page, width=_PAGE_WIDTH, highlight=False))
    deliver(page.getvalue(), out)


def deliver(text: str, out: Path | None) -> None:
    """Write a result to a file and print the file's name, or print the result itself.

    Args:
        text: the result.
        out: the file; ``-`` or None for standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    write(text, out)
    if out is not None and out != STDOUT:
        print(out)  # noqa: T201 - the result


def write(text: str, out: Path | None) -> None:
    """Write a result to a file, or print it.

    Args:
        text: the result.
        out: the file; ``-`` or None for standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    if out is None or out == STDOUT:
        print(text, end="")  # noqa: T201 - the result
        return
    # Beside the file, so that the last step is one rename.
    draft = out.with_name(f".{out.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text)
        draft.replace(out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError("The result cannot be written.", [_problem(out, error)]) from None


def give(document: "Document") -> None:
    """Print the result for programs: one document, and nothing else, on standard output."""
    sys.stdout.write(document.text())
    sys.stdout.flush()


def _problem(out: Path, error: OSError) -> Problem:
    return Problem(
        subject="--out",
        shown=str(out),
        wrong=error.strerror or str(error),
        why="the result is written there",
        fix=f"mkdir -p {out.parent}" if not out.parent.is_dir() else "name another file",
    )
