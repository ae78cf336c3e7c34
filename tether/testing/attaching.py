"""What a failed test shows of its mesh: an archive of `tether diagnose`, and the pods of its namespace."""

import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tether.errors import ExitCode
from tether.redact import redact
from tether.testing import commands
from tether.testing.mesh import Mesh
from tether.testing.namespace import MeshNamespace

FAILED = pytest.StashKey[bool]()
"""Whether a test has failed."""
NAMESPACE = pytest.StashKey[MeshNamespace]()
"""The namespace of a test."""
MOST_ARCHIVES = 3
"""In one process: each takes some seconds, and where all tests fail the first ones say why."""
ARCHIVE_SECONDS = 120.0
PROPERTY = "tether-diagnosis"
"""Under which the path of the archive stands in JUnit's XML."""


class Attachments:
    """Attaches to the report of each test that failed on a mesh; a plugin of pytest from the mesh's first use on."""

    def __init__(self, mesh: Mesh, folders: pytest.TempPathFactory) -> None:
        self._mesh = mesh
        self._folders = folders
        self._made: list[Path] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach before the test's namespace is removed."""
        report = yield
        if report.failed and "mesh" in getattr(item, "fixturenames", ()):
            item.stash[FAILED] = True
            report.sections.append(("tether diagnose", self._diagnosis(item, report)))
            if namespace := item.stash.get(NAMESPACE, None):
                report.sections.append((f"namespace {namespace.name}", redact("\n".join(namespace.lines()))))
        return report

    def _diagnosis(self, item: pytest.Item, report: pytest.TestReport) -> str:
        """The path of an archive, or why there is none."""
        if len(self._made) >= MOST_ARCHIVES:
            return f"no archive more: {MOST_ARCHIVES} tests of this process have one, the last is {self._made[-1]}"
        file = self._folders.mktemp("tether-diagnosis") / "mesh.tar.gz"
        name = self._mesh.name
        try:
            done = commands.run(
                self._mesh.place.folder, "diagnose", "--stack", name, "--out", str(file), timeout=ARCHIVE_SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"no archive: mesh {name} was not read within {ARCHIVE_SECONDS:g} s"
        if done.code != ExitCode.OK:
            return f"no archive of mesh {name}: {done.stderr.strip()}"
        self._made.append(file)
        # JUnit's XML takes what the last report of a test has, that of its teardown, which is made from the item.
        for properties in (item.user_properties, *([report.user_properties] if report.when == "teardown" else [])):
            properties.append((PROPERTY, str(file)))
        return f"{file}\nall of mesh {name} as it was after this test, without secrets; list it with: tar -tzf {file}"
