"""Reads the archives of ``tether diagnose``."""

import tarfile
from pathlib import Path


def contents(file: Path) -> dict[str, str]:
    """Texts by their names in the archive."""
    with tarfile.open(file) as tar:
        return {entry.name: tar.extractfile(entry).read().decode() for entry in tar}  # type: ignore[union-attr]


def inside(file: Path) -> dict[str, str]:
    """Texts by their names below the archive's one folder."""
    return {name.partition("/")[2]: text for name, text in contents(file).items()}
