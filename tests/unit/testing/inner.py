"""Runs of pytest inside of tests, whose meshes are made by a program that only writes down what it was asked to do."""

from pathlib import Path

import pytest

PROGRAM = """\
import json, os, pathlib, sys, time
log, words = pathlib.Path({log!r}), sys.argv[1:]
with log.open("a") as file:
    file.write(" ".join(words) + "\\n")
print("working on it", file=sys.stderr, flush=True)
if os.environ.get("REFUSED") == " ".join(words[:2]):
    sys.exit("error: This machine cannot carry the mesh.")
if words[:2] == ["env", "up"]:
    time.sleep(0.5)
    print(json.dumps({{"environment": {{"name": words[2], "folder": {folder!r}}}}}))
if words[0] == "diagnose":
    pathlib.Path(words[words.index("--out") + 1]).write_text("an archive")
"""
CONFTEST = """\
import contextlib, pathlib, sys
from tests.unit.testing import meshes
from tether.testing import commands, mesh, namespace, running

commands.PROGRAM = (sys.executable, {program!r})
namespace.workloads.lines = lambda api, namespace, cluster, log_lines: [f"{{cluster}}: pod stock-1 is ready"]


@contextlib.contextmanager
def opened(place, remotes=1):
    found, _ = meshes.mesh(pathlib.Path({folder!r}), name=place.name)
    yield found


mesh.opened = opened


def tell(line):
    with open({log!r}, "a") as file:
        file.write(line + "\\n")
"""


class Inner:
    """A project with tests, and what its runs asked of the program."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.log = pytester.path / "asked.log"
        program = pytester.path / "program.py"
        program.write_text(PROGRAM.format(log=str(self.log), folder=str(pytester.path)))
        pytester.makeconftest(
            CONFTEST.format(program=str(program), folder=str(pytester.path), log=str(self.log))
        )  # fmt: skip
        pytester.makeini("[pytest]\n")

    def run(self, tests: str, *options: str | Path) -> pytest.RunResult:
        self.pytester.makepyfile(test_inner=f"import os, time\nimport pytest\nfrom conftest import tell\n{tests}")
        return self.pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", *options)

    @property
    def asked(self) -> list[str]:
        """What the program was asked, and what tests wrote, in the order of time."""
        return self.log.read_text().splitlines() if self.log.is_file() else []

    def asked_to(self, *words: str) -> list[str]:
        return [line for line in self.asked if line.startswith(" ".join(words))]
