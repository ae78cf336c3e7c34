"""A mesh of clusters without load balancers: its gateways are entered at ports of nodes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.environment import TETHER, Environment, runtime, standing
from tests.e2e.program import Program
from tests.e2e.test_existing_clusters import settings_over
from tether import topology
from tether.gateway_entry import NODE_PORTS, NODE_SELECTOR, PORT_OF, selector

ISTIO = "istio-system"
CLUSTERS = ("cluster1", "cluster2")
EDGE = {"example.com/edge": "true"}
"""Label of the nodes at which the gateways may be entered."""
KUBELET_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"


@pytest.fixture(scope="module")
def mesh() -> Iterator[Environment]:
    environment = Environment(settings={"exposure": {"serviceType": "NodePort"}})
    with standing(environment):
        yield environment


def test_the_endpoints_are_ports_of_nodes_and_nothing_waits_for_a_load_balancer(mesh: Environment) -> None:
    endpoints = {endpoint["cluster"]: endpoint for endpoint in mesh.output("endpoints")}
    assert endpoints["cluster1"]["istiod"]["ports"] == {"xds": NODE_PORTS["xds"], "webhook": NODE_PORTS["webhook"]}
    for cluster in CLUSTERS:
        (node,) = mesh.get(cluster, "nodes")["items"]
        internal = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
        assert endpoints[cluster]["eastWestGateway"]["address"] in internal
        service = mesh.get(cluster, "-n", ISTIO, "service", topology.EAST_WEST_GATEWAY)
        assert {port["port"]: port["nodePort"] for port in service["spec"]["ports"]} == {
            own: NODE_PORTS[name] for name, own in PORT_OF.items()
        }
        names = [one["metadata"]["name"] for one in mesh.get(cluster, "namespaces")["items"]]
        assert "metallb-system" not in names


def test_every_cluster_answers_every_other(mesh: Environment) -> None:
    answers = mesh.output("verification")["answers"]
    assert all(answers[asking][answering] > 0 for asking in CLUSTERS for answering in CLUSTERS)


def test_the_doctor_finds_nothing_and_a_proxy_authenticates_at_a_node(mesh: Environment) -> None:
    doctor = mesh.run(TETHER, "doctor")
    assert doctor.code == 0, doctor.talk
    trace = mesh.run(TETHER, "trace", "--output", "json")
    assert trace.code == 0, trace.talk
    ports = {step["port"] for step in json.loads(trace.stdout)["steps"] if step.get("port")}
    assert ports == {NODE_PORTS["xds"], NODE_PORTS["webhook"]}


def test_up_again_changes_nothing(mesh: Environment) -> None:
    assert mesh.up()["changes"] == 0


def test_nothing_has_drifted(mesh: Environment) -> None:
    ran = mesh.pulumi("preview", "--refresh", "--expect-no-changes")
    assert ran.code == 0, ran.talk


def give_external_ip(node: str, environment: Environment, file: Path) -> str:
    """Label a node as one of the edge and give it an address of type ExternalIP, as a cloud's controller does."""

    def kubectl(*arguments: str) -> str:
        ran = environment.run("kubectl", "--kubeconfig", file, *arguments)
        assert ran.code == 0, ran.talk
        return ran.stdout

    # Any other kubelet writes the addresses that it knows itself over those of anybody else.
    runtime("exec", node, "sed", "--in-place", 's/ARGS="/&--cloud-provider=external /', KUBELET_FLAGS)
    runtime("exec", node, "systemctl", "restart", "kubelet")
    kubectl("label", "node", node, *(f"{key}={value}" for key, value in EDGE.items()))
    listed = json.loads(kubectl("get", "node", node, "-o", "json"))["status"]["addresses"]
    (address,) = [one["address"] for one in listed if one["type"] == "InternalIP"]
    status = {"status": {"addresses": [*listed, {"type": "ExternalIP", "address": address}]}}
    kubectl("patch", "node", node, "--subresource", "status", "--type", "merge", "-p", json.dumps(status))
    return address


@pytest.mark.timeout(900)
def test_istiod_finds_the_nodes_of_clusters_that_somebody_else_made_by_their_labels(
    bare: Program, tmp_path: Path
) -> None:
    made = json.loads(bare.pulumi("stack", "output", "--json", "--show-secrets"))
    settings = {**settings_over(made, tmp_path), "exposure": {"serviceType": "NodePort", "nodeSelector": EDGE}}
    environment = Environment(settings=settings)
    entered = {
        name: give_external_ip(
            topology.control_plane_host(topology.kind_cluster_name(name, bare.suffix)), environment,
            tmp_path / f"{name}.kubeconfig",
        )
        for name in ("east", "west")
    }  # fmt: skip
    try:
        # Which sends requests between the clusters, or fails.
        endpoints = {one["cluster"]: one for one in environment.up()["endpoints"]}
        assert {name: one["eastWestGateway"]["address"] for name, one in endpoints.items()} == entered
        for name in entered:
            service = environment.get(name, "-n", ISTIO, "service", topology.EAST_WEST_GATEWAY)
            assert service["metadata"]["annotations"][NODE_SELECTOR] == selector(EDGE)
        doctor = environment.run(TETHER, "doctor")
        assert doctor.code == 0, doctor.talk
    finally:
        environment.remove()
