"""What the engine did, as it tells it to machines; its own masking keeps secrets out."""

import time
from pathlib import Path

from tether.cli.project import Project

_KEPT = 5
"""Runs."""


def of(project: Project) -> list[Path]:
    """One file per run, the oldest first."""
    return sorted(project.events.glob("*.jsonl"))


def of_next_run(project: Project, command: str) -> Path:
    """Where the next run is told; the oldest files make room.

    Args:
        project: the checkout and the stack.
        command: of the engine: ``up``, ``destroy``.
    """
    project.events.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in of(project)[: 1 - _KEPT]:
        old.unlink(missing_ok=True)
    return project.events / f"{time.strftime('%Y%m%dT%H%M%S')}-{command}.jsonl"
