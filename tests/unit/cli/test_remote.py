"""``tether remote remove`` as a user types it, with clusters in memory and a stand-in for the engine."""

import contextlib
import json
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.test_up_and_down import Bench, tether
from tests.unit.cli.workbench import SUFFIX, exported, resource, stack, write_state
from tests.unit.removal.fake_remote import (
    HOOKS,
    NAMESPACE,
    SECRETS,
    FakeRemote,
    put_held,
    put_pod,
    put_record,
    remote,
)  # fmt: skip
from tether import kube
from tether.cli import leaving, locks, records, removing
from tether.cli import up as up_module
from tether.cli.engine import Engine, EngineError
from tether.errors import LockedError, UsageError
from tether.removal import reach

NAMES = ("east", "west", "north")
HOOK = f"{HOOKS}/mutatingwebhookconfigurations/istio-sidecar-injector"
REMOTE_SECRET = f"{SECRETS}/istio-remote-secret-west"
SILENT = kube.KubeError("https://cluster does not answer: no route to host")
REMOVE = ("remote", "remove", "west", "--stack", "kind")


def settings(platform: str) -> str:
    listed = [
        {"name": name, "role": "primary" if name == "east" else "remote", "network": f"n-{name}", "platform": platform}
        for name in NAMES
    ]
    for one in listed if platform == "existing" else ():
        one |= {"kubeconfig": f"{one['name']}.yaml", "apiServer": f"https://{one['name']}.example.com:6443"}
    return yaml.safe_dump({"config": {"tether:clusters": listed, "tether:verify": "false"}}, sort_keys=False)


def recorded() -> dict[str, Any]:
    mesh = resource("tether:index:Mesh", "mesh")
    component = resource("tether:index:Remote", "west", parent=mesh["urn"])
    release = resource("kubernetes:helm.sh/v3:Release", "west-istiod", parent=component["urn"])
    secret = resource("tether:index:RemoteSecret", "west", parent=mesh["urn"])
    other = resource("tether:index:Remote", "west-2", parent=mesh["urn"])
    return exported(stack(clusters=["east", "west", "north"]), mesh, component, release, secret, other)


class World:
    """Three clusters in memory, a checkout that lists them, and an engine that removes what a stack file forgot."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = Bench(folder, monkeypatch)
        self.place = self.bench.place
        self.clusters = {"east": FakeRemote("east"), "west": remote(), "north": remote()}
        self.clusters["east"].put(REMOTE_SECRET)
        self.log: list[str] = []
        self.options: list[tuple[str, ...]] = []
        self.faults: list[BaseException | Callable[[], BaseException | None]] = []
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
        assert arguments[1:3] == ("output", "kubeconfigs") or arguments[:2] == ("stack", "output"), arguments
        kubeconfigs = {name: name for name in self.listed()}
        return json.dumps(kubeconfigs if "kubeconfigs" in arguments else {"kubeconfigs": kubeconfigs})

    def _run_engine(self, *arguments: str) -> None:
        self.log.append("engine")
        self.options.append(arguments)
        while self.faults:
            fault = self.faults.pop(0)
            error = fault if isinstance(fault, BaseException) else fault()
            if error:
                raise error
        self.forget()

    def forget(self) -> None:
        """What the real engine does with a remote that the settings do not list."""
        if "west" in self.listed():
            return
        write_state(self.place, exported(stack(clusters=self.listed()), resource("tether:index:Remote", "west-2")))
        self.clusters["east"].objects.pop(REMOTE_SECRET, None)
        if "." not in self.west.refused:
            self.west.end_namespace()


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


def test_a_kind_cluster_takes_its_workloads_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.choose("kind")
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


def test_a_primary_that_is_gone_does_not_keep_the_remote(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.silence("east")

    def fails_but_removes() -> BaseException:
        world.forget()
        return EngineError("the mesh is not verified")

    world.faults.append(fails_but_removes)
    assert run(monkeypatch, "--yes", "--unreachable") == 0
    assert "--continue-on-error" in world.options[0]
    assert HOOK not in world.west.objects


def test_the_engine_forgets_unreachable_objects_only_when_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    original = Engine.__init__

    def note(self: Engine, place: Any, environment: Any) -> None:
        original(self, place, environment)
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


def test_only_what_is_named_after_the_cluster_is_recorded_for_it() -> None:
    from tether.cli.state import State

    urns = State(recorded()).of_cluster("west")
    assert [urn.rpartition("::")[2] for urn in urns] == ["west", "west-istiod", "west"]


def test_the_command_that_goes_on_can_be_pasted(world: World) -> None:
    assert leaving.command(world.place, "a b", "--yes") == "tether remote remove 'a b' --yes --stack kind"
