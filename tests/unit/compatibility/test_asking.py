import contextlib
import json
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.kube.fake_api import FakeApi
from tether import kube, topology
from tether.compatibility import asking
from tether.redact import HIDDEN
from tether.settings import read

KUBECONFIG = "contexts: [{name: here}]\ncurrent-context: here\n"


def mesh(**kubeconfigs: str) -> topology.Topology:
    clusters: list[dict[str, Any]] = [
        {
            "name": name, "role": "remote" if index else "primary", "network": name, "platform": "existing",
            "kubeconfig": kubeconfig, "apiServer": f"https://{name}.example.com",
        }
        for index, (name, kubeconfig) in enumerate(kubeconfigs.items())
    ]  # fmt: skip
    return topology.plan(read({"tether:clusters": json.dumps(clusters)}))


class Servers:
    """API servers, by a comment in the kubeconfig that leads to them."""

    def __init__(self) -> None:
        self.answers: dict[str, kube.Object | Exception] = {}
        self.wait = threading.Event()
        self.hanging = ""

    @contextlib.contextmanager
    def connect(self, content: str) -> Generator[FakeApi]:
        name = content.rpartition("# ")[2].strip()
        if name == self.hanging:
            self.wait.wait()
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        api = FakeApi()
        api.objects["/version"] = answer
        yield api


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Generator[Servers]:
    made = Servers()
    monkeypatch.setattr(kube, "connect", made.connect)
    yield made
    made.wait.set()


def test_every_existing_cluster_is_asked_with_its_own_kubeconfig(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "east.yaml").write_text(f"{KUBECONFIG}# east")
    servers.answers = {"east": {"gitVersion": "v1.34.4"}, "west": {"gitVersion": "v1.31.9-gke.1"}}

    found = asking.ask(mesh(east="east.yaml", west=f"{KUBECONFIG}# west"), tmp_path)

    assert found == asking.Answers({"east": "v1.34.4", "west": "v1.31.9-gke.1"}, {})


def test_one_that_cannot_be_asked_hinders_no_other_and_says_why(servers: Servers, tmp_path: Path) -> None:
    servers.answers = {"east": {"gitVersion": "v1.34.4"}, "west": kube.KubeError("west does not answer")}

    found = asking.ask(mesh(east=f"{KUBECONFIG}# east", west=f"{KUBECONFIG}# west", north="none.yaml"), tmp_path)

    assert found.versions == {"east": "v1.34.4"}
    assert found.silent["west"] == "west does not answer"
    assert "none.yaml" in found.silent["north"]


def test_one_that_never_answers_costs_the_time_limit_once(servers: Servers, tmp_path: Path) -> None:
    servers.answers = {"east": {"gitVersion": "v1.34.4"}, "west": {}}
    servers.hanging = "west"
    began = time.monotonic()

    found = asking.ask(mesh(east=f"{KUBECONFIG}# east", west=f"{KUBECONFIG}# west"), tmp_path, seconds=0.5)

    assert time.monotonic() - began < 5
    assert found == asking.Answers({"east": "v1.34.4"}, {"west": "no answer within 0.5 s"})


def test_clusters_that_tether_makes_and_encrypted_kubeconfigs_are_passed_over(servers: Servers, tmp_path: Path) -> None:
    assert asking.ask(topology.plan(read({})), tmp_path) == asking.Answers()
    in_clouds = [
        {"name": cloud, "role": role, "network": cloud, "platform": cloud, cloud: {"region": "eu-west-1"}}
        for cloud, role in (("eks", "primary"), ("aks", "remote"))
    ]
    made = read({"tether:clusters": json.dumps(in_clouds)})
    assert asking.ask(topology.plan(made), tmp_path) == asking.Answers(), "they are yet to be made"
    servers.answers = {"east": {"gitVersion": "v1.34.4"}}
    found = asking.ask(mesh(east=f"{KUBECONFIG}# east", west=HIDDEN), tmp_path)
    assert found == asking.Answers({"east": "v1.34.4"}, {})
