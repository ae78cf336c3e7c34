"""What is asked of the engine where a cluster has a cloud's habits."""

import copy
import json
from typing import Any

import pytest
import yaml

from components.from_settings import mesh_args as from_settings
from components.mesh import Mesh
from tests.contract import recording as engine
from tests.contract.conftest import LABELS, mesh_args, parts, releases
from tests.contract.recording import Recording, record
from tether import topology
from tether.settings import read

SLICE = "kubernetes:discovery.k8s.io/v1:EndpointSlice"
ENDPOINTS = "kubernetes:core/v1:Endpoints"
IPS = ["10.0.0.1", "10.0.0.2"]
PORTS = [
    {"name": "tcp-istiod", "port": 15012.0, "protocol": "TCP"},
    {"name": "tcp-webhook", "port": 15017.0, "protocol": "TCP"},
]


@pytest.fixture
def named_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load balancer that answers with a host name, behind which there are two addresses."""
    outputs = copy.deepcopy(engine.OUTPUTS)
    outputs["tether:index:GatewayReady"] = {"address": "lb.example.com", "ipAddresses": IPS}
    monkeypatch.setattr(engine, "OUTPUTS", outputs)


def clouds(*v1_endpoints: str, labels: bool = False) -> Recording:
    def declare() -> None:
        args = mesh_args("cluster2", "cluster3", platform="existing")
        for cluster in args["clusters"]:
            if cluster["name"] in v1_endpoints:
                cluster["v1_endpoints"] = True
        if labels:
            args["istio"] = {**args["istio"], "labels": LABELS}
        Mesh("mesh", args)

    return record(declare)


@pytest.mark.usefixtures("named_gateway")
def test_every_address_behind_a_name_is_listed_and_the_chart_gets_one_that_is_no_name() -> None:
    recording = clouds()

    for name in ("cluster2", "cluster3"):
        made = recording.one(SLICE, f"{name}-istiod").inputs
        assert [one["addresses"] for one in made["endpoints"]] == [["10.0.0.1"], ["10.0.0.2"]]
        assert (made["addressType"], made["ports"]) == ("IPv4", PORTS)
        assert made["metadata"]["name"] != "istiod", "the chart makes one of that name"
        assert made["metadata"]["labels"]["kubernetes.io/service-name"] == "istiod"
        values = releases(recording)[f"{name}-istiod"].inputs["values"]
        assert values["global"]["remotePilotAddress"] == "10.0.0.1"


def test_a_gateway_whose_address_is_asked_for_needs_no_second_slice(two_clusters: Recording) -> None:
    assert [one for one in two_clusters.all() if one.type in (SLICE, ENDPOINTS)] == []
    (address,) = {
        one.inputs["expectedAddress"]
        for one in two_clusters.all()
        if one.type == "tether:index:GatewayReady" and one.name == "cluster1"
    }
    assert releases(two_clusters)["cluster2-istiod"].inputs["values"]["global"]["remotePilotAddress"] == address


@pytest.mark.usefixtures("named_gateway")
def test_v1_endpoints_are_made_where_they_are_needed_and_are_not_mirrored() -> None:
    recording = clouds("cluster3")

    assert [one.name for one in recording.all() if one.type == ENDPOINTS] == ["cluster3-istiod"]
    made = recording.one(ENDPOINTS, "cluster3-istiod").inputs
    assert made["metadata"]["name"] == "istiod"
    assert made["metadata"]["labels"] == {"endpointslice.kubernetes.io/skip-mirror": "true"}
    assert made["subsets"] == [{"addresses": [{"ip": ip} for ip in IPS], "ports": PORTS}]


def test_what_webhooks_go_by_is_there_before_them_and_goes_after_them() -> None:
    recording = clouds("cluster2")

    webhooks = releases(recording)["cluster2-istiod"]
    for kind in (SLICE, ENDPOINTS):
        way = recording.one(kind, "cluster2-istiod")
        assert way.urn in webhooks.dependencies
        assert recording.reaches(way, recording.one("tether:index:GatewayReady", "cluster1"))
        assert recording.by_urn[way.parent].type == "tether:index:Remote"
        assert way.provider == "cluster2"


def test_labels_of_the_user_leave_those_that_kubernetes_reads(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recording = clouds("cluster2", labels=True)

    for kind, own in ((SLICE, "kubernetes.io/service-name"), (ENDPOINTS, "endpointslice.kubernetes.io/skip-mirror")):
        labels = recording.one(kind, "cluster2-istiod").inputs["metadata"]["labels"]
        assert LABELS.items() <= labels.items()
        assert own in labels


KUBECONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://mesh.hcp.westeurope.azmk8s.io:443"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "c",
}


@pytest.mark.parametrize(("said", "made"), [({}, True), ({"v1Endpoints": True}, True), ({"v1Endpoints": False}, False)])
def test_a_remote_on_aks_gets_v1_endpoints_unless_told_otherwise(said: dict[str, bool], made: bool) -> None:
    listed = [
        {"name": "cluster1", "role": "primary", "network": "n1", "platform": "existing",
         "kubeconfig": yaml.safe_dump(KUBECONFIG) + "# one\n"},
        {"name": "cluster2", "role": "remote", "network": "n2", "platform": "existing",
         "kubeconfig": yaml.safe_dump(KUBECONFIG), "apiServer": "https://10.0.0.1", **said},
    ]  # fmt: skip
    settings = read({"tether:clusters": json.dumps(listed)})

    args = record_args(settings)

    assert [cluster["name"] for cluster in args["clusters"] if cluster.get("v1_endpoints")] == ["cluster2"] * made


def record_args(settings: Any) -> Any:
    found: list[Any] = []
    record(lambda: found.append(from_settings(settings, topology.plan(settings), parts())))
    return found[0]


@pytest.mark.parametrize(("written", "asked"), [({}, "auto"), ({"tether:containerRuntime": "docker"}, "docker")])
def test_clusters_are_on_the_runtime_that_the_settings_name_and_else_stay_where_they_are(
    written: dict[str, str], asked: str
) -> None:
    """The parts of these tests name podman: what a checkout took later must not replace clusters."""
    assert record_args(read(written))["kind"]["container_runtime"] == asked


def test_webhooks_come_with_releases_which_helm_compares_with_its_own_record(
    existing_clusters: Recording, two_clusters: Recording
) -> None:
    """A refresh of a Release never looks at its objects, so nobody who edits them makes a difference (AKS does)."""
    for recording in (existing_clusters, two_clusters):
        kinds = {one.type for one in recording.all()}
        assert not [kind for kind in kinds if "admissionregistration" in kind]
        for cluster in ("cluster1", "cluster2"):
            assert f"{cluster}-istiod" in releases(recording)
