"""The end of a run: its mesh is taken down, or kept where that was asked for."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tether.testing import environment, sharing
from tether.testing.options import KEEP, KEEP_FAILED, REUSE
from tether.testing.running import tell
from tether.testing.sharing import Record


def finish(session: pytest.Session, folder: Path) -> None:
    """Take the mesh of a run down, if it made one; called by the process that outlives all others of the run."""
    record = sharing.read(folder)
    if record is not None:
        wanted = _is_kept(session) and bool(record.folder)
        told = _keep(record) if wanted else environment.take_down(record, tell)
        if told:
            _show(session.config, told)
        if told and not wanted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(folder, ignore_errors=True)


def _is_kept(session: pytest.Session) -> bool:
    config = session.config
    return bool(config.getoption(KEEP.key) or (config.getoption(KEEP_FAILED.key) and session.testsfailed))


def _keep(record: Record) -> str:
    lines = [
        f"mesh {record.name} was kept:",
        f"  pytest {REUSE.name} {record.name}  # tests on it again",
        f"  tether env kubeconfig {record.name}  # a kubeconfig with all of its clusters",
        f"  tether env down {record.name}  # removes it",
    ]
    return "\n".join([*lines, *filter(None, [environment.keep(record)])])


def _show(config: pytest.Config, text: str) -> None:
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        tell(text)
        return
    reporter.write_line("")
    reporter.section("tether", sep="-")
    reporter.write_line(text)
