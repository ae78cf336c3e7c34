"""A checkout beside this one, whose parts and settings a test may spoil."""

import shutil
import subprocess
from pathlib import Path

from tests.e2e.environment import PROJECT
from tether import parts


def copy_of_the_checkout(goal: Path) -> Path:
    """The same files, the same environment, and the record of the same source."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (goal / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, goal / name, follow_symlinks=False)
    (goal / ".venv").symlink_to(PROJECT / ".venv")
    (goal / parts.FILE).parent.mkdir(mode=0o700)
    shutil.copy2(PROJECT / parts.FILE, goal / parts.FILE)
    return goal
