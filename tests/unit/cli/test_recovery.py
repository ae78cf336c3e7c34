import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.workbench import SUFFIX, checkout, cluster, exported, random_id, resource, stack
from tests.unit.kube.fake_api import FakeApi
from tether import kube
from tether.cli.engine import Engine
from tether.cli.recovery import free_release, recover
from tether.cli.remnants import Machine
from tether.cli.state import NETWORK, RELEASE, State

SECRETS = "/api/v1/namespaces/istio-system/secrets"


class Asked(Engine):
    """Notes what it is asked; ``stack export`` gives ``shown``."""

    def __init__(self, folder: Path, shown: Mapping[str, Any]) -> None:
        super().__init__(checkout(folder), {})
        self.questions: list[tuple[tuple[str, ...], str | None]] = []
        self._shown = shown

    def ask(self, *arguments: str, stdin: str | None = None) -> str:
        self.questions.append((arguments, stdin))
        return json.dumps(self._shown)


class Runtime:
    """A runtime that holds one container and one volume of every cluster it is asked for."""

    def __init__(self) -> None:
        self.removals: list[str] = []

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        lines = {"ps": "node\n", "volume": "volume\n"} if "--filter" in command else {}
        if not lines:
            self.removals.append(" ".join(command[1:]))
        return subprocess.CompletedProcess(command, 0, lines.get(command[1], ""), "")


class Records(FakeApi):
    """A cluster with Helm's records; notes what was selected."""

    def __init__(self) -> None:
        super().__init__()
        self.selected: list[str] = []
        self.objects[SECRETS] = {"items": [{"metadata": {"name": "sh.helm.release.v1.istiod.v1"}}]}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> kube.Object:
        self.selected.append((query or {}).get("labelSelector", ""))
        return super().get(path, query)


def test_a_state_that_is_whole_is_left_as_it_is(tmp_path: Path) -> None:
    engine, runtime = Asked(tmp_path, {}), Runtime()
    state = State(exported(stack(), random_id()))
    assert recover(state, engine, Machine("podman", {}, runtime), lambda _: None) is state
    assert engine.questions == []
    assert runtime.removals == []


def test_half_made_clusters_and_networks_go_and_the_state_forgets_them(tmp_path: Path) -> None:
    network = resource(NETWORK, "mesh", inputs={"name": f"tether-{SUFFIX}"})
    document = exported(stack(), random_id(), pending=[("creating", cluster("cluster1")), ("creating", network)])
    engine, runtime, said = Asked(tmp_path, document), Runtime(), list[str]()
    mended = recover(State(document), engine, Machine("podman", {}, runtime), said.append)
    assert mended.pending == []
    assert "kill node" in runtime.removals
    assert f"network rm tether-{SUFFIX}" in runtime.removals
    ((arguments, stored),) = engine.questions
    assert arguments == ("stack", "import")
    assert "pending_operations" not in json.loads(stored or "")["deployment"]
    assert f"removing the half-made cluster cluster1-{SUFFIX}" in said


def test_things_whose_removal_was_cut_off_are_not_removed_by_hand(tmp_path: Path) -> None:
    document = exported(stack(), cluster("cluster1"), pending=[("deleting", cluster("cluster1"))])
    runtime = Runtime()
    recover(State(document), Asked(tmp_path, document), Machine("podman", {}, runtime), lambda _: None)
    assert runtime.removals == []


def release_cut_off() -> dict[str, Any]:
    provider = resource("pulumi:providers:kubernetes", "cluster1", inputs={"kubeconfig": "nonsense"})
    release = resource(
        RELEASE, "istiod", inputs={"name": "istiod", "namespace": "istio-system"}, provider=f"{provider['urn']}::id"
    )
    return exported(stack(), provider, pending=[("creating", release)])


def test_a_cluster_that_does_not_answer_does_not_stop_the_recovery(tmp_path: Path) -> None:
    document, said = release_cut_off(), list[str]()
    engine = Asked(tmp_path, document)
    mended = recover(State(document), engine, Machine("podman", {}, Runtime()), said.append)
    assert mended.pending == []
    assert any("does not answer" in line for line in said)
    assert [arguments for arguments, _ in engine.questions] == [
        ("stack", "export", "--show-secrets"),
        ("stack", "import"),
    ]


def test_helm_is_left_alone_where_everything_is_about_to_go(tmp_path: Path) -> None:
    document = release_cut_off()
    engine = Asked(tmp_path, document)
    recover(State(document), engine, Machine("podman", {}, Runtime()), lambda _: None, to_go_on=False)
    assert [arguments for arguments, _ in engine.questions] == [("stack", "import")]


@pytest.mark.parametrize(
    ("unknown", "selector"),
    [
        (True, "owner=helm,name=istiod"),
        (False, "owner=helm,name=istiod,status in (pending-install,pending-upgrade,pending-rollback)"),
    ],
)
def test_of_a_release_that_the_engine_knows_only_the_unfinished_record_goes(unknown: bool, selector: str) -> None:
    api = Records()
    free_release(api, "istio-system", "istiod", unknown=unknown, say=lambda _: None)
    assert api.selected == [selector]
    assert api.deleted == [f"{SECRETS}/sh.helm.release.v1.istiod.v1"]
