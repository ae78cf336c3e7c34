"""Environments for tests."""

import datetime
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tether.environments import owner
from tether.environments.registry import Entry, Phase

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)


def entry(folder: Path, name: str = "pr-1", **changes: Any) -> Entry:
    known: dict[str, Any] = {
        "name": name, "owner": owner.me(), "created": NOON, "expires": NOON + datetime.timedelta(hours=2),
        "folder": folder / "environments" / name, "checkout": folder / "checkout", "phase": Phase.STANDING,
        "clusters": 2, "worker": None,
    }  # fmt: skip
    return Entry(**{**known, **changes})


def dead() -> owner.Owner:
    """This user, with a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        return owner.me(child.pid)


def living() -> owner.Owner:
    return owner.me(os.getpid())
