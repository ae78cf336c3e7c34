"""The environment of a run: made by `tether env`, taken down or kept by it."""

import json
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tether.cli import processes
from tether.errors import ExitCode, TetherError
from tether.testing import commands, place
from tether.testing.place import Place
from tether.testing.sharing import Record

PREFIX = "pytest"
TTL = "2h"
"""An environment whose run was killed ends by itself: by this, or sooner because its process is gone."""


def begin(checkout: Path) -> Record:
    """Choose a name."""
    return Record(name=f"{PREFIX}-{secrets.token_hex(4)}", checkout=str(checkout))


def make(
    record: Record, remotes: int, owner: int, tell: Callable[[str], None], started: Callable[[int], None]
) -> Place:
    """Make it.

    Args:
        record: how it is to be called.
        remotes: how many.
        owner: number of the process that it must not outlive.
        tell: is told how it goes on.
        started: is told the number of the process that makes it.

    Raises:
        TetherError: it could not be made.
    """
    tell(f"making mesh {record.name} with {remotes} remote{'s' if remotes > 1 else ''} for the tests")
    done = commands.run(
        Path(record.checkout), "env", "up", record.name, "--ttl", TTL, "--remotes", str(remotes),
        "--owner", str(owner), "--output", "json", tell=tell, started=started,
    )  # fmt: skip
    if done.code != ExitCode.OK:
        raise TetherError(f"mesh {record.name} could not be made for the tests:\n{done.stderr.strip()}")
    return place.of_environment(json.loads(done.stdout))


def take_down(record: Record, tell: Callable[[str], None]) -> str:
    """Take it down, also where it is half made.

    Returns:
        Why it is not gone; empty where it is.
    """
    tell(f"taking mesh {record.name} down")
    _end(record.maker)
    done = commands.run(Path(record.checkout), "env", "down", record.name, "--yes", tell=tell)
    if done.code in (ExitCode.OK, ExitCode.NOT_FOUND):
        return ""
    return f"mesh {record.name} is not gone:\n{done.stderr.strip()}\nTry again: tether env down {record.name} --yes"


def keep(record: Record) -> str:
    """Have it stay after this run.

    Returns:
        Why it may not stay; empty where it does.
    """
    done = commands.run(Path(record.checkout), "env", "keep", record.name)
    return "" if done.code == ExitCode.OK else f"mesh {record.name} may end by itself: {done.stderr.strip()}"


def _end(process: int) -> None:
    """End the command that makes it, should whoever started it have died first."""
    deadline = time.monotonic() + commands.ENDING_SECONDS
    if process and processes.is_alive(process):
        os.kill(process, signal.SIGINT)
        while processes.is_alive(process) and time.monotonic() < deadline:
            time.sleep(0.2)
