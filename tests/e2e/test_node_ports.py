"""A mesh of clusters without load balancers: its gateways are entered at ports of nodes."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.environment import TETHER, Environment, standing
from tether import addresses, topology
from tether.gateway_entry import NODE_PORTS, PORT_OF
from tether.topology import IpFamily

ISTIO = "istio-system"
CLUSTERS = ("cluster1", "cluster2")


@pytest.fixture(scope="module", params=list(IpFamily), ids=lambda family: family.value)
def family(request: pytest.FixtureRequest) -> IpFamily:
    """Of both, a node is entered by its IPv4 address."""
    return request.param


@pytest.fixture(scope="module")
def mesh(family: IpFamily) -> Iterator[Environment]:
    environment = Environment(settings={"exposure": {"serviceType": "NodePort"}, "ipFamily": family.value})
    with standing(environment):
        yield environment


def test_the_endpoints_are_ports_of_nodes_and_nothing_waits_for_a_load_balancer(
    mesh: Environment, family: IpFamily
) -> None:
    endpoints = {endpoint["cluster"]: endpoint for endpoint in mesh.output("endpoints")}
    assert endpoints["cluster1"]["istiod"]["ports"] == {"xds": NODE_PORTS["xds"], "webhook": NODE_PORTS["webhook"]}
    for cluster in CLUSTERS:
        (node,) = mesh.get(cluster, "nodes")["items"]
        internal = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
        entered = endpoints[cluster]["eastWestGateway"]["address"]
        assert entered in internal
        assert addresses.family(entered) == family.names[0]
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
