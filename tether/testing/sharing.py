"""One mesh for all processes of a pytest run: the first that wants it makes it, the others wait and take it.

They meet in a folder with a lock, which the kernel frees when its holder dies, and with a file that says how far the
mesh is.
"""

import contextlib
import fcntl
import json
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tether.errors import TetherError
from tether.testing.place import Place

_LOCK, _FILE = "lock", "mesh.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """How far the mesh of a run is."""

    name: str
    """Of its environment; chosen before anything is made, so that a run that is killed can be cleaned up after."""
    checkout: str
    maker: int = 0
    """Process that makes it; 0 where none does."""
    folder: str = ""
    """Of the environment; empty while it is not made."""
    error: str = ""
    """Why it could not be made."""

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(name=self.name, folder=Path(self.folder), is_environment=True)


def take(folder: Path, begin: Callable[[], Record], make: Callable[[Record, Callable[[int], None]], Place]) -> Place:
    """Take the mesh of the run; make it where no other process has.

    Args:
        folder: the run's.
        begin: chooses the name.
        make: makes it; is given a function to which it says the number of the process that does.

    Raises:
        TetherError: it could not be made, by this process or by the one that tried; it is tried once.
    """
    with _alone(folder):
        record = read(folder)
        if record is None:
            record = begin()
            write(folder, record)
            record = _made(folder, record, make)
        if record.error:
            raise TetherError(record.error)
        if not record.folder:
            raise TetherError(f"The process that made mesh {record.name} has died, so that there is none.")
        return record.place


def _made(folder: Path, record: Record, make: Callable[[Record, Callable[[int], None]], Place]) -> Record:
    try:
        place = make(record, lambda process: write(folder, replace(record, maker=process)))
    except TetherError as error:
        record = replace(record, error=str(error))
    else:
        record = replace(record, folder=str(place.folder))
    finally:
        # Whatever came of it, that process has ended, and its number may be given to another program.
        write(folder, record)
    return record


def read(folder: Path) -> Record | None:
    """How far the mesh of a run is; None where no test wanted one."""
    with contextlib.suppress(FileNotFoundError):
        return Record(**json.loads((folder / _FILE).read_text()))
    return None


def write(folder: Path, record: Record) -> None:
    """Say how far it is, whole or not at all."""
    draft = folder / f"{_FILE}.draft"
    draft.write_text(json.dumps(asdict(record)))
    draft.replace(folder / _FILE)


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / _LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
