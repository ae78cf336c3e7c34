"""A checkout beside this one, whose parts, settings and state a test may spoil."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.forge import PROJECT, clone
from tether import parts


def copy_of_the_checkout(goal: Path) -> Path:
    """The same files, the same environment, and the record of the same source; its tools are still to be linked."""
    clone(goal)
    (goal / ".venv").symlink_to(PROJECT / ".venv")
    (goal / parts.FILE).parent.mkdir(mode=0o700)
    shutil.copy2(PROJECT / parts.FILE, goal / parts.FILE)
    return goal


def with_tools(checkout: Path) -> Path:
    """The same checkout, its tools and charts linked, which takes a second out of the cache."""
    made = subprocess.run(
        [sys.executable, "-m", "toolchain", "build"], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return checkout
