"""The processes of one pytest run, and the folder in which they meet; imports nothing that pytest does not have."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

_SHARED = pytest.StashKey[Path]()
_FOLDER, _OWNER = "tether_mesh_folder", "tether_mesh_owner"


def folder(config: pytest.Config) -> Path:
    """The run's folder; it is made by whoever first makes a mesh."""
    if is_worker(config):
        return Path(_told(config)[_FOLDER])
    # Nobody else can know the name, so that nobody can be there first.
    return config.stash.setdefault(_SHARED, Path(tempfile.gettempdir()) / f"tether-run-{os.urandom(8).hex()}")


def owner(config: pytest.Config) -> int:
    """Number of the process that outlives all others of the run."""
    return int(_told(config)[_OWNER]) if is_worker(config) else os.getpid()


def for_worker(config: pytest.Config) -> Mapping[str, Any]:
    """What a process of pytest-xdist has to know."""
    return {_FOLDER: str(folder(config)), _OWNER: owner(config)}


def is_worker(config: pytest.Config) -> bool:
    """Whether this is a process of pytest-xdist that runs tests for another one."""
    return hasattr(config, "workerinput")


def _told(config: pytest.Config) -> Mapping[str, Any]:
    found: Mapping[str, Any] = config.__dict__["workerinput"]
    return found
