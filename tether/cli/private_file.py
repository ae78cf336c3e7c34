"""Files that nobody but this user may read."""

import os
from pathlib import Path


def write(path: Path, content: str) -> None:
    """Write a file that is private from its first byte on; an older one is overwritten."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
