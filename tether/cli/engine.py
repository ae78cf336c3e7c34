"""Runs the Pulumi engine as a child: its display goes to the user, its errors come back sorted."""

import contextlib
import ctypes
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from tether.cli import event_log, time_box
from tether.cli.project import Project
from tether.environments.folder import PASSPHRASE
from tether.errors import LockedError, NotFoundError, Problem, TetherError, TimedOutError, UsageError

_PR_SET_PDEATHSIG = 1
_NOISE = (
    # Our language host and providers lie on PATH on purpose.
    "from $PATH at",
)
_PASSPHRASE_SIGNS = ("incorrect passphrase", "passphrase must be set")
_LOCK_SIGN = "is currently locked by"
_NO_STACK_SIGNS = ("no stack named", "no stack selected")
_UNASKED = ("--yes", "--skip-preview", "--suppress-outputs")


class EngineError(TetherError):
    """The engine ended with an error; it said why on its own display."""


class InterruptedRunError(TetherError):
    """The user or the system ended the run."""


@dataclass(frozen=True)
class Ended:
    """How a run of the engine ended."""

    code: int
    complaints: tuple[str, ...]
    """Lines of its standard error, colours included."""
    interrupted: bool
    timed_out: bool = False


class Engine:
    """The Pulumi command line on one stack."""

    def __init__(self, project: Project, environment: Mapping[str, str], deadline: float | None = None) -> None:
        """Take a stack.

        Args:
            project: the checkout and the stack.
            environment: of the engine.
            deadline: moment of the monotonic clock after which long commands are cancelled; None: never.
        """
        self.project = project
        self.deadline = deadline
        # Without it the engine has no ``--event-log`` (pulumi/pkg, cmd/pulumi/operations).
        self.environment = {**environment, "PULUMI_STACK": project.stack, "PULUMI_DEBUG_COMMANDS": "true"}

    def ask(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a short command and return its standard output.

        Raises:
            NotFoundError: the stack does not exist.
            TetherError: another error; secrets in it are the engine's own masking.
        """
        try:
            done = subprocess.run(
                [*self._command(arguments), "--non-interactive"],
                cwd=self.project.root, env=self.environment, input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                capture_output=True, text=True, check=False, preexec_fn=_end_with_parent,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise TetherError(f"The engine ({error.filename}) is missing. Make it with: make tools") from None
        if done.returncode:
            raise self.error_of(Ended(done.returncode, tuple(done.stderr.splitlines()), interrupted=False))
        return done.stdout

    def up(self, *options: str) -> None:
        """Update the stack; raises what :meth:`run` does."""
        self.run("up", *_UNASKED, *options)

    def destroy(self, *options: str) -> None:
        """Remove what the stack made; raises what :meth:`run` does."""
        self.run("destroy", *_UNASKED, *options)

    def run(self, *arguments: str) -> None:
        """Run a long command with its display on standard error; Ctrl-C cancels it in good order.

        Raises:
            InterruptedRunError: it was cancelled from outside.
            TimedOutError: it was cancelled because its time was over.
            TetherError: it failed; the engine has said on its display what happened.
        """
        log = event_log.of_next_run(self.project, arguments[0])
        ended = self._live([*arguments, "--suppress-permalink=true", "--event-log", str(log)])
        if ended.interrupted:
            raise InterruptedRunError(f"Interrupted. {self._way_on()}")
        if ended.timed_out:
            raise TimedOutError(f"pulumi {arguments[0]} did not end in time and was cancelled. {self._way_on()}")
        if ended.code:
            raise self.error_of(ended)

    def foresee(self, log: Path, *options: str) -> Ended:
        """Make a preview with its display on standard error; what comes of it stands in the log of its events.

        Args:
            log: File for the events.
            options: Of ``pulumi preview``.

        Raises:
            InterruptedRunError: it was cancelled from outside.
        """
        ended = self._live(["preview", "--suppress-permalink=true", *options, "--event-log", str(log)])
        if ended.interrupted:
            raise InterruptedRunError("Interrupted. It was only a preview: nothing was changed.")
        return ended

    def export(self) -> dict[str, Any] | None:
        """The stack's state with secrets still encrypted, or None where there is no stack."""
        if not self.project.may_have_state:
            return None
        try:
            return self.project.read_state() or json.loads(self.ask("stack", "export"))
        except NotFoundError:
            return None

    def _way_on(self) -> str:
        up, down = self.project.up_command, self.project.down_command
        return f"What was made is recorded: `{up}` goes on from here, `{down}` removes it."

    def _command(self, arguments: Sequence[str]) -> list[str]:
        stack = () if "--stack" in arguments else ("--stack", self.project.stack)
        return ["pulumi", *arguments, *stack]

    def _live(self, arguments: Sequence[str]) -> Ended:
        terminal = sys.stdin.isatty() and sys.stderr.isatty()
        command = self._command(arguments) + ([] if terminal else ["--non-interactive"])
        # On a terminal Ctrl-C reaches the whole group, and the engine must get it once: the second
        # SIGINT means "stop at once". Away from a terminal it has a group of its own and we pass it on.
        child = subprocess.Popen(
            command, cwd=self.project.root, env=self.environment,
            stdin=None if terminal else subprocess.DEVNULL, stdout=sys.stderr.fileno(), stderr=subprocess.PIPE,
            process_group=None if terminal else 0, preexec_fn=_end_with_parent, text=True,
        )  # fmt: skip
        complaints: list[str] = []
        assert child.stderr is not None  # noqa: S101 - a pipe was asked for
        reader = threading.Thread(target=_pass_on, args=(child.stderr, complaints), daemon=True)
        reader.start()
        with _signals(child, terminal=terminal) as seen:
            code, timed_out = time_box.wait(child, self.deadline)
        reader.join(timeout=5)
        return Ended(code, tuple(complaints), interrupted=bool(seen), timed_out=timed_out)

    def error_of(self, ended: Ended, advice: str = "") -> TetherError:
        """What a failed run means to the user, and what to do about it."""
        text = "\n".join(ended.complaints)
        if any(sign in text for sign in _PASSPHRASE_SIGNS):
            return _passphrase_error(self.project, self.environment)
        if _LOCK_SIGN in text:
            return LockedError(f"Stack {self.project.stack} is in use by another run. Wait for it, then run it again.")
        if any(sign in text for sign in _NO_STACK_SIGNS):
            return NotFoundError(f"There is no stack {self.project.stack}. Make it with: {self.project.up_command}")
        last = [line for line in ended.complaints if line.strip() and not _is_noise(line)]
        said = last[-1].strip() if last else "its errors stand above"
        return EngineError(f"pulumi ended with code {ended.code}: {said}\n{advice or self._advice()}")

    def _advice(self) -> str:
        look = f" What is wrong inside of it is told by: tether doctor --stack {self.project.stack}."
        return (
            f"What was made is recorded.{'' if self.project.environment else look} Once the cause is mended go on "
            f"with: {self.project.up_command}; or remove it with: {self.project.down_command}"
        )


def engine_of(project: Project, environment: Mapping[str, str], deadline: float | None = None) -> Engine:
    """What works on a stack: that of an environment is run by the Automation API (ADR 21); takes what Engine takes."""
    if not project.environment:
        return Engine(project, environment, deadline)
    # Not above: it loads gRPC, which every other command does without.
    from tether.cli.automation import AutomatedEngine

    return AutomatedEngine(project, environment, deadline)


def _passphrase_error(project: Project, environment: Mapping[str, str]) -> UsageError:
    source = PASSPHRASE
    way_out = f"unset {source}  # then .tether/passphrase is used again"
    if not environment.get(source):
        # Commands on an environment are typed anywhere.
        source = str(project.private / "passphrase") if project.environment else ".tether/passphrase"
        down = f"tether env down {project.environment}" if project.environment else "tether down"
        way_out = f"put the old passphrase back into {source}, or give the stack up with: {down} --force"
    return UsageError(
        "The passphrase does not fit; nothing was created or removed.",
        [
            Problem(
                subject=source,
                wrong=f"is not the passphrase that the secrets of stack {project.stack} are encrypted with",
                why="keys and kubeconfigs in its state cannot be read without it",
                fix=way_out,
            )
        ],
    )


def _is_noise(line: str) -> bool:
    return any(sign in line for sign in _NOISE)


def _pass_on(source: IO[str], kept: list[str]) -> None:
    """Show the engine's complaints as they come, except those that we say better ourselves."""
    own = (*_PASSPHRASE_SIGNS, _LOCK_SIGN, *_NOISE)
    for line in source:
        kept.append(line.rstrip("\n"))
        if not any(sign in line for sign in own):
            sys.stderr.write(line)
            sys.stderr.flush()


@contextlib.contextmanager
def _signals(child: subprocess.Popen[str], *, terminal: bool) -> Generator[list[int]]:
    """Wait for the child through SIGINT and SIGTERM; both mean "cancel" to it."""
    seen: list[int] = []

    def cancel(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        from_keyboard = terminal and number == signal.SIGINT
        if not from_keyboard and child.poll() is None:
            child.send_signal(signal.SIGINT)

    previous = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end_with_parent() -> None:
    """Have the kernel cancel the engine when this process is killed, so that nothing works on unseen."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
