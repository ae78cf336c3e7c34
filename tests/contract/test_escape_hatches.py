"""What users lay over our work: Helm values, labels, transforms."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.proto import callback_pb2

from components.mesh import Mesh, MeshArgs
from tests.contract.conftest import LABELS, RELEASE, mesh_args, of_settings, releases
from tests.contract.recording import Recording, Registration, is_secret, record
from tether import helm_values
from tether.errors import SettingsError
from tether.helm_values import Chart
from tether.settings import read

FREE = {
    Chart.ISTIOD: {
        ("autoscaleEnabled",),
        ("global", "imagePullPolicy"),
        ("resources", "requests", "cpu"),
        ("resources", "requests", "memory"),
    },
    Chart.GATEWAY: {
        ("autoscaling", "enabled"),
        ("imagePullPolicy",),
        ("readinessProbe", "failureThreshold"),
        ("readinessProbe", "httpGet", "path"),
        ("readinessProbe", "httpGet", "port"),
        ("readinessProbe", "periodSeconds"),
        ("readinessProbe", "timeoutSeconds"),
        ("service", "annotations"),
    },
    Chart.METALLB: {
        (part, probe, key)
        for part in ("controller", "speaker")
        for probe, keys in (
            ("readinessProbe", ("initialDelaySeconds", "periodSeconds")),
            ("livenessProbe", ("initialDelaySeconds",)),
        )
        for key in keys
    },
}
"""What Tether sets and nothing hangs on: how fast, how many."""


def recorded(change: Callable[[Any], None], **kinds: Any) -> Recording:
    args = mesh_args("cluster2", **kinds)
    args["istio"] = {**args["istio"]}
    change(args)
    return record(lambda: Mesh("mesh", args))


def chart_of(release: Registration) -> Chart:
    return next(chart for chart in Chart if release.inputs["chart"].endswith(chart.value))


def graph(recording: Recording) -> list[Registration]:
    return sorted(recording.all(), key=lambda one: one.urn)


@pytest.mark.parametrize("platform", ["kind", "existing"])
def test_hatches_that_are_left_shut_change_nothing(platform: str) -> None:
    def shut(args: MeshArgs) -> None:
        args["istio"]["helm_values"] = {"istiod": {}, "metallb": {}}
        args["istio"]["labels"] = {}
        for cluster in args["clusters"]:
            cluster["helm_values"] = {"gateway": {}}

    plain = recorded(lambda _: None, platform=platform)
    assert graph(recorded(shut, platform=platform)) == graph(plain)


def test_a_cluster_s_values_lie_over_the_mesh_s_and_those_over_tether_s() -> None:
    def change(args: MeshArgs) -> None:
        args["istio"]["helm_values"] = {
            "istiod": {"resources": {"requests": {"cpu": "50m", "memory": "1Gi"}}, "autoscaleEnabled": True},
            "gateway": {"readinessProbe": {"periodSeconds": 2}},
        }
        args["clusters"][1]["helm_values"] = {"istiod": {"resources": {"requests": {"cpu": "20m"}}}}

    found = releases(recorded(change, ingress=True))
    primary, remote = (found[f"{name}-istiod"].inputs["values"] for name in ("cluster1", "cluster2"))
    assert primary["autoscaleEnabled"] is True
    assert primary["global"]["meshID"] == "mesh1"
    assert primary["resources"] == {"requests": {"cpu": "50m", "memory": "1Gi"}}
    assert remote["resources"] == {"requests": {"cpu": "20m", "memory": "1Gi"}}
    for name in ("cluster1", "cluster2", "cluster1-ingress", "cluster2-ingress"):
        probe = found[name].inputs["values"]["readinessProbe"]
        assert (probe["periodSeconds"], probe["failureThreshold"]) == (2, 30), name


def test_values_reach_their_own_chart_alone() -> None:
    plain = releases(recorded(lambda _: None))
    for chart in Chart:

        def change(args: Any, chart: Chart = chart) -> None:
            args["istio"]["helm_values"] = {chart.value: {"marker": True}}

        changed = {name for name, one in releases(recorded(change)).items() if one.inputs != plain[name].inputs}
        assert changed == {name for name, one in plain.items() if chart_of(one) is chart}


def test_every_value_that_tether_sets_is_its_own_or_named_as_free(ingress_gateways: Recording) -> None:
    owned = {
        chart: [helm_values.parts(key) for keys in groups.values() for key in keys]
        for chart, groups in helm_values.OWNED.items()
    }
    for one in releases(ingress_gateways).values():
        chart = chart_of(one)
        for path, _ in helm_values.leaves(one.inputs["values"]):
            ours = any(path[: len(key)] == key for key in owned[chart])
            assert ours != (path in FREE.get(chart, set())), f"{one.name}: {path}"


@pytest.mark.parametrize("where", ["mesh", "cluster"])
def test_a_program_cannot_take_an_owned_value_either(where: str) -> None:
    def change(args: MeshArgs) -> None:
        values: Any = {"istiod": {"global": {"meshID": "other"}}}
        if where == "mesh":
            args["istio"]["helm_values"] = values
        else:
            args["clusters"][1]["helm_values"] = values

    with pytest.raises(pulumi.RunError, match=r"global\.meshID"):
        recorded(change)


def test_an_address_can_be_chosen_only_where_tether_has_not_given_one_away() -> None:
    def change(args: MeshArgs) -> None:
        args["clusters"][1]["helm_values"] = {
            "gateway": {"service": {"annotations": {"metallb.io/loadBalancerIPs": "10.0.0.9"}}}
        }

    service = releases(recorded(change, platform="existing"))["cluster2"].inputs["values"]["service"]
    assert service["annotations"] == {"metallb.io/loadBalancerIPs": "10.0.0.9"}
    with pytest.raises(pulumi.RunError, match="loadBalancerIPs"):
        recorded(change)


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.chdir(tmp_path)

    def change(args: MeshArgs) -> None:
        args["istio"]["labels"] = LABELS

    return recorded(change, ingress=True)


def test_every_object_in_kubernetes_carries_the_labels_beside_its_own(labelled: Recording) -> None:
    objects = [
        one
        for one in labelled.all()
        if one.type.startswith("kubernetes:") and not one.type.startswith("kubernetes:helm.sh")
    ]
    assert len(objects) > 10
    for one in objects:
        assert one.inputs["metadata"]["labels"].items() >= LABELS.items(), one.key
    namespace = labelled.one("kubernetes:core/v1:Namespace", "cluster1")
    assert namespace.inputs["metadata"]["labels"]["topology.istio.io/network"] == "network1"


def test_the_namespace_that_a_chart_makes_is_patched_and_never_owned(labelled: Recording) -> None:
    patch = labelled.one("kubernetes:core/v1:NamespacePatch", "cluster2-load-balancer")
    assert patch.inputs["metadata"]["name"] == "metallb-system"
    assert labelled.reaches(patch, labelled.one(RELEASE, "cluster2-load-balancer"))


def test_every_release_is_labelled_by_a_program_that_helm_can_run(labelled: Recording, tmp_path: Path) -> None:
    programs = {one.inputs["postrender"] for one in releases(labelled).values()}
    (program,) = programs
    assert not Path(program).is_absolute(), "state made in one clone fits another"
    manifest = "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec: {}\n"
    ran = subprocess.run([tmp_path / program], cwd=tmp_path, input=manifest, capture_output=True, text=True, check=True)
    assert yaml.safe_load(ran.stdout)["metadata"] == {"name": "x", "labels": LABELS}


def test_other_labels_are_another_program(labelled: Recording) -> None:
    def change(args: MeshArgs) -> None:
        args["istio"]["labels"] = {"team": "other"}

    before, after = (
        {one.inputs["postrender"] for one in releases(made).values()} for made in (labelled, recorded(change))
    )
    assert not before & after


SETTINGS = {
    "tether:helmValues": '{"istiod": {"env": {"A": "hidden-value"}, "global": {"logAsJson": true}}}',
    "tether:clusters": '[{"name": "cluster1", "role": "primary", "network": "n1"},'
    ' {"name": "cluster2", "role": "remote", "network": "n2", "helmValues": {"gateway": {"replicaCount": 2}}}]',
    "tether:labels": '{"team": "mesh"}',
}


def test_the_settings_reach_the_components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = of_settings(SETTINGS, [])
    found = releases(made)
    for name in ("cluster1-istiod", "cluster2-istiod"):
        assert found[name].inputs["values"]["global"]["logAsJson"] is True
        assert found[name].inputs["values"]["env"]["A"] == "hidden-value"
    assert found["cluster2"].inputs["values"]["replicaCount"] == 2
    assert "replicaCount" not in found["cluster1"].inputs["values"]
    assert made.one("kubernetes:core/v1:Namespace", "cluster2").inputs["metadata"]["labels"]["team"] == "mesh"


def test_values_of_a_setting_with_secrets_stay_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = releases(of_settings(SETTINGS, ["tether:helmValues"]))
    for name in ("cluster1-istiod", "cluster2-istiod"):
        values = found[name].inputs["values"]
        assert is_secret(values) or is_secret(values["env"]["A"])
    assert not is_secret(found["cluster2"].inputs["values"]["replicaCount"])


def test_a_transform_of_the_mesh_stands_above_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine applies a resource's transforms to all below it; tests/e2e/test_transforms.py has it do so."""
    given: list[pulumi.ResourceTransform] = []

    class Callbacks:
        def register_transform(self, transform: pulumi.ResourceTransform) -> callback_pb2.Callback:
            given.append(transform)
            return callback_pb2.Callback(token="the-transform", target="engine")

    async def callbacks() -> Callbacks:
        return Callbacks()

    def look(_: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        return None

    monkeypatch.setattr("pulumi.runtime.resource._get_callbacks", callbacks)
    made = record(lambda: Mesh("mesh", mesh_args("cluster2"), pulumi.ResourceOptions(transforms=[look])))
    mesh = made.one("tether:index:Mesh", "mesh")
    assert given == [look]
    assert mesh.transforms == ("the-transform",)
    for one in made.all():
        if one.type != "pulumi:pulumi:Stack":
            assert made.is_below(one, mesh), one.key


def test_other_labels_reach_the_reader_s_secret_though_kubernetes_writes_labels_there(labelled: Recording) -> None:
    plain = recorded(lambda _: None)
    ignored = {
        name: made.one("kubernetes:core/v1:Secret", "cluster2-reader-token").ignored
        for name, made in (("plain", plain), ("labelled", labelled))
    }
    assert ignored["plain"] == ("data", "metadata.labels")
    assert "metadata.labels" not in ignored["labelled"]
    assert 'metadata.labels["kubernetes.io/legacy-token-last-used"]' in ignored["labelled"]


HOW_TO = (Path(__file__).parents[2] / "docs/how-to/escape-hatches.md").read_text()


def example(language: str) -> str:
    """The first example in that language on the page."""
    return HOW_TO.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_settings_of_the_how_to_can_be_used() -> None:
    config = yaml.safe_load(example("yaml"))["config"]
    settings = read({key: json.dumps(value) for key, value in config.items()})
    assert settings.helm_values.gateway["autoscaling"]["enabled"] is True
    assert settings.clusters[0].helm_values.istiod["env"] == {"PILOT_ENABLE_STATUS": "true"}


def test_the_refusal_of_the_how_to_is_what_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        read({"tether:helmValues": '{"istiod": {"global": {"meshID": "x"}}}'})
    assert str(caught.value.problems[0]) in example("text")


def test_the_transform_of_the_how_to_changes_gateways_alone(two_clusters: Recording) -> None:
    scope: dict[str, Any] = {}
    exec(example("python").partition("\nmesh = ")[0], scope)  # noqa: S102 - our own page
    changed: dict[str, Any] = {}
    for one in two_clusters.all():
        args = pulumi.ResourceTransformArgs(one.custom, one.type, one.name, one.inputs, pulumi.ResourceOptions())
        if result := scope["internal_load_balancers"](args):
            changed[one.key] = result.props["values"]["service"]["annotations"]
    assert set(changed) == {f"{RELEASE} cluster1", f"{RELEASE} cluster2"}
    for annotations in changed.values():
        assert annotations["service.beta.kubernetes.io/aws-load-balancer-scheme"] == "internal"
        assert "metallb.io/loadBalancerIPs" in annotations, "what was there stays"
