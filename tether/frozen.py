"""Processes that a container runtime left frozen: they cannot be killed, and so their container cannot end.

runc freezes a container while it changes it, and one that is killed meanwhile leaves it so. Under cgroup v1 a frozen
process does not take SIGKILL (kernel, admin-guide/cgroup-v1/freezer-subsystem.rst); under v2 it does.
"""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

FREEZER = Path("/sys/fs/cgroup/freezer")
"""Only there under cgroup v1."""
_STATE, _RUNNING = "freezer.state", "THAWED"


def thaw(containers: Collection[str], root: Path = FREEZER) -> int:
    """Let every process of containers run on, those of containers inside them too, so that they can end.

    Args:
        containers: whole IDs.
        root: where the freezer's cgroups are.

    Returns:
        How many cgroups were frozen.
    """
    found = 0
    for folder, _, files in os.walk(root):
        if _STATE not in files or not any(container in folder for container in containers):
            continue
        state = Path(folder) / _STATE
        # It may be gone by now, and who may not write it may not kill the process either.
        with contextlib.suppress(OSError):
            if state.read_text().strip() != _RUNNING:
                state.write_text(_RUNNING)
                found += 1
    return found
