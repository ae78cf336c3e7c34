"""Artefacts by content: made once, whole or not at all, shared by every checkout.

An artefact is a folder ``<name>-<digest>`` where the digest covers everything
that goes into it, the digests of the artefacts it is made from included. It is
built in a draft folder beside its place and renamed, under a lock that a second
run waits for. A build that was killed leaves a draft, which the next one sweeps.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from toolchain import shell
from toolchain.places import Cache

DIGEST_LENGTH = 12


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What a build function works with."""

    draft: Path
    """Folder to fill; it becomes the artefact."""
    needs: Mapping[str, Path]
    """Finished folders of the artefacts that this one is made from, by name."""
    cache: Cache
    log: Path
    """Output of the programs that were run."""

    def run(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> None:
        """Run a program, its output into the log.

        Raises:
            shell.CommandError: it ended with an error; the message holds its last lines.
        """
        shell.run(command, log=self.log, cwd=cwd, env=env, stdin=stdin)


@dataclass(frozen=True, kw_only=True, eq=False)
class Artefact:
    """One thing to be made, and everything that decides what it will be."""

    name: str
    make: Callable[[Workshop], None]
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Versions, flags and other strings that go in."""
    files: tuple[Path, ...] = ()
    """Files and folders that go in: recipes, go.mod, go.sum."""
    needs: "tuple[Artefact, ...]" = ()
    lane: str = ""
    """Artefacts of one lane are limited in number at a time; see ``schedule``."""

    @cached_property
    def digest(self) -> str:
        """Hexadecimal digest over name, inputs, file contents and the digests of what it needs."""
        total = hashlib.sha256()
        for part in self._parts():
            # Length first: without it "ab"+"c" and "a"+"bc" would be one.
            total.update(f"{len(part)}:".encode())
            total.update(part)
        return total.hexdigest()[:DIGEST_LENGTH]

    def _parts(self) -> Iterator[bytes]:
        yield self.name.encode()
        for key, value in sorted(self.inputs.items()):
            yield f"{key}={value}".encode()
        for root in self.files:
            for path, label in _files(root):
                yield label.encode()
                yield path.read_bytes()
        for need in sorted(self.needs, key=lambda each: each.name):
            yield f"{need.name}@{need.digest}".encode()

    @property
    def folder_name(self) -> str:
        """``<name>-<digest>``."""
        return f"{self.name}-{self.digest}"


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file under ``root`` with a label that does not depend on where the checkout lies."""
    if root.is_file():
        yield root, root.name
        return
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path, str(path.relative_to(root))


class Store:
    """The finished artefacts in the cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    def path(self, artefact: Artefact) -> Path:
        """Where the artefact lies once it is finished."""
        return self.cache.artefacts / artefact.folder_name

    def has(self, artefact: Artefact) -> bool:
        """Whether it is finished."""
        return self.path(artefact).is_dir()

    def obtain(self, artefact: Artefact, waiting: Callable[[], None] = lambda: None) -> Path:
        """The artefact's folder, built now if it is not there.

        What it needs must be there already. ``waiting`` is called when another run is building it.

        Raises:
            shell.CommandError: a program of the build failed.
            OSError: the cache cannot be written.
        """
        goal = self.path(artefact)
        if goal.is_dir():
            return goal
        with self._lock(artefact, waiting):
            if not goal.is_dir():
                self._build(artefact, goal)
        return goal

    def _build(self, artefact: Artefact, goal: Path) -> None:
        draft = self.cache.artefacts / f".draft-{artefact.folder_name}"
        # We hold the lock, so a draft of this name is one that a killed run left.
        shell.remove_tree(draft)
        draft.mkdir(parents=True)
        self.cache.logs.mkdir(parents=True, exist_ok=True)
        log = self.cache.logs / f"{artefact.folder_name}.log"
        log.write_bytes(b"")
        try:
            artefact.make(
                Workshop(
                    draft=draft,
                    needs={need.name: self.path(need) for need in artefact.needs},
                    cache=self.cache,
                    log=log,
                )
            )
            _flush(draft)
            draft.rename(goal)
        finally:
            shell.remove_tree(draft)

    @contextlib.contextmanager
    def _lock(self, artefact: Artefact, waiting: Callable[[], None]) -> Generator[None]:
        self.cache.artefacts.mkdir(parents=True, exist_ok=True)
        with locked(self.cache.locks / f"{artefact.folder_name}.lock", waiting):
            yield

    def remove(self, keep: Callable[[str], bool] = lambda folder_name: False) -> list[str]:
        """Remove finished artefacts that ``keep`` does not want, and left-over drafts; returns their names."""
        removed: list[str] = []
        for folder in sorted(self.cache.artefacts.glob("*")) if self.cache.artefacts.is_dir() else []:
            name = folder.name.removeprefix(".draft-")
            if folder.name == name and keep(name):
                continue
            # A rename first, so that nobody finds a half-removed artefact.
            doomed = folder.with_name(f".doomed-{os.getpid()}-{name}")
            with locked(self.cache.locks / f"{name}.lock"), contextlib.suppress(FileNotFoundError):
                folder.rename(doomed)
                shell.remove_tree(doomed)
                removed.append(name)
        return removed


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Generator[None]:
    """Hold the lock file ``path``; the kernel lets go of it when the process dies, however it dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _flush(folder: Path) -> None:
    """Bring big files to disk before the rename: a finished name must not hide half a file after a power cut."""
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def copy_file(source: Path, target: Path, *, mode: int = 0o644) -> None:
    """Copy one file, parents made, with exactly this mode."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)
