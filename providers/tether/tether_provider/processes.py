"""Child processes that end when they are told to."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from tether import podman_work
from tether_provider.errors import CancelledError, ProviderError

_POLL = 0.05
_GRACE = 0.5
"""Seconds between the polite and the final signal; a cancelled child is gone within a second, unless Podman works."""


class ChildTimeoutError(ProviderError):
    """A child did not end in time."""


class ChildMissingError(ProviderError):
    """The program is not installed."""


@dataclass(frozen=True)
class Finished:
    """How a child ended and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def talk(self) -> str:
        """What it said, for an error message: the end of stderr, or of stdout if that is empty."""
        return (self.stderr.strip() or self.stdout.strip())[-2000:]


def run(
    arguments: Sequence[str],
    *,
    timeout: float,
    cancel: threading.Event | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run a program in a process group of its own and wait for its end.

    Args:
        arguments: program and arguments; no secrets.
        timeout: seconds.
        cancel: ends the child when set.
        environment: variables on top of this process's own.
        stdin: text for the child.
        on_line: told every line that the child writes to stderr, as it comes.

    Raises:
        ChildMissingError: the program is not on PATH.
        ChildTimeoutError: not finished in time; the child and its children are gone.
        CancelledError: ``cancel`` was set; the child and its children are gone.
    """
    try:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise ChildMissingError(
            f"{arguments[0]} — not found on PATH — the provider calls it. Tether's tools are put on PATH by: "
            'eval "$(make env)"'
        ) from None
    output = [_Reader(child.stdout, None), _Reader(child.stderr, on_line)]
    try:
        _write(child, stdin)
        _await_end(child, arguments[0], timeout, cancel)
    finally:
        _end(child, arguments)
    stdout, stderr = (reader.text() for reader in output)
    return Finished(child.returncode, stdout, stderr)


def _write(child: subprocess.Popen[str], text: str) -> None:
    if child.stdin:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(text)
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def _await_end(child: subprocess.Popen[str], name: str, timeout: float, cancel: threading.Event | None) -> None:
    deadline = time.monotonic() + timeout
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_POLL)
            return
        if cancel is not None and cancel.is_set():
            raise CancelledError(f"cancelled while {name} was running")
        if time.monotonic() > deadline:
            raise ChildTimeoutError(f"{name} did not end within {timeout:g} s")


def _end(child: subprocess.Popen[str], arguments: Sequence[str]) -> None:
    if child.poll() is None:
        if not podman_work.is_half_way(arguments):
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE)
        podman_work.await_end(lambda: podman_work.in_group(child.pid))
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _signal_group(child: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


class _Reader(threading.Thread):
    """Collects what a child writes, so that it never blocks on a full pipe."""

    def __init__(self, stream: IO[str] | None, on_line: Callable[[str], None] | None) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._on_line = on_line
        self._lines: list[str] = []
        self.start()

    def run(self) -> None:
        for line in self._stream or ():
            self._lines.append(line)
            if self._on_line:
                self._on_line(line.rstrip("\n"))

    def text(self) -> str:
        # A grandchild may have inherited the pipe and keep it open for long.
        self.join(_GRACE)
        return "".join(self._lines)
