"""Three clusters in memory, a checkout that lists them, and an engine that removes what its settings forgot."""

import contextlib
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.engine_bench import Bench
from tests.unit.cli.workbench import exported, resource, stack, write_state
from tests.unit.removal.fake_remote import HOOKS, SECRETS, FakeRemote, remote
from tether import kube
from tether.cli import removing
from tether.cli import up as up_module
from tether.cli.engine import Engine
from tether.removal import reach

NAMES = ("east", "west", "north")
HOOK = f"{HOOKS}/mutatingwebhookconfigurations/istio-sidecar-injector"
REMOTE_SECRET = f"{SECRETS}/istio-remote-secret-west"
SILENT = kube.KubeError("https://cluster does not answer: no route to host")


def settings(platform: str) -> str:
    listed: list[dict[str, Any]] = [
        {"name": name, "role": "primary" if name == "east" else "remote", "network": f"n-{name}", "platform": platform}
        for name in NAMES
    ]
    for one in listed if platform == "eks" else ():
        one["eks"] = {"region": "eu-west-1"}
    for one in listed if platform == "existing" else ():
        one |= {"kubeconfig": f"{one['name']}.yaml", "apiServer": f"https://{one['name']}.example.com:6443"}
    return yaml.safe_dump({"config": {"tether:clusters": listed, "tether:verify": "false"}}, sort_keys=False)


def recorded() -> dict[str, Any]:
    mesh = resource("tether:index:Mesh", "mesh")
    component = resource("tether:index:Remote", "west", parent=mesh["urn"])
    release = resource(
        "kubernetes:helm.sh/v3:Release", "west-istiod", parent=component["urn"], inputs={"name": "istiod"}
    )
    secret = resource("tether:index:RemoteSecret", "west", parent=mesh["urn"], dependencies=[release["urn"]])
    other = resource("tether:index:Remote", "west-2", parent=mesh["urn"])
    return exported(stack(clusters=["east", "west", "north"]), mesh, component, release, secret, other)


class World:
    """Where a command is typed, and everything that it could change."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = Bench(folder, monkeypatch)
        self.place = self.bench.place
        self.clusters = {"east": FakeRemote("east"), "west": remote(), "north": remote()}
        self.clusters["east"].put(REMOTE_SECRET)
        self.log: list[str] = []
        self.options: list[tuple[str, ...]] = []
        self.faults: list[BaseException] = []
        self.unmade: set[str] = set()
        """Clusters that the engine knows nothing of."""
        self.choose("existing")
        self.place.kubeconfigs.mkdir(parents=True)
        for name in NAMES:
            (self.place.kubeconfigs / name).write_text(name)
        self.clusters["west"].on_delete = lambda path: self.log.append(f"delete {path}")
        write_state(self.place, recorded())
        monkeypatch.setattr(kube, "connect", self._connect)
        monkeypatch.setattr(Engine, "run", self._run_engine)
        monkeypatch.setattr(Engine, "ask", self._ask_engine)
        monkeypatch.setattr(removing, "NAMESPACE_SECONDS", 0.05)
        monkeypatch.setattr(removing, "machine_of", up_module.machine_of)
        monkeypatch.setattr(reach, "PATIENCE", 5.0)

    def choose(self, platform: str) -> None:
        self.place.stack_file.write_text(settings(platform))

    @property
    def west(self) -> FakeRemote:
        return self.clusters["west"]

    def listed(self) -> list[str]:
        return [one["name"] for one in yaml.safe_load(self.place.stack_file.read_text())["config"]["tether:clusters"]]

    def silence(self, name: str) -> None:
        self.clusters[name].refused["."] = SILENT

    @contextlib.contextmanager
    def _connect(self, kubeconfig: str, context: str | None = None) -> Generator[FakeRemote]:
        yield self.clusters[kubeconfig]

    def _ask_engine(self, *arguments: str, stdin: str | None = None) -> str:
        if arguments == ("stack", "import"):
            write_state(self.place, json.loads(stdin or ""))
            return ""
        assert arguments[1:3] == ("output", "kubeconfigs") or arguments[:2] == ("stack", "output"), arguments
        kubeconfigs = {name: name for name in self.listed() if name not in self.unmade}
        return json.dumps(kubeconfigs if "kubeconfigs" in arguments else {"kubeconfigs": kubeconfigs})

    def _run_engine(self, *arguments: str) -> None:
        self.log.append("engine")
        self.options.append(arguments)
        if self.faults:
            raise self.faults.pop(0)
        self.forget()

    def forget(self) -> None:
        """What the real engine does with a remote that the settings do not list."""
        if "west" in self.listed():
            return
        write_state(self.place, exported(stack(clusters=self.listed()), resource("tether:index:Remote", "west-2")))
        self.clusters["east"].objects.pop(REMOTE_SECRET, None)
        if "." not in self.west.refused:
            self.west.end_namespace()
