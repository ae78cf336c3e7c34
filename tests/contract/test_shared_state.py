"""A stack whose state lies elsewhere is taken down there, and its namesake in the checkout stays; by the engine."""

import json
import secrets
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import copy_of_the_checkout, with_tools
from tests.forge import PROJECT, clean
from tether.cli import project, records
from toolchain.environment import BACKEND_VARIABLE, variables

STACK = "kind"
TETHER = PROJECT / ".venv" / "bin" / "tether"


class Desk:
    """A checkout with a state of its own and one elsewhere, each with a stack of the same name."""

    def __init__(self, folder: Path) -> None:
        self.home, self.elsewhere = folder / "home", folder / "elsewhere"
        self.checkout = with_tools(copy_of_the_checkout(folder / "checkout"))
        self.elsewhere.mkdir()
        self.suffixes = {shared: secrets.token_hex(4) for shared in (False, True)}

    def run(self, *command: str | Path, shared: bool, stdin: str = "") -> subprocess.CompletedProcess[str]:
        own = variables(self.checkout)
        place = {BACKEND_VARIABLE: self.elsewhere.as_uri(), "PULUMI_BACKEND_URL": self.elsewhere.as_uri()}
        environment = {**clean(self.home), **own, **(place if shared else {}), "PULUMI_STACK": STACK}
        return subprocess.run(
            list(map(str, command)), cwd=self.checkout, env=environment, input=stdin, capture_output=True, text=True
        )

    def make(self, *, shared: bool) -> None:
        """Have the engine record what gives an environment its name, the only thing in it without a cluster."""
        prefix = f"urn:pulumi:{STACK}::tether::"
        provider = {"urn": f"{prefix}pulumi:providers:random::default", "custom": True, "id": "one",
                    "type": "pulumi:providers:random"}  # fmt: skip
        kind = "random:index/randomId:RandomId"
        named = {"urn": f"{prefix}{kind}::mesh", "custom": True, "id": "two", "type": kind,
                 "outputs": {"hex": self.suffixes[shared]}, "provider": f"{provider['urn']}::one"}  # fmt: skip
        document = {"version": 3, "deployment": {"resources": [provider, named]}}
        for command in (["stack", "init", STACK], ["stack", "import"]):
            done = self.run("pulumi", *command, "--non-interactive", shared=shared, stdin=json.dumps(document))
            assert done.returncode == 0, done.stderr

    def recorded(self, *, shared: bool) -> list[str]:
        """Names of environments that a state knows of its stack; none where there is no stack."""
        done = self.run("pulumi", "stack", "export", "--non-interactive", shared=shared)
        content: dict[str, Any] = json.loads(done.stdout)["deployment"] if done.returncode == 0 else {}
        resources: list[dict[str, Any]] = content.get("resources") or []
        return [one["outputs"]["hex"] for one in resources if "hex" in one.get("outputs", {})]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    for shared in (False, True):
        made.make(shared=shared)
    return made


def test_down_removes_the_stack_in_the_state_that_is_named_and_leaves_its_namesake(desk: Desk) -> None:
    ours = project.find(desk.checkout, STACK)
    records.add(ours, [desk.suffixes[False]], clusters=2)
    for kept in (ours.removals, ours.events):
        kept.mkdir(parents=True)

    seen = desk.run(TETHER, "down", "--dry-run", shared=True)
    assert "RandomId::mesh" in seen.stdout + seen.stderr
    assert desk.recorded(shared=True) == [desk.suffixes[True]]

    done = desk.run(TETHER, "down", "--yes", shared=True)
    assert done.returncode == 0, done.stderr
    assert desk.recorded(shared=True) == []
    assert [file for file in desk.elsewhere.rglob("*") if file.is_file() and STACK in file.name] == []
    assert desk.recorded(shared=False) == [desk.suffixes[False]]
    assert records.read(ours).suffixes == {desk.suffixes[False]}
    assert ours.removals.is_dir()
    assert ours.events.is_dir()

    again = desk.run(TETHER, "down", "--yes", shared=True)
    assert again.returncode == 0
    assert f"the state at {desk.elsewhere.as_uri()} has nothing of a stack {STACK}" in again.stderr
    assert f"set {BACKEND_VARIABLE} as it was then" in again.stderr
    assert desk.recorded(shared=False) == [desk.suffixes[False]]


def test_down_without_the_variable_leaves_what_is_elsewhere_and_says_that_there_is_something(desk: Desk) -> None:
    desk.elsewhere.joinpath("kept").touch()
    theirs = desk.checkout / ".tether" / "environments"
    assert desk.run(TETHER, "down", "--yes", shared=False).returncode == 0
    assert desk.recorded(shared=True) == [desk.suffixes[True]]
    theirs.mkdir(parents=True, exist_ok=True)
    (theirs / f"{STACK}@0badcafe.json").write_text(json.dumps({"suffixes": [desk.suffixes[True]], "clusters": 2}))

    again = desk.run(TETHER, "down", "--yes", shared=False)
    assert again.returncode == 0
    assert "One of that name was made from here with another state" in again.stderr
    assert desk.recorded(shared=True) == [desk.suffixes[True]]


def test_a_lock_of_a_dead_engine_is_cleared_elsewhere_too(desk: Desk) -> None:
    folder = desk.elsewhere / ".pulumi" / "locks" / "organization" / "tether" / STACK
    folder.mkdir(parents=True, exist_ok=True)
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock = {"pid": dead.pid, "username": "u", "hostname": socket.gethostname(), "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "one.json").write_text(json.dumps(lock))
    done = desk.run(TETHER, "down", "--yes", shared=True)
    assert done.returncode == 0, done.stderr
    assert f"removing the lock of process {dead.pid}" in done.stderr
    assert desk.recorded(shared=True) == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_state_that_a_killed_engine_left_half_written_is_read_again(desk: Desk, shared: bool) -> None:
    state = (desk.elsewhere if shared else desk.checkout / ".tether" / "state") / ".pulumi" / "stacks" / "tether"
    (state / f"{STACK}.json.attrs").write_text("")
    (state / f"{STACK}.json.18ec2acc.tmp").write_text('{"version": 3, "chec')
    by_hand = desk.run("pulumi", "stack", "export", "--non-interactive", shared=shared)
    assert "EOF" in by_hand.stderr, "the engine by itself reads nothing of it"

    done = desk.run(TETHER, "down", "--yes", shared=shared)
    assert done.returncode == 0, done.stderr
    assert "Destroying" in done.stderr
    assert f"removing {STACK}.json.attrs" in done.stderr
    assert desk.recorded(shared=shared) == []
    assert [*state.glob("*.tmp")] == []
