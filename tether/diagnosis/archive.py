"""The archive: one file that only this user can read, whole or not there at all."""

import contextlib
import io
import os
import tarfile
import threading
from collections.abc import Generator
from pathlib import Path

from tether.diagnosis.masking import Masking


class Archive:
    """Files below one folder; every text that goes in is masked once more."""

    def __init__(self, tar: tarfile.TarFile, folder: str, masking: Masking, moment: float) -> None:
        self._tar = tar
        self._folder = folder
        self._masking = masking
        self._moment = moment
        self._lock = threading.Lock()

    def add(self, name: str, content: str) -> None:
        """Add a text file; may be called from several threads.

        Args:
            name: path below the archive's folder.
            content: the text.
        """
        masked = self._masking.text(content).encode()
        entry = tarfile.TarInfo(f"{self._folder}/{self._masking.text(name)}")
        entry.size, entry.mtime, entry.mode = len(masked), int(self._moment), 0o600
        with self._lock:
            self._tar.addfile(entry, io.BytesIO(masked))


@contextlib.contextmanager
def opened(out: Path, masking: Masking, moment: float) -> Generator[Archive]:
    """Write an archive for the length of a block; it is in its place when the block has ended well.

    Args:
        out: the file, ``.tar.gz``; an older one is replaced.
        masking: takes secrets out of what goes in.
        moment: Unix time that the files get.

    Raises:
        OSError: it cannot be written.
    """
    draft = out.with_name(f".{out.name}.{os.getpid()}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            yield Archive(tar, out.name.removesuffix(".tar.gz"), masking, moment)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
