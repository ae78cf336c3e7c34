"""Exit codes that a real process ends with, each once as text and once as JSON."""

import os
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.unit.cli.workbench import STACK_YAML, checkout, cluster, exported, write_state
from tests.unit.compatibility.making import RELEASED
from tests.unit.output.golden import parsed
from tests.unit.output.test_option import ROOT, TETHER
from tests.unit.trace.records import CERTIFICATE, TOKEN, failed, record
from tether import parts
from tether.cli import locks, project
from tether.errors import ExitCode
from tether.trace import document
from tether.trace.record import Outcome

GALLERY = ROOT / "docs" / "trace"
SETTINGS_SHOW = ("settings", "show", "--stack", "kind")
UNREACHABLE = record(TOKEN, failed(CERTIFICATE, "this machine has no way to it", outcome=Outcome.NO_WAY))


@contextmanager
def untouched(_: Path) -> Generator[None]:
    """The checkout as it is."""
    yield


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Another run has the stack."""
    with locks.alone(project.find(folder, "kind")):
        yield


@contextmanager
def misspelt(folder: Path) -> Generator[None]:
    """The settings do not describe a mesh."""
    file = folder / "stacks" / "Pulumi.kind.yaml"
    file.write_text(STACK_YAML.replace("role: primary", "rule: primary"))
    yield


@contextmanager
def recorded(folder: Path) -> Generator[None]:
    """A trace that this machine could not play to its end."""
    (folder / "trace.json").write_text(document.write(UNREACHABLE))
    yield


@contextmanager
def protected(folder: Path) -> Generator[None]:
    """A mesh that must not be deleted."""
    write_state(project.find(folder, "kind"), exported({**cluster("cluster1"), "protect": True}))
    parts.write(RELEASED, folder / parts.FILE)
    yield


Around = Callable[[Path], AbstractContextManager[None]]
CASES: Mapping[str, tuple[ExitCode, Sequence[str], Around]] = {
    "nothing is wrong": (ExitCode.OK, SETTINGS_SHOW, untouched),
    "a mesh that authenticates": (ExitCode.OK, ("trace", "--record", str(GALLERY / "healthy.json")), untouched),
    "nothing is there to be removed": (ExitCode.OK, ("down", "--yes"), untouched),
    "no way to the gateway": (ExitCode.FAILED, ("trace", "--record", "trace.json"), recorded),
    "an option that there is not": (ExitCode.USAGE, ("up", "--frobnicate"), untouched),
    "settings that are wrong": (ExitCode.USAGE, ("up", "--stack", "kind"), misspelt),
    "options that do not fit together": (ExitCode.USAGE, ("verify", "--dry-run"), untouched),
    "no container runtime": (ExitCode.PREFLIGHT, ("up", "--stack", "kind"), untouched),
    "a stack in use": (ExitCode.LOCKED, ("up", "--stack", "kind"), held),
    "a mesh that must not be deleted": (ExitCode.POLICY, ("down", "--yes", "--stack", "kind"), protected),
    "no such stack": (ExitCode.NOT_FOUND, ("settings", "show", "--stack", "nope"), untouched),
    "no tools": (ExitCode.NOT_FOUND, ("env",), untouched),
    "a proxy that does not authenticate": (
        ExitCode.UNHEALTHY, ("trace", "--record", str(GALLERY / "expired-token.json")), untouched),
}  # fmt: skip


def ended(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # Without PATH no container runtime is found, so that nothing can be made even by mistake.
    kept = {name: value for name, value in os.environ.items() if name not in ("PULUMI_STACK", "TETHER_STACK")}
    known = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "providers" / "tether"), kept.get("PYTHONPATH", ""))))
    environment = {**kept, "PATH": str(folder / "none"), "PYTHONPATH": known}
    return subprocess.run(
        [*TETHER, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_real_process_ends_with_it_in_both_forms(tmp_path: Path, case: str, form: str) -> None:
    code, words, around = CASES[case]
    checkout(tmp_path)
    with around(tmp_path):
        done = ended(tmp_path, *words, "--output", form)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if form == "json":
        told = parsed(done.stdout)
        assert told.get("exitCode", code) == code
    else:
        assert not done.stdout.startswith("{")


def test_every_code_is_given_by_a_process() -> None:
    # A time-out needs an engine that takes its time: tests/unit/cli/test_time_box.py.
    given = {code for code, _, _ in CASES.values()} | {ExitCode.TIMED_OUT}
    assert given == set(ExitCode)
