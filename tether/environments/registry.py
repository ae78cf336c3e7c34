"""The environments of this machine: one file each, written whole or not at all.

They lie below ``$XDG_STATE_HOME/tether/environments``; what an environment has of its own lies in a folder beside its
file. The file is the first thing of an environment that there is, and the last that goes.
"""

import contextlib
import datetime
import fcntl
import json
import os
import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tether.environments.owner import Owner, is_running

SCHEMA_VERSION = 1
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""Also the name of the stack, of a folder and of a label's value."""
_DRAFT = re.compile(r"\..*\.(\d+)\.draft")


class Phase(StrEnum):
    """What an environment is doing."""

    MAKING = "making"
    STANDING = "standing"
    PAUSED = "paused"
    FAILED = "failed"
    REMOVING = "removing"
    LOST = "lost"
    """Only its containers, networks and volumes are known, by their labels."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One environment."""

    name: str
    owner: Owner
    created: datetime.datetime
    expires: datetime.datetime | None
    """None: it stays until somebody takes it down."""
    folder: Path
    checkout: Path
    """Whose program it runs."""
    phase: Phase
    clusters: int = 0
    """How many kind clusters it has, or shall have."""
    worker: Owner | None = None
    """The run that makes, pauses, resumes or removes it at present."""

    @property
    def why_abandoned(self) -> str:
        """That a process is gone that it belongs to, or that was at work on it; empty otherwise."""
        worker = self.worker.why_gone if self.worker else ""
        return self.owner.why_gone or (f"was cut off while {self.phase}: {worker}" if worker else "")

    def document(self) -> dict[str, Any]:
        """The entry for machines; what :func:`read` reads."""
        return {
            "name": self.name,
            "phase": self.phase.value,
            "user": self.owner.user,
            "host": self.owner.host,
            "process": self.owner.process,
            "processStart": self.owner.started,
            "worker": self.worker.process if self.worker else None,
            "workerStart": self.worker.started if self.worker else "",
            "created": self.created.isoformat(),
            "expires": self.expires.isoformat() if self.expires else None,
            "clusters": self.clusters,
            "folder": str(self.folder),
            "checkout": str(self.checkout),
        }


def read(document: dict[str, Any]) -> Entry:
    """Read what :meth:`Entry.document` wrote.

    Raises:
        KeyError: something is missing.
        ValueError: something cannot be read.
    """
    user, host = str(document["user"]), str(document["host"])
    worker, expires = document.get("worker"), document.get("expires")
    return Entry(
        name=str(document["name"]),
        owner=Owner(user=user, host=host, process=document.get("process"), started=document.get("processStart", "")),
        created=datetime.datetime.fromisoformat(document["created"]),
        expires=datetime.datetime.fromisoformat(expires) if expires else None,
        folder=Path(document["folder"]),
        checkout=Path(document["checkout"]),
        phase=Phase(document["phase"]),
        clusters=int(document.get("clusters", 0)),
        worker=Owner(user=user, host=host, process=worker, started=document.get("workerStart", "")) if worker else None,
    )


class Registry:
    """The files of one user's environments."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entries(self) -> list[Entry]:
        """All of them, the oldest first; a file that cannot be read is none."""
        found = [self.find(file.stem) for file in self.root.glob("*.json")] if self.root.is_dir() else []
        return sorted((entry for entry in found if entry), key=lambda entry: (entry.created, entry.name))

    def find(self, name: str) -> Entry | None:
        """One environment, None where there is none of that name."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return read(json.loads((self.root / f"{name}.json").read_text()))
        return None

    def folder_of(self, name: str) -> Path:
        """Where an environment's own things lie."""
        return self.root / name

    def write(self, entry: Entry) -> Entry:
        """Write an entry, new or changed, and return it."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.root / f".{entry.name}.{os.getpid()}.draft"
        draft.write_text(json.dumps({"schemaVersion": SCHEMA_VERSION, **entry.document()}, indent=2) + "\n")
        draft.replace(self.root / f"{entry.name}.json")
        return entry

    def forget(self, name: str) -> None:
        """Remove an entry."""
        (self.root / f"{name}.json").unlink(missing_ok=True)

    def strays(self) -> list[Path]:
        """What killed runs left: drafts of dead processes, and folders that no entry names."""
        if not self.root.is_dir():
            return []
        drafts = [(path, _DRAFT.fullmatch(path.name)) for path in self.root.iterdir()]
        dead = [path for path, match in drafts if match and not is_running(int(match[1]))]
        folders = [path for path in self.root.iterdir() if path.is_dir() and NAME.fullmatch(path.name)]
        return [*dead, *(path for path in folders if not (self.root / f"{path.name}.json").exists())]

    def recount(self, folder: Path, clusters: int) -> None:
        """Write how many kind clusters the environment of a folder has now; nothing where there is none."""
        with self.alone():
            if (entry := self.find(folder.name)) and entry.folder == folder:
                self.write(replace(entry, clusters=clusters))

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Hold the registry for a moment against all other runs; the kernel frees it when we die."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def of_user() -> Registry:
    """The registry of this user: ``$XDG_STATE_HOME/tether/environments``, else below ``~/.local/state``."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The XDG specification has relative values ignored.
    root = base if base.is_absolute() else Path.home() / ".local" / "state"
    return Registry(root / "tether" / "environments")


def promised(entries: list[Entry], name: str = "") -> dict[str, int]:
    """Clusters by environment that a live run is making and that was asked for before one.

    Args:
        entries: all that there are, the oldest first.
        name: the one that asks; it, and what came after it, promises nothing. Empty: all of them count.
    """
    before = entries
    if name in (known := [entry.name for entry in entries]):
        before = entries[: known.index(name)]
    made = [entry for entry in before if entry.phase is Phase.MAKING and entry.worker and not entry.worker.why_gone]
    return {entry.name: entry.clusters for entry in made}
