"""``tether remote remove`` as a user types it, with clusters in memory and a stand-in for the engine."""

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.engine_bench import tether
from tests.unit.cli.remote_world import HOOK, NAMES, REMOTE_SECRET, World, recorded, settings
from tests.unit.cli.workbench import SUFFIX
from tests.unit.removal.fake_remote import (
    NAMESPACE,
    SECRETS,
    put_held,
    put_pod,
    put_record,
)  # fmt: skip
from tether.cli import leaving, locks, records
from tether.cli.engine import Engine, EngineError
from tether.errors import LockedError, UsageError
from tether.settings import cloud_tools

REMOVE = ("remote", "remove", "west", "--stack", "kind")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    return tether(monkeypatch, [*REMOVE, *options])


def test_a_remote_goes_in_order_and_nothing_of_istio_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--yes") == 0
    assert world.log[:2] == [f"delete {HOOK}", "engine"]
    assert world.listed() == ["east", "north"]
    left = [path for path in world.west.objects if "istio" in path and "customresourcedefinitions" not in path]
    assert left == []
    assert "/api/v1/namespaces/shop/configmaps/kube-root-ca.crt" in world.west.objects
    assert "--continue-on-error" not in world.options[0]
    said = " ".join(capsys.readouterr().err.split())
    assert "Remote west is out of the mesh, and nothing of it was found" in said
    assert ".tether/removals/kind/west/Pulumi.kind.yaml and type: tether up --stack kind" in said


def test_the_other_remotes_are_not_touched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--yes", "--crds") == 0
    assert world.clusters["north"].written == []


def test_the_stack_file_as_it_was_is_kept_and_the_credential_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "--yes") == 0
    folder = world.place.removals / "west"
    assert [path.name for path in folder.iterdir()] == ["Pulumi.kind.yaml"]
    assert (folder / "Pulumi.kind.yaml").read_text() == settings("existing")


def test_definitions_go_only_when_they_are_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.networking.istio.io"
    assert run(monkeypatch, "--dry-run", "--crds") == 0
    assert ours in world.west.objects
    assert run(monkeypatch, "--yes", "--crds") == 0
    assert ours not in world.west.objects


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_dry_run_lists_everything_workloads_first_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    put_pod(world.west, "shop", "web-0", owner=("StatefulSet", "web"))
    assert run(monkeypatch, "--dry-run", "--output", form) == 0
    out = capsys.readouterr().out
    command = "kubectl --kubeconfig .tether/kubeconfigs/kind/west -n shop rollout restart statefulset/web"
    assert command in out
    assert out.index(command) < out.index("istio-sidecar-injector") < out.index("istio-remote-secret-west")
    if form == "json":
        assert json.loads(out)["schemaVersion"] == 1
    assert world.west.written == world.log == []
    assert world.listed() == list(NAMES)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("wst", "tether remote remove west --dry-run --stack kind"),
        ("nowhere", "its remotes: west, north"),
        ("east", "is the primary"),
    ],
)
def test_what_is_no_remote_is_refused_with_the_way_out(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    assert tether(monkeypatch, ["remote", "remove", name, "--yes", "--stack", "kind"]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert world.log == []


def test_the_last_remote_is_not_removed_but_the_mesh_is(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = yaml.safe_load(settings("existing"))
    del document["config"]["tether:clusters"][2]
    world.place.stack_file.write_text(yaml.safe_dump(document))
    assert run(monkeypatch, "--yes") == 2
    assert "tether down --stack kind" in capsys.readouterr().err


def test_workloads_in_a_cluster_that_stays_are_not_left_without_their_mesh(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_pod(world.west, "shop", "web-0", owner=("StatefulSet", "web"))
    put_pod(world.west, "bank", "ledger-0", owner=("StatefulSet", "ledger"))
    assert run(monkeypatch, "--yes") == 3
    said = capsys.readouterr().err
    assert "2 findings; nothing was changed" in said
    assert "its certificate ends within a day and nobody renews it" in said
    assert world.log == []
    assert world.listed() == list(NAMES)
    assert run(monkeypatch, "--yes", "--force") == 0


@pytest.mark.parametrize("platform", ["kind", "eks"])
def test_a_cluster_that_tether_made_takes_its_workloads_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(cloud_tools, "TOOLS", {})
    world.choose(platform)
    put_pod(world.west, "shop", "web-0")
    assert run(monkeypatch, "--yes") == 0
    assert world.log == [f"delete {HOOK}", "engine"]


def test_a_kind_cluster_that_is_still_on_the_machine_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.choose("kind")
    records.add(world.place, {SUFFIX}, 3)
    world.bench.things["ps"] = [f"west-{SUFFIX}-control-plane"]
    assert run(monkeypatch, "--yes") == 1
    assert f"container west-{SUFFIX}-control-plane" in capsys.readouterr().err


def test_without_anybody_to_ask_nothing_is_removed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/null").open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert run(monkeypatch) == 2
    assert world.log == []


def test_clusters_that_do_not_answer_are_all_told_before_anything_is_changed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.silence("east")
    world.silence("west")
    assert run(monkeypatch, "--yes") == 3
    said = capsys.readouterr().err
    assert said.count("if it is gone for good: tether remote remove west --unreachable --stack kind") == 2
    assert world.listed() == list(NAMES)


def test_a_remote_that_is_gone_is_given_up_and_can_be_cleaned_should_it_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.silence("west")
    assert run(monkeypatch, "--yes", "--unreachable") == 0
    assert "Should it come back: tether remote remove west --stack kind" in " ".join(capsys.readouterr().err.split())
    assert REMOTE_SECRET not in world.clusters["east"].objects

    world.west.refused.clear()
    world.west.on_delete = lambda path: world.west.end_namespace() if path.endswith(f"/{NAMESPACE}") else None
    assert run(monkeypatch, "--yes") == 0
    assert not any("istio" in path for path in world.west.objects if "customresource" not in path)
    assert not (world.place.removals / "west" / "kubeconfig").exists()


def test_a_remote_that_was_put_back_and_not_made_again_is_emptied_with_what_its_removal_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Observed: an update failed after that, and the next removal wrote an empty kubeconfig over the kept one."""
    world.silence("west")
    assert run(monkeypatch, "--yes", "--unreachable") == 0
    world.place.stack_file.write_text(settings("existing"))
    world.unmade = {"west"}
    (world.place.kubeconfigs / "west").unlink()
    world.west.refused.clear()
    world.west.on_delete = lambda path: world.west.end_namespace() if path.endswith(f"/{NAMESPACE}") else None
    assert run(monkeypatch, "--yes") == 0
    assert not any("istio" in path for path in world.west.objects if "customresource" not in path)
    assert not (world.place.removals / "west" / "kubeconfig").exists()


def targets(arguments: Sequence[str]) -> list[str]:
    return [one.rpartition("::")[2] for one in arguments if one.startswith("--target=")]


def test_a_primary_that_is_gone_does_not_keep_the_remote(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.silence("east")
    assert run(monkeypatch, "--yes", "--unreachable") == 0
    (arguments,) = world.options
    assert arguments[0] == "destroy"
    assert targets(arguments) == ["west", "west-istiod", "west"]
    assert HOOK not in world.west.objects
    assert world.listed() == ["east", "north"]
    said = " ".join(capsys.readouterr().err.split())
    assert "it may still have Secret istio-system/istio-remote-secret-west" in said


def test_an_update_that_fails_beside_a_remote_that_is_gone_is_followed_by_the_removal_of_that_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.silence("west")
    world.faults.append(EngineError("configured Kubernetes cluster is unreachable"))
    assert run(monkeypatch, "--yes", "--unreachable") == 0
    assert [arguments[0] for arguments in world.options] == ["up", "destroy"]
    assert "--continue-on-error" in world.options[0]
    assert targets(world.options[1]) == ["west", "west"], "releases cannot be given up in any other way than before"


def test_the_engine_forgets_unreachable_objects_only_when_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    original = Engine.__init__

    def note(self: Engine, place: Any, environment: Any, deadline: float | None = None) -> None:
        original(self, place, environment, deadline)
        seen.append(environment.get("PULUMI_K8S_DELETE_UNREACHABLE"))

    monkeypatch.setattr(Engine, "__init__", note)
    assert run(monkeypatch, "--yes", "--unreachable") == 0
    assert seen == ["true"]


@pytest.mark.parametrize("error", [LockedError("locked"), UsageError("passphrase"), OSError("no pulumi")])
def test_an_engine_that_never_began_leaves_stack_file_and_webhooks_as_they_were(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    world.faults.append(error)
    with contextlib.suppress(OSError):
        assert run(monkeypatch, "--yes") != 0
    assert world.place.stack_file.read_text() == settings("existing")
    assert not (world.place.removals / "west").exists()
    assert HOOK in world.west.objects


def test_a_removal_that_failed_half_way_goes_on_by_the_same_command(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.faults.append(EngineError("it broke"))
    assert run(monkeypatch, "--yes") == 1
    assert "Go on with the removal by: tether remote remove west --stack kind" in " ".join(
        capsys.readouterr().err.split()
    )
    assert world.listed() == ["east", "north"]
    (world.place.kubeconfigs / "west").unlink()

    assert run(monkeypatch, "--yes") == 0
    assert run(monkeypatch, "--yes") == 2


def test_a_namespace_that_finalizers_hold_is_told_and_freed_by_force_only(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = put_held(world.west)
    outside = "/apis/example.com/v1/namespaces/shop/widgets/w"
    world.west.put(outside, {"metadata": dict(world.west.objects[held]["metadata"])})
    world.faults.append(EngineError("timed out"))
    assert run(monkeypatch, "--yes") == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Widget w waits for example.com/clean" in said
    assert "tether remote remove west --force --stack kind" in said
    assert held in world.west.objects

    world.faults.append(EngineError("timed out"))
    assert run(monkeypatch, "--yes", "--force") == 0
    assert [path for path, _ in world.west.patched] == [held]
    assert outside in world.west.objects


def test_a_namespace_that_hangs_since_an_earlier_run_is_freed_before_the_engine_waits_for_it_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = put_held(world.west)
    namespace = world.west.objects[f"/api/v1/namespaces/{NAMESPACE}"]["metadata"]
    namespace["deletionTimestamp"] = "2026-11-26T00:00:00Z"
    assert run(monkeypatch, "--yes", "--force") == 0
    assert [path for path, _ in world.west.patched] == [held]
    assert world.log.count("engine") == 1


def test_a_namespace_that_no_object_holds_is_told_in_kubernetes_own_words(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace = world.west.objects[f"/api/v1/namespaces/{NAMESPACE}"]
    namespace["metadata"]["deletionTimestamp"] = "2026-11-26T00:00:00Z"
    namespace["status"] = {"conditions": [{"status": "True", "message": "Discovery failed for gone.example.com/v1"}]}
    world.faults.append(EngineError("timed out"))
    assert run(monkeypatch, "--yes") == 1
    assert "does not end: Discovery failed for gone.example.com/v1" in " ".join(capsys.readouterr().err.split())


def test_a_stuck_release_is_mended_before_the_engine_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put_record(world.west, "istiod", 2, "pending-upgrade")
    assert run(monkeypatch, "--yes") == 0
    assert world.log[:3] == [f"delete {HOOK}", f"delete {SECRETS}/sh.helm.release.v1.istiod.v2", "engine"]


def test_what_is_left_is_told_thing_by_thing_and_the_exit_code_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(world, "forget", lambda: None)
    assert run(monkeypatch, "--yes", "--output", "json") == 1
    captured = capsys.readouterr()
    shown = [one["shown"] for one in json.loads(captured.out)["remnants"]]
    assert "Secret istio-system/istio-remote-secret-west" in shown
    assert "Namespace istio-system" in shown
    assert "RemoteSecret::west is still recorded, one of 3 resources" in " ".join(captured.err.split()).replace(
        " = urn:", " urn:"
    )
    assert "Try again with: tether remote remove west --stack kind" in " ".join(captured.err.split())
    assert "kubectl --kubeconfig .tether/removals/kind/west/kubeconfig delete namespace istio-system" in captured.err


def test_a_stack_that_is_in_use_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with locks.alone(world.place):
        assert run(monkeypatch, "--yes") == 4
    assert world.log == []


def test_a_release_that_helm_has_no_record_of_is_forgotten_with_every_reference_to_it(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del world.west.objects[f"{SECRETS}/sh.helm.release.v1.istiod.v1"]
    monkeypatch.setattr(world, "forget", lambda: None)
    assert run(monkeypatch, "--yes") == 1
    assert "giving up 1 Helm release of west" in capsys.readouterr().err
    resources = (world.place.read_state() or {})["deployment"]["resources"]
    assert "west-istiod" not in json.dumps(resources)


def test_only_what_is_named_after_the_cluster_is_recorded_for_it() -> None:
    from tether.cli.state import State

    urns = State(recorded()).of_cluster("west")
    assert [urn.rpartition("::")[2] for urn in urns] == ["west", "west-istiod", "west"]


def test_the_command_that_goes_on_can_be_pasted(world: World) -> None:
    assert leaving.command(world.place, "a b", "--yes") == "tether remote remove 'a b' --yes --stack kind"
