"""What holds for every component, whatever it is."""

import importlib
import inspect
import pkgutil

import pulumi
import pytest

import components
from tests.contract.recording import Recording, is_secret, plain_text

RELEASE = "kubernetes:helm.sh/v3:Release"
RELEASE_NAMES = {"istio-base", "istiod", "istio-eastwestgateway", "istio-ingressgateway", "metallb"}
COMPONENTS = {
    component
    for module in pkgutil.iter_modules(components.__path__)
    for _, component in inspect.getmembers(
        importlib.import_module(f"components.{module.name}"),
        lambda member: inspect.isclass(member) and issubclass(member, pulumi.ComponentResource),
    )
    if component.__module__.startswith("components.")
}


CLUSTERS = {f"tether:index:{platform}Cluster" for platform in ("Kind", "Existing", "Eks", "Gke", "Aks")}
RECORDINGS = [
    "two_clusters",
    "four_clusters",
    "existing_clusters",
    "cloud_clusters",
    "ingress_gateways",
    "provided_authority",
    "existing_authority",
    "bound_credentials",
]


@pytest.fixture(params=RECORDINGS)
def recording(request: pytest.FixtureRequest) -> Recording:
    return request.getfixturevalue(request.param)


def test_every_component_is_named_after_its_class_and_is_used(
    ingress_gateways: Recording, existing_clusters: Recording, cloud_clusters: Recording
) -> None:
    recordings = (ingress_gateways, existing_clusters, cloud_clusters)
    seen = {one.type for recording in recordings for one in recording.all() if not one.custom}
    assert seen == {f"tether:index:{component.__name__}" for component in COMPONENTS} | {"pulumi:pulumi:Stack"}


def test_every_component_registers_its_outputs_once(recording: Recording) -> None:
    made = [one.urn for one in recording.all() if one.type.startswith("tether:index:") and not one.custom]
    registered = [urn for urn in recording.outputs_registered if "pulumi:pulumi:Stack::" not in urn]
    assert sorted(registered) == sorted(made)


def test_everything_but_the_mesh_lies_inside_a_component(recording: Recording) -> None:
    for one in recording.all():
        if one.type not in ("pulumi:pulumi:Stack", "tether:index:Mesh"):
            assert recording.by_urn[one.parent].type.startswith("tether:index:"), one.key


def test_only_clusters_bring_a_provider(recording: Recording) -> None:
    for one in recording.all():
        if one.type == "pulumi:providers:kubernetes":
            assert recording.by_urn[one.parent].type in CLUSTERS


def test_every_kubernetes_object_names_its_cluster_s_provider(recording: Recording) -> None:
    names = {one.name for one in recording.all() if one.type in CLUSTERS}
    for one in recording.all():
        if one.type.startswith("kubernetes:"):
            assert one.provider in names, f"{one.key}: {one.provider}"


def test_every_annotation_is_an_object_so_that_other_languages_can_host_the_components() -> None:
    for component in COMPONENTS:
        for parameter in inspect.signature(component.__init__).parameters.values():
            assert not isinstance(parameter.annotation, str), f"{component.__name__}({parameter.name})"


def test_no_secret_travels_in_the_open(recording: Recording) -> None:
    for one in recording.all():
        text = plain_text(one.inputs)
        for secret in (
            "token-of-the-reader",
            "intermediate-key",
            "root-key",
            "kubeconfig-of-existing",
            "key-of-the-user",
            "key-of-the-account",
        ):
            assert secret not in text, f"{one.key} shows {secret}"


def test_secrets_are_marked_on_the_wire(two_clusters: Recording) -> None:
    cacerts = two_clusters.one("kubernetes:core/v1:Secret", "cluster1-cacerts")
    remote_secret = two_clusters.one("kubernetes:core/v1:Secret", "cluster2")
    cluster = two_clusters.one("tether:index:Cluster", "cluster2")
    provider = two_clusters.one("pulumi:providers:kubernetes", "cluster2")
    assert is_secret(cacerts.inputs["stringData"])
    assert is_secret(remote_secret.inputs["data"])
    assert cluster.secret_outputs >= {"kubeconfig", "internalKubeconfig"}
    assert provider.inputs["kubeconfig"], "the provider never falls back to the user's own kubeconfig"


def test_what_lives_in_a_kind_cluster_goes_with_it(two_clusters: Recording) -> None:
    for name in ("cluster1", "cluster2"):
        cluster = two_clusters.one("tether:index:Cluster", name)
        for kind in ("EastWestGateway", "LoadBalancer", "Primary" if name == "cluster1" else "Remote"):
            assert two_clusters.one(f"tether:index:{kind}", name).deleted_with == cluster.urn


def test_what_lives_in_an_existing_cluster_is_deleted_itself(existing_clusters: Recording) -> None:
    assert {one.deleted_with for one in existing_clusters.all()} == {""}


def test_releases_have_fixed_names_and_a_time_out(recording: Recording) -> None:
    for one in recording.all():
        if one.type == RELEASE:
            assert one.inputs["name"] in RELEASE_NAMES, one.key
            assert one.inputs["timeout"] == 300, one.key


def test_gateways_are_looked_at_every_second(ingress_gateways: Recording) -> None:
    """Left to injection, the second look comes after fifteen seconds, and the first is often too early."""
    gateways = [one for one in ingress_gateways.all() if str(one.inputs.get("name", "")).endswith("gateway")]
    assert len(gateways) == 4
    for one in gateways:
        assert one.inputs["values"]["readinessProbe"]["periodSeconds"] == 1, one.key


def test_ingress_gateways_are_made_in_every_cluster_and_only_when_asked_for(
    two_clusters: Recording, ingress_gateways: Recording
) -> None:
    def made(recording: Recording) -> list[str]:
        return [one.name for one in recording.all() if one.type == "tether:index:IngressGateway"]

    assert made(two_clusters) == []
    assert sorted(made(ingress_gateways)) == ["cluster1", "cluster2"]


def test_an_ingress_gateway_goes_with_its_kind_cluster(ingress_gateways: Recording) -> None:
    gateway = ingress_gateways.one("tether:index:IngressGateway", "cluster2")
    assert gateway.deleted_with == ingress_gateways.one("tether:index:Cluster", "cluster2").urn


def test_only_clusters_that_were_there_may_have_istios_namespace_already(
    existing_clusters: Recording, two_clusters: Recording
) -> None:
    for name, led_by in (("cluster1", {}), ("cluster2", {"topology.istio.io/controlPlaneClusters": "cluster1"})):
        taken = existing_clusters.one("tether:index:IstioNamespace", name)
        assert is_secret(taken.inputs["kubeconfig"])
        assert taken.inputs["labels"] == {"topology.istio.io/network": name.replace("cluster", "network")}
        assert taken.inputs["annotations"] == led_by
        base = existing_clusters.one("kubernetes:helm.sh/v3:Release", f"{name}-base")
        assert existing_clusters.reaches(base, taken)
    assert not [one for one in two_clusters.all() if one.type == "tether:index:IstioNamespace"]


def test_secrets_are_changed_in_place_also_where_somebody_else_has_written_into_them(two_clusters: Recording) -> None:
    ways = [one for one in two_clusters.all() if one.type == "pulumi:providers:kubernetes"]
    assert {one.name: one.inputs["enableSecretMutable"] for one in ways} == {"cluster1": "true", "cluster2": "true"}
    for name in ("cluster2", "cluster1-cacerts"):
        annotations = two_clusters.one("kubernetes:core/v1:Secret", name).inputs["metadata"]["annotations"]
        assert annotations["pulumi.com/patchForce"] == "true"


def test_istiod_asks_little_of_a_kind_cluster_s_node_and_what_its_chart_says_elsewhere(
    two_clusters: Recording, existing_clusters: Recording
) -> None:
    ours, theirs = (
        one.one("kubernetes:helm.sh/v3:Release", "cluster1-istiod").inputs["values"]
        for one in (two_clusters, existing_clusters)
    )
    # With the next one beside it, on a node of two cores that has an ingress gateway as well.
    assert ours["resources"]["requests"]["cpu"] == "100m"
    assert "resources" not in theirs
