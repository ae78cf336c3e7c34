"""``tether down`` of a mesh over clusters that stay, when one of them is gone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.engine_bench import tether
from tests.unit.cli.remote_world import HOOK, SILENT, World
from tests.unit.cli.workbench import exported, resource, stack, write_state
from tests.unit.removal.fake_remote import NAMESPACE, SECRETS, put_record
from tether.cli import down
from tether.cli.engine import Engine
from tether.cli.project import Project
from tether.cli.recorded_clusters import foreign_clusters
from tether.cli.state import State
from tether.errors import UsageError
from tether.removal import by_hand

DOWN = ("down", "--stack", "kind")


def recorded(*, west_is_made: bool = True) -> dict[str, Any]:
    """A mesh over two clusters of somebody else's, and a kind cluster that goes by itself."""
    mesh = resource("tether:index:Mesh", "mesh")
    own: list[dict[str, Any]] = []
    for name, noun in (("east", "Primary"), ("west", "Remote"), ("local", "Remote")):
        platform = "KindCluster" if name == "local" else "ExistingCluster"
        around = resource(f"tether:index:{platform}", name, parent=mesh["urn"])
        provider = resource(
            "pulumi:providers:kubernetes", name, parent=around["urn"], inputs={"kubeconfig": name}, id=f"id-{name}"
        )
        half = resource(f"tether:index:{noun}", name, parent=mesh["urn"])
        namespace = resource(
            "tether:index:IstioNamespace", name, parent=half["urn"],
            inputs={"labels": {"topology.istio.io/network": name, "team": "mesh"}},
            outputs={"name": NAMESPACE, "made": west_is_made or name != "west", "before": {"labels": {"team": "us"}}},
        )  # fmt: skip
        inside = {"parent": half["urn"], "provider": f"{provider['urn']}::{provider['id']}"}
        releases = [
            resource("kubernetes:helm.sh/v3:Release", f"{name}-{chart}", inputs={"name": chart}, **inside)
            for chart in ("istio-base", "istiod")
        ]
        gateway = resource(
            "kubernetes:networking.istio.io/v1:Gateway", f"{name}-gateway",
            outputs={"metadata": {"name": "g", "namespace": NAMESPACE}}, **inside,
        )  # fmt: skip
        own += [around, provider, half, namespace, *releases, gateway]
    return exported(stack(), mesh, *own)


class Elsewhere(World):
    """The same world with a mesh that is to go as a whole."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.environment: dict[str, str] = {}
        self.passphrase_fits = True
        self.at_destroy: dict[str, Any] = {}
        write_state(self.place, recorded())

        def tools(place: Project, more: Any = None, deadline: float | None = None) -> Any:
            self.environment = {**(more or {})}
            return Engine(place, {}), down.machine_of(place)

        monkeypatch.setattr(down, "_tools", tools)

    def _ask_engine(self, *arguments: str, stdin: str | None = None) -> str:
        if arguments == ("stack", "export", "--show-secrets"):
            if not self.passphrase_fits:
                raise UsageError("The passphrase does not fit; nothing was created or removed.")
            return json.dumps(self.place.read_state())
        if arguments[:2] == ("stack", "rm"):
            self.log.append("forget")
            return ""
        return super()._ask_engine(*arguments, stdin=stdin)

    def forget(self) -> None:
        self.at_destroy = self.place.read_state() or {}
        write_state(self.place, exported(stack()))
        for name in ("east", "west"):
            if "." not in self.clusters[name].refused:
                self.clusters[name].end_namespace()
        for path in [path for path in self.west.objects if "clusterrole" in path or path == HOOK]:
            del self.west.objects[path]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    return Elsewhere(tmp_path, monkeypatch)


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    return tether(monkeypatch, [*DOWN, *options])


def test_a_primary_that_does_not_answer_is_told_before_anything_is_changed(
    world: Elsewhere, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.silence("east")
    before = world.place.read_state()
    assert run(monkeypatch, "--yes") == 3
    said = " ".join(capsys.readouterr().err.split())
    assert f"east does not answer: {SILENT}" in said
    assert "if it is gone for good: tether down --unreachable --stack kind" in said
    assert (world.log, world.west.written, world.place.read_state()) == ([], [], before)


def test_a_dry_run_says_what_becomes_of_each_cluster_and_changes_nothing(
    world: Elsewhere, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.silence("east")
    assert run(monkeypatch, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        "cluster east does not answer, so it is not emptied: https://cluster does not answer: no route to host" in lines
    )
    assert "cluster west, which is emptied and stays" in lines
    assert world.log == []


def test_a_primary_that_is_gone_is_given_up_and_the_remotes_are_emptied_webhooks_first(
    world: Elsewhere, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.silence("east")
    assert run(monkeypatch, "--yes", "--unreachable") == 0
    assert world.log[:2] == [f"delete {HOOK}", "engine"]
    assert world.environment == {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
    assert "--continue-on-error" in world.options[0]
    names = {one["urn"].rpartition("::")[2] for one in world.at_destroy["deployment"]["resources"]}
    assert "east-istiod" not in names, "no provider gives up a release"
    assert {"west-istiod", "local-istiod", "east-gateway"} <= names
    assert not any("istio" in path for path in world.west.objects if "customresource" not in path)
    said = " ".join(capsys.readouterr().err.split())
    kubectl = "kubectl --kubeconfig .tether/kubeconfigs/kind/east"
    assert (
        "Should it come back: helm --kubeconfig .tether/kubeconfigs/kind/east uninstall -n istio-system istiod "
        f"istio-base {kubectl} delete namespace istio-system {kubectl} delete configmaps -A -l istio.io/config=true"
    ) in said
    assert [file.name for file in world.place.kubeconfigs.iterdir()] == ["east"]
    assert (world.place.kubeconfigs / "east").read_text() == "east"


def test_a_mesh_whose_clusters_all_answer_goes_without_giving_anything_up(
    world: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_record(world.west, "istiod", 2, "pending-upgrade")
    assert run(monkeypatch, "--yes") == 0
    assert world.log[:2] == [f"delete {SECRETS}/sh.helm.release.v1.istiod.v2", "engine"]
    assert world.environment == {}
    assert "--continue-on-error" not in world.options[0]
    assert not world.place.kubeconfigs.exists()


def test_what_is_still_in_a_cluster_that_stays_is_told_and_nothing_is_forgotten(
    world: Elsewhere, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(world, "forget", lambda: None)
    assert run(monkeypatch, "--yes") == 1
    command = "kubectl --kubeconfig .tether/kubeconfigs/kind/west delete mutatingwebhookconfiguration istio-sidecar"
    assert command in capsys.readouterr().err
    assert "forget" not in world.log
    assert (world.place.kubeconfigs / "west").is_file()


@pytest.mark.parametrize("options", [("--yes", "--force"), ("--yes", "--force", "--unreachable")])
def test_a_state_that_nobody_can_decrypt_is_given_up_by_force(
    world: Elsewhere, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    world.passphrase_fits = False
    world.faults.append(UsageError("The passphrase does not fit."))
    assert run(monkeypatch, *options) == 0
    assert "forget" in world.log


def test_a_namespace_that_was_there_before_is_given_back_by_hand_too() -> None:
    clusters = {one.name: one for one in foreign_clusters(State(recorded(west_is_made=False)))}
    assert set(clusters) == {"east", "west"}
    assert [one.is_primary for one in clusters.values()] == [True, False]
    assert list(by_hand.commands("west", clusters["west"].contents)) == [
        "kubectl --kubeconfig west -n istio-system delete gateway.networking.istio.io g",
        "helm --kubeconfig west uninstall -n istio-system istiod istio-base",
        "kubectl --kubeconfig west -n istio-system delete secrets -l tether.bound-token",
        "kubectl --kubeconfig west label --overwrite namespace istio-system topology.istio.io/network- team=us",
        "kubectl --kubeconfig west delete configmaps -A -l istio.io/config=true",
    ]
