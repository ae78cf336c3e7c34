"""Commands of `tether`, run as children: they are interrupted with care, and heard while they work."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PROGRAM: tuple[str, ...] = (sys.executable, "-c", "from tether.cli.main import main; main()")
"""This package's own: what is first on the path may be another version."""
ENDING_SECONDS = 120.0
"""How long a command that was interrupted may take to end: it takes back or records what it did."""


@dataclass(frozen=True)
class Ran:
    """A command and what came of it."""

    code: int
    stdout: str
    stderr: str


def run(
    folder: Path,
    *arguments: str,
    tell: Callable[[str], None] = lambda _: None,
    started: Callable[[int], None] = lambda _: None,
    timeout: float | None = None,
) -> Ran:
    """Run a command to its end, whatever that is.

    It has a session of its own, so that Ctrl-C reaches it once: through this process, which waits until it has ended.

    Args:
        folder: where it works.
        arguments: after ``tether``.
        tell: is told each line that it says to people.
        started: is told the number of its process.
        timeout: seconds, after which it is interrupted.

    Raises:
        subprocess.TimeoutExpired: it took too long.
    """
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started(process.pid)
    said: list[str] = []
    result: list[str] = []
    readers = [_reading(process.stderr, said, tell), _reading(process.stdout, result, lambda _: None)]
    try:
        process.wait(timeout)
    except BaseException:
        _interrupt(process)
        raise
    finally:
        for reader in readers:
            reader.join(timeout=5)
    return Ran(process.returncode, "".join(result), "".join(said))


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(ENDING_SECONDS)
    except BaseException:
        process.kill()
        raise


def _reading(stream: IO[str] | None, into: list[str], tell: Callable[[str], None]) -> threading.Thread:
    def read() -> None:
        for line in stream or ():
            into.append(line)
            tell(line.rstrip("\n"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
