"""Private folders for files that must not outlive a task, such as kubeconfigs and client keys."""

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

_PREFIX = "tether-scratch-"
_LOCK = "in-use"
_YOUNG = 60.0
"""Seconds; a folder so new may be about to take its lock."""


@contextlib.contextmanager
def folder() -> Generator[Path]:
    """Open a folder that only this user can read, and that is gone after the block.

    A process that is killed cannot clean up; the next one does. A lock, which the
    kernel gives up with the process, tells which folders are still in use.
    """
    _remove_abandoned(tempfile.gettempdir())
    with contextlib.ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)))
        lock = stack.enter_context((path / _LOCK).open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


@functools.cache
def _remove_abandoned(parent: str) -> None:
    """Remove what killed processes of this user left; once per process."""
    for path in Path(parent).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > _YOUNG and _is_abandoned(path):
                shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(path: Path) -> bool:
    try:
        with (path / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True
