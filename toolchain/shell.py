"""Runs programs: arguments as lists, output into a log, children ended with us.

Standard library only.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

TAIL_LINES = 20
GRACE_SECONDS = 5.0


class CommandError(Exception):
    """A program ended with an error."""

    def __init__(self, command: Sequence[str], code: int, tail: str, log: Path | None) -> None:
        self.command, self.code, self.tail, self.log = command, code, tail, log
        where = f"\nThe whole output is in {log}" if log else ""
        super().__init__(f"{Path(command[0]).name} ended with code {code}:\n{tail.strip()}{where}")


class StoppedError(Exception):
    """The work was stopped from outside while this program ran, or before it started."""


_children: set[subprocess.Popen[bytes]] = set()
_guard = threading.Lock()
_stopping = threading.Event()


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> None:
    """Run a program to its end; both its outputs are appended to ``log``.

    Raises:
        CommandError: it ended with an error.
        StoppedError: ``stop_all`` was called.
    """
    arguments = [str(part) for part in command]
    with log.open("ab") as output:
        child = start(arguments, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
        try:
            child.communicate(stdin.encode())
        finally:
            with _guard:
                _children.discard(child)
    if _stopping.is_set():
        raise StoppedError
    if child.returncode:
        raise CommandError(arguments, child.returncode, tail(log), log)


def start(arguments: Sequence[str], **options: object) -> "subprocess.Popen[bytes]":
    """Start a program in a process group of its own, so that all of it can be ended.

    Raises:
        StoppedError: ``stop_all`` was called before.
    """
    with _guard:
        if _stopping.is_set():
            raise StoppedError
        child: subprocess.Popen[bytes] = subprocess.Popen(arguments, start_new_session=True, **options)  # type: ignore[call-overload]
        _children.add(child)
    return child


def output(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    executable: Path | None = None,
) -> str:
    """What a program prints, without the last line break.

    ``executable`` is the file to start where it differs from the name that it is called by.

    Raises:
        CommandError: it ended with an error or did not end in ``timeout`` seconds.
        FileNotFoundError: there is no such program.
    """
    arguments = [str(part) for part in command]
    try:
        done = subprocess.run(
            arguments, executable=executable, env=env, timeout=timeout, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        raise CommandError(arguments, -1, f"no answer within {timeout:g} s", None) from None
    if done.returncode:
        raise CommandError(arguments, done.returncode, done.stderr or done.stdout, None)
    return done.stdout.rstrip("\n")


def find_program(name: str, folder: Path) -> str:
    """The program that bootstrap installed below ``folder``, else the one on PATH.

    Raises:
        FileNotFoundError: there is neither.
    """
    ours = folder / name / "bin" / name
    found = str(ours) if ours.is_file() else shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} is missing. Get it with: python3 -m toolchain bootstrap")
    return found


def stop_all() -> None:
    """End every program that runs, and let no more start until ``resume``."""
    _stopping.set()
    with _guard:
        children = list(_children)
    for child in children:
        _signal(child, signal.SIGTERM)
    for child in children:
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(child, signal.SIGKILL)


def resume() -> None:
    """Let programs start again; call it when everything that ``stop_all`` was meant for has ended."""
    _stopping.clear()


def _signal(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def version_numbers(text: str) -> tuple[int, ...]:
    """The first version in a text: ``kind v0.33.0 go1.26`` → (0, 33, 0); none → ()."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in found.groups() if part is not None) if found else ()


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def remove_tree(folder: Path) -> None:
    """Remove a folder, also one with read-only folders inside (Go's module cache); absent is fine."""

    def unlock(_function: object, path: str, _error: object) -> None:
        parent = Path(path).parent
        parent.chmod(0o700)
        target = Path(path)
        if target.is_dir() and not target.is_symlink():
            target.chmod(0o700)
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)

    if folder.is_dir():
        shutil.rmtree(folder, onerror=unlock)
