"""Environments that end by themselves: side by side, paused, abandoned, killed."""

import contextlib
import dataclasses
import json
import os
import random
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.e2e.environment import PROJECT, TETHER, Ran, processes, runtime, suffix_in, things_of
from tether.cli.project import DEFAULT_STACK
from tether.cli.stack_file import without_salt
from tether.environments import lifetime, owner
from tether.environments.registry import Entry, Phase, Registry
from tether.frozen import FREEZER
from toolchain.environment import variables

KILLS = int(os.environ.get("TETHER_E2E_KILLS", "2"))
"""How many runs are killed, each at a moment of its own."""
SEED = os.environ.get("TETHER_E2E_SEED") or secrets.token_hex(4)
LONGEST = 45.0
"""Seconds in which an environment comes up here; later it could only be killed when it is done."""
COMMAND_SECONDS = 420
SALT = "encryptionsalt: v1:qJo/6r0a28E=:v1:9WkExlmPw6PV6fcj:YyEa+eqVIZlbEvkxOGuxdE+GRu2/RQ==\n"
"""Of a passphrase that nobody has."""


@dataclass
class Desk:
    """A user with no other environments."""

    state: Path

    @property
    def known(self) -> Registry:
        return Registry(self.state / "tether" / "environments")

    @property
    def variables(self) -> dict[str, str]:
        plain = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI")}
        return {**plain, "PATH": variables(PROJECT)["PATH"], "XDG_STATE_HOME": str(self.state)}

    def type(self, *words: str, code: int = 0, environment: Mapping[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [TETHER, "env", *words], cwd=PROJECT, env={**self.variables, **(environment or {})},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert ran.code == code, ran.talk
        return ran

    def ask(self, *words: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        return json.loads(self.type(*words, "--output", "json", environment=environment).stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [TETHER, "env", *words], cwd=PROJECT, env=self.variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def names(self) -> list[str]:
        return [one["name"] for one in self.ask("list")["environments"]]

    def files(self) -> list[str]:
        # A run may be killed before it made the folder.
        there = self.known.root.iterdir() if self.known.root.is_dir() else ()
        return sorted(path.name for path in there if path.name != ".lock")


def labelled(name: str) -> list[str]:
    """Everything on this machine that says that it is of an environment, and programs that work in its folder."""
    mark = f"label=tether-env.name={name}"
    return [
        *runtime("ps", "--all", "--filter", mark, "--format", "container {{.Names}}"),
        *runtime("network", "ls", "--filter", mark, "--format", "network {{.Name}}"),
        *runtime("volume", "ls", "--filter", mark, "--format", "volume {{.Name}}"),
        *(f"process {line}" for line in processes() if f"environments/{name}/" in line),
    ]


def freeze_pods_of(name: str) -> int:
    """Freeze what runs in a pod of each node, as far as there is one; under cgroup v2 that keeps nothing from ending.

    Returns:
        How many nodes have something frozen.
    """
    nodes = runtime("ps", "--quiet", "--no-trunc", "--filter", f"label=tether-env.name={name}")
    frozen = 0
    for node in nodes if FREEZER.is_dir() else []:
        pods = (Path(folder) for folder, *_ in os.walk(FREEZER) if node in folder and "cri-containerd-" in folder)
        if pod := next((pod for pod in pods if (pod / "cgroup.procs").read_text().strip()), None):
            (pod / "freezer.state").write_text("FROZEN")
            frozen += 1
    return frozen


def suffix_of(desk: Desk, name: str) -> str:
    """What makes the names of an environment unique on this machine."""
    (network,) = runtime("network", "ls", "--filter", f"label=tether-env.name={name}", "--format", "{{.Name}}")
    return network.removeprefix("tether-")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "state")
    made.state.mkdir()
    try:
        yield made
    finally:
        left = [entry.name for entry in made.known.entries()]
        for name in left:
            made.type("down", name, "--yes", "--force")
    assert [thing for name in left for thing in labelled(name)] == []


def settings_with_salt(folder: Path) -> Path:
    """The default settings as a checkout has them whose stack stands."""
    file = folder / "settings.yaml"
    file.write_text(without_salt((PROJECT / "stacks" / f"Pulumi.{DEFAULT_STACK}.yaml").read_text()) + SALT)
    return file


@contextlib.contextmanager
def somebody() -> Generator[subprocess.Popen[bytes]]:
    """A process for an environment to belong to."""
    child = subprocess.Popen(["sleep", "900"])
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.mark.timeout(900)
def test_two_environments_share_nothing_and_each_ends_in_its_own_way(desk: Desk) -> None:
    with somebody() as job:
        first, second = f"e2e-{secrets.token_hex(3)}", f"e2e-{secrets.token_hex(3)}"
        # Whoever ends it has no variables of the user's, and settings of a stack that stands bring that stack's salt.
        mine = {"PULUMI_CONFIG_PASSPHRASE": "of the user"}
        made = desk.ask("up", first, "--ttl", "30m", "--owner", str(job.pid), environment=mine)
        assert made["environment"]["phase"] == "standing"
        subnet = subnet_of(first)
        one = suffix_of(desk, first)
        everything = things_of(one)
        assert sorted(labelled(first)) == sorted(thing for thing in map(short, everything) if "process" not in thing)

        file = desk.type("kubeconfig", first).stdout.strip()
        for cluster in ("cluster1", "cluster2"):
            asked = ["kubectl", "--kubeconfig", file, "--context", cluster, "get", "pods", "--all-namespaces"]
            pods = subprocess.run(asked, env=desk.variables, capture_output=True, text=True, check=True).stdout
            assert "istio-eastwestgateway" in pods

        # The nodes of one are enough beside the mesh of other tests; what it has of its own stays while it is paused.
        assert desk.ask("pause", first)["environment"]["phase"] == "paused"
        beside = desk.ask("up", second, "--ttl", "30m", "--settings", str(settings_with_salt(desk.state)))
        two = suffix_of(desk, second)
        assert one != two
        assert subnet != subnet_of(second)
        assert beside["endpoints"] != made["endpoints"]
        assert sorted(desk.names()) == sorted([first, second])

        job.kill()
        job.wait()
        (case,) = desk.ask("reap", "--dry-run")["environments"]
        assert (case["name"], case["outcome"]) == (first, "would be removed")
        assert labelled(first), "a dry run changes nothing"
        (case,) = desk.ask("reap")["environments"]
        assert case["outcome"] == "removed"
        assert labelled(first) == things_of(one) == []
        assert desk.names() == [second]

    assert_its_time_is_its_owner_s(desk, second)
    assert_refused_settings_change_nothing(desk, second)
    assert_it_is_worked_on_in_its_folder(desk, second)
    before = nodes_of(second)
    desk.type("pause", second)
    resumed = desk.ask("resume", second)
    assert resumed["environment"]["phase"] == "standing"
    assert 0 < resumed["healthySeconds"] < resumed["seconds"]
    answers = resumed["verification"]["answers"]
    assert min(answers[asking][answering] for asking in answers for answering in answers) > 0
    assert nodes_of(second) == before, "a node has the address after a restart that it had before"

    # Without the file it is found by its labels, and by the folder that they name.
    desk.known.forget(second)
    assert [one["phase"] for one in desk.ask("list")["environments"]] == ["lost"]
    assert freeze_pods_of(second) == (2 if FREEZER.is_dir() else 0)
    desk.type("down", second, "--yes")
    assert labelled(second) == things_of(two) == []
    assert desk.files() == []


def assert_its_time_is_its_owner_s(desk: Desk, name: str) -> None:
    """Whoever it belongs to can look at it, give it more time or no end, and see what its removal would take."""
    shown = desk.ask("show", name)["environment"]
    longer = desk.ask("extend", name, "30m")["environment"]
    assert longer["expires"] > shown["expires"]
    assert desk.ask("keep", name)["environment"]["expires"] is None
    assert desk.ask("extend", name, "1h")["environment"]["expires"]
    removed = desk.type("down", name, "--dry-run").stdout.splitlines()
    assert set(map(short, labelled(name))) <= set(map(short, removed))
    assert "OnUnitInactiveSec" in desk.type("timer").stdout


def assert_refused_settings_change_nothing(desk: Desk, name: str) -> None:
    """It stands as before where settings are no mesh, or none that it can follow."""
    before, folder = desk.ask("show", name), desk.known.folder_of(name)
    written = (folder / "stacks" / f"Pulumi.{name}.yaml").read_text()
    settings = desk.state / "other.yaml"
    given = (PROJECT / "stacks" / f"Pulumi.{DEFAULT_STACK}.yaml").read_text()
    settings.write_text(f"{given}  tether:istioNamespace: elsewhere\n")
    refused = desk.type("up", name, "--settings", str(settings), code=2).stderr
    assert f"to change it: tether env down {name}, and then the same again" in refused
    assert f"pulumi config set --config-file {settings} 'tether:istioNamespace' istio-system" in refused
    settings.write_text(given.replace("network2", "network1"))
    desk.type("up", name, "--settings", str(settings), code=2)
    after = desk.ask("show", name)
    assert after["endpoints"] == before["endpoints"]
    assert after["environment"] | {"secondsLeft": 0} == before["environment"] | {"secondsLeft": 0}
    assert (folder / "stacks" / f"Pulumi.{name}.yaml").read_text() == written


def assert_it_is_worked_on_in_its_folder(desk: Desk, name: str) -> None:
    """As `tether env show` says; the checkout's tools, which it shares, stay what they are."""
    parts = PROJECT / ".tether" / "parts.json"
    before = parts.read_text()
    (way,) = (line.partition("  #")[0] for line in desk.type("show", name).stdout.splitlines() if "eval" in line)
    asked = ["bash", "-euc", f"{way} && tether drift"]
    ran = subprocess.run(
        asked, env=desk.variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Nothing has drifted" in ran.stdout
    assert parts.read_text() == before


def subnet_of(name: str) -> str:
    (network,) = runtime("network", "ls", "--filter", f"label=tether-env.name={name}", "--format", "{{.Name}}")
    text = "".join(runtime("network", "inspect", network))
    found = re.search(r'"subnet": *"([^"]+)"', text, re.IGNORECASE)
    assert found is not None, text
    return found[1]


def nodes_of(name: str) -> dict[str, str]:
    """Addresses of the nodes of an environment."""
    names = runtime("ps", "--filter", f"label=tether-env.name={name}", "--format", "{{.Names}}")
    asked = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return {node: runtime("inspect", "--format", asked, node)[0] for node in names}


def short(thing: str) -> str:
    """A thing without its labels."""
    return " ".join(thing.split()[:2])


def test_a_third_is_refused_with_the_memory_that_it_would_need(desk: Desk) -> None:
    """What others are promised is theirs, before they have taken it."""
    desk.type("up", "e2e-Nope", code=2)
    promised = registered(desk, clusters=10_000)
    ran = desk.type("up", "e2e-third", code=3)
    assert "2 kind clusters need 2.4 GiB, beside 12000.0 GiB for what is coming up" in ran.stderr
    desk.known.forget(promised)
    assert desk.files() == []
    assert labelled("e2e-third") == []


def registered(desk: Desk, clusters: int) -> str:
    """An environment that this very process claims to be making."""
    name = "e2e-big"
    moment = lifetime.now()
    desk.known.write(
        Entry(
            name=name,
            owner=owner.me(),
            created=moment,
            expires=None,
            folder=desk.known.folder_of(name),
            checkout=PROJECT,
            phase=Phase.MAKING,
            clusters=clusters,
            worker=owner.me(os.getpid()),
        )
    )
    return name


def test_what_takes_too_long_is_cancelled_and_what_was_made_can_be_removed(desk: Desk) -> None:
    ran = desk.type("up", "e2e-slow", "--timeout", "15s", code=9)
    assert "tether env down e2e-slow" in ran.stderr
    assert [entry.phase for entry in desk.known.entries()] == [Phase.FAILED]
    desk.type("down", "e2e-slow", "--yes")
    assert labelled("e2e-slow") == desk.files() == []


@pytest.mark.timeout(max(600, 150 * KILLS))
@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_leaves_nothing_that_the_reaper_does_not_find(desk: Desk, number: int) -> None:
    moment = random.Random(f"{SEED}/{number}").uniform(0.0, LONGEST)  # noqa: S311 - a moment, no secret
    print(f"TETHER_E2E_SEED={SEED}: run {number} is killed after {moment:.2f} s")  # noqa: T201 - read off a failure
    name = f"e2e-kill-{number}-{secrets.token_hex(2)}"
    running = desk.start("up", name, "--ttl", "30m")
    try:
        time.sleep(moment)
        is_done = running.poll() is not None
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate()
    suffix = recorded_suffix(desk, name)
    # As a runc does that is killed while it changes a container.
    freeze_pods_of(name)
    if is_done:
        let_expire(desk, name)
    said = desk.type("reap").talk
    assert labelled(name) == [], said
    assert not suffix or things_of(suffix) == [], said
    assert desk.files() == [], said


def recorded_suffix(desk: Desk, name: str) -> str:
    """What the names of a killed run's things have in common, as far as it had come to know it."""
    file = desk.known.folder_of(name) / ".tether" / "state" / ".pulumi" / "stacks" / "tether" / f"{name}.json"
    if not file.is_file():
        return ""
    latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"] or {}
    return suffix_in(cast("list[dict[str, Any]]", latest.get("resources") or []))


def let_expire(desk: Desk, name: str) -> None:
    entry = desk.known.find(name)
    assert entry is not None
    desk.known.write(dataclasses.replace(entry, expires=lifetime.now()))
