"""What ``make tools-clean`` and its thorough sister take away, in a checkout and a cache of their own."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.forge import PROJECT, clone
from toolchain.places import Cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """With one artefact that no checkout uses, and a cache of Go's."""
    made = Cache(tmp_path / "tether")
    for folder in (made.artefacts / "old-0123456789abcdef", made.go / "build"):
        folder.mkdir(parents=True)
    return made


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One that has no record of its parts: it knows no container runtime to take images from."""
    made = clone(tmp_path / "checkout")
    (made / ".venv").symlink_to(PROJECT / ".venv")
    return made


def run(checkout: Path, cache: Cache, *command: str) -> str:
    # As anybody's shell has it, without what tests of this checkout are found by.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "XDG_CACHE_HOME": str(cache.root.parent), "TETHER_SOURCE": "packages"}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_no_checkout_uses_goes_first_and_everything_when_it_is_wished(checkout: Path, cache: Cache) -> None:
    assert "removed old-0123456789abcdef" in run(checkout, cache, "make", "--no-print-directory", "tools-clean")
    assert cache.go.is_dir()

    python = str(PROJECT / ".venv" / "bin" / "python")
    assert "Go's caches" in run(checkout, cache, python, "-m", "toolchain", "clean", "--all")
    assert not cache.go.exists()


def test_the_status_names_the_source_of_every_part(checkout: Path, cache: Cache) -> None:
    python = str(PROJECT / ".venv" / "bin" / "python")
    assert "make tools" in run(checkout, cache, python, "-m", "toolchain", "status")
