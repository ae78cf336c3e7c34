"""Where things lie: the checkout, its private folder, and the cache that all checkouts share.

Standard library only: it is read before anything is installed.
"""

import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
"""The folder of this package; the Go wrapper modules lie in it."""


@dataclass(frozen=True)
class Cache:
    """The cache outside the checkout; a second clone finds everything in it."""

    root: Path

    @property
    def artefacts(self) -> Path:
        """Finished artefacts, one folder each, named by content."""
        return self.root / "artefacts"

    @property
    def locks(self) -> Path:
        """One lock file per artefact being made."""
        return self.root / "locks"

    @property
    def logs(self) -> Path:
        """What the builders printed, one file per artefact."""
        return self.root / "logs"

    @property
    def go(self) -> Path:
        """Go's own build cache and modules; they make the inside of a Go build resumable."""
        return self.root / "go"

    @property
    def programs(self) -> Path:
        """Uv and Go, where the machine had none that fit."""
        return self.root / "programs"

    @property
    def containers_conf(self) -> Path:
        """Our settings for podman; the machine's own are left alone."""
        return self.root / "containers.conf"


def cache() -> Cache:
    """The cache of this user: ``$XDG_CACHE_HOME/tether``, else ``~/.cache/tether``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative values ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return Cache(root / "tether")


_PRIVATE, _PROGRAMS = ".tether", "bin"


def is_programs(folder: Path) -> bool:
    """Whether a folder is where some clone has its links to programs."""
    return (folder.parent.name, folder.name) == (_PRIVATE, _PROGRAMS)


@dataclass(frozen=True)
class Checkout:
    """One clone of the project and its private, git-ignored folder ``.tether``."""

    root: Path

    @property
    def private(self) -> Path:
        """Everything that belongs to this clone alone."""
        return self.root / _PRIVATE

    @property
    def programs(self) -> Path:
        """Links to the chosen programs; first on PATH."""
        return self.private / _PROGRAMS

    @property
    def charts(self) -> Path:
        """Links to the chosen Helm charts."""
        return self.private / "charts"

    @property
    def parts(self) -> Path:
        """The record of what was chosen (tether.parts)."""
        return self.private / "parts.json"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME: plugins and credentials of this clone, never ``~/.pulumi``."""
        return self.private / "pulumi"

    @property
    def state(self) -> Path:
        """Pulumi's state as files."""
        return self.private / "state"

    @property
    def passphrase(self) -> Path:
        """The passphrase that encrypts secrets in the state; mode 0600."""
        return self.private / "passphrase"

    @property
    def policy(self) -> Path:
        """The policy pack; its lock file and virtual environment lie in it (docs/adr/0020)."""
        return self.root / "policy"

    @property
    def interpreter(self) -> Path:
        """Python of the project's virtual environment."""
        return self.root / ".venv" / "bin" / "python"


def checkout() -> Checkout:
    """The clone that this package lies in."""
    return Checkout(PACKAGE.parent)
