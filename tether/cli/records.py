"""What an environment put on this machine, written down beside the state.

The state forgets a suffix as soon as it is destroyed, and with it the names of whatever an
engine that was killed left behind. The record is kept until ``tether down`` has looked.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tether.cli.project import Project


@dataclass(frozen=True)
class Record:
    """Everything needed to find an environment without its state."""

    suffixes: frozenset[str] = frozenset()
    clusters: int = 0
    """How many kind clusters the last run left running."""


def read(project: Project) -> Record:
    """Read the record; an absent or unreadable one is empty."""
    try:
        content = json.loads(project.record.read_text())
        return Record(frozenset(content["suffixes"]), int(content["clusters"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Record()


def add(project: Project, suffixes: Iterable[str], clusters: int | None = None) -> Record:
    """Add suffixes to the record and return it whole."""
    known = read(project)
    known = replace(known, suffixes=known.suffixes | frozenset(suffixes))
    if clusters is not None:
        known = replace(known, clusters=clusters)
    project.record.parent.mkdir(parents=True, exist_ok=True)
    draft = project.record.with_suffix(".draft")
    draft.write_text(json.dumps({"suffixes": sorted(known.suffixes), "clusters": known.clusters}) + "\n")
    draft.replace(project.record)
    return known


def forget(project: Project) -> None:
    """Remove the record."""
    project.record.unlink(missing_ok=True)
