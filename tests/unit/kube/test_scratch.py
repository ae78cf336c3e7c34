import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tether import scratch


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sweep_again()
    yield tmp_path
    sweep_again()


def sweep_again() -> None:
    scratch._remove_abandoned.cache_clear()  # pyright: ignore[reportPrivateUsage]


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process that holds a folder with a secret in it."""
    program = (
        "import sys, tempfile, time; from tether import scratch\n"
        f"tempfile.tempdir = {str(parent)!r}\n"
        "with scratch.folder() as path:\n"
        "    (path / 'key').write_text('secret'); print(path, flush=True); time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    path = Path(child.stdout.readline().strip())
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    return child, path


def test_a_folder_is_private_and_gone_afterwards() -> None:
    with scratch.folder() as path:
        (path / "key").write_text("secret")
        assert path.stat().st_mode & 0o077 == 0

    assert not path.exists()


def test_a_folder_is_gone_after_an_error_too() -> None:
    with pytest.raises(LookupError), scratch.folder() as path:
        raise LookupError

    assert not path.exists()


def test_what_a_killed_process_left_is_removed_by_the_next(own_temporary_folder: Path) -> None:
    child, path = holder(own_temporary_folder)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert (path / "key").exists()

    with scratch.folder():
        assert not path.exists()


def test_the_folder_of_a_living_process_is_left_alone(own_temporary_folder: Path) -> None:
    child, path = holder(own_temporary_folder)
    try:
        with scratch.folder():
            assert (path / "key").read_text() == "secret"
    finally:
        child.kill()
        child.communicate()
