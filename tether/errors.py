"""Errors that a user sees: what is wrong, why it matters and the command that fixes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tether.document import Document


class ExitCode(IntEnum):
    """Exit codes of the command line; near to those of Pulumi."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PREFLIGHT = 3
    LOCKED = 4
    POLICY = 5
    NOT_FOUND = 6
    UNHEALTHY = 7
    TIMED_OUT = 9


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, with its way out."""

    subject: str
    """The setting or the part of the machine, for example ``tether:clusters[1].network``."""
    shown: str = ""
    """The value that was found, secrets masked; empty where there is none."""
    wrong: str
    """What is wrong with it."""
    why: str
    """Why that matters."""
    fix: str
    """A command that can be pasted into a shell, or one sentence where no command can do it."""

    def __str__(self) -> str:
        found = f" = {self.shown}" if self.shown else ""
        return f"  {self.subject}{found}\n    {self.wrong}\n    Why: {self.why}\n    Fix: {self.fix}"


class TetherError(Exception):
    """An expected failure; its text is the whole message, without a traceback."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, headline: str, problems: Sequence[Problem] = (), *, document: "Document | None" = None) -> None:
        self.headline = headline
        self.problems = tuple(problems)
        self.document = document
        """The result for programs, where the command has one although it failed."""
        super().__init__("\n".join([headline, *(f"\n{problem}" for problem in self.problems)]))


class SettingsError(TetherError):
    """The settings do not describe a mesh; carries every problem found."""

    exit_code = ExitCode.USAGE


class UsageError(TetherError):
    """The command cannot be carried out as it was asked for."""

    exit_code = ExitCode.USAGE


class PreflightError(TetherError):
    """The machine cannot carry the mesh; carries every finding."""

    exit_code = ExitCode.PREFLIGHT


class UnsupportedError(TetherError):
    """Versions are known to be bad or do not go together; carries every finding."""

    exit_code = ExitCode.PREFLIGHT


class PolicyError(TetherError):
    """A policy refuses what was about to be done; carries every violation."""

    exit_code = ExitCode.POLICY


class LockedError(TetherError):
    """Another live run holds the stack."""

    exit_code = ExitCode.LOCKED


class NotFoundError(TetherError):
    """The thing that was asked for does not exist."""

    exit_code = ExitCode.NOT_FOUND


class TimedOutError(TetherError):
    """Something did not become ready in time."""

    exit_code = ExitCode.TIMED_OUT


def count(number: int, noun: str) -> str:
    """Say a number with its noun: ``1 problem``, ``2 problems``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
