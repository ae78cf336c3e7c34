"""What the secrets of a stack are encrypted with; known so that it can be masked."""

import os
from pathlib import Path

from tether.cli import project
from tether.cli.project import Project
from tether.environments.folder import PASSPHRASE
from tether.errors import TetherError


def of(place: Project) -> list[str]:
    """Passphrases that a stack may be encrypted with: the checkout's and that of the environment."""
    file = place.private / "passphrase"
    written = [file.read_text().strip()] if file.is_file() else []
    return [*written, *_of_environment()]


def around() -> list[str]:
    """Those of the checkout around the current folder."""
    try:
        return of(project.find(Path.cwd()))
    except (TetherError, OSError):
        return _of_environment()


def _of_environment() -> list[str]:
    said = os.environ.get(PASSPHRASE)
    return [said] if said else []
