"""Ways into the networks: load balancers and ports of nodes, also beside each other, by IPv4, IPv6 and both."""

import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.e2e.environment import TETHER, Environment, is_open, standing
from tether import addresses, kube, topology
from tether.gateway_entry import NODE_PORTS, PORT_OF
from tether.settings.node_ports import ServiceType
from tether.topology import EAST_WEST_GATEWAY, GATEWAY_PORTS, IpFamily

ISTIO = "istio-system"
CLUSTERS = ("cluster1", "cluster2")
AT_NODES, BALANCED = ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How the clusters of a mesh are entered."""

    family: IpFamily
    types: Mapping[str, ServiceType]

    def __str__(self) -> str:
        return "-".join([self.family.value, *self.types.values()])

    @property
    def at_nodes(self) -> list[str]:
        return [cluster for cluster in CLUSTERS if self.types[cluster] is AT_NODES]

    @property
    def balanced(self) -> list[str]:
        return [cluster for cluster in CLUSTERS if self.types[cluster] is BALANCED]


MESHES = (
    Ways(family=IpFamily.IPV4, types={"cluster1": AT_NODES, "cluster2": AT_NODES}),
    Ways(family=IpFamily.DUAL, types={"cluster1": BALANCED, "cluster2": AT_NODES}),
    Ways(family=IpFamily.IPV6, types={"cluster1": AT_NODES, "cluster2": BALANCED}),
)
"""Two clusters with load balancers and IPv4 are what every other module has."""


@pytest.fixture(scope="module", params=MESHES, ids=str)
def ways(request: pytest.FixtureRequest) -> Ways:
    return request.param


@pytest.fixture(scope="module")
def mesh(ways: Ways) -> Iterator[Environment]:
    """One mesh at a time; ``up`` itself sends requests between all clusters, or fails."""
    listed = [
        {"name": name, "role": role, "network": name.replace("cluster", "network"), "exposure": {"serviceType": kind}}
        for (name, kind), role in zip(ways.types.items(), ("primary", "remote"), strict=True)
    ]
    environment = Environment(settings=json.loads(json.dumps({"clusters": listed, "ipFamily": ways.family})))
    with standing(environment):
        yield environment


def service(mesh: Environment, cluster: str) -> kube.Object:
    return mesh.get(cluster, "-n", ISTIO, "service", EAST_WEST_GATEWAY)


def entered_at(mesh: Environment, ways: Ways, cluster: str) -> list[str]:
    """Addresses by which a cluster is entered; of a node with both families, the first one's."""
    if ways.types[cluster] is BALANCED:
        return addresses.of_service(service(mesh, cluster))
    (node,) = mesh.get(cluster, "nodes")["items"]
    internal = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
    return [one for one in internal if addresses.family(one) == ways.family.names[0]]


def ports_of(ways: Ways, cluster: str) -> dict[int, int]:
    """Where a gateway's own ports are entered."""
    at_nodes = ways.types[cluster] is AT_NODES
    return {own: NODE_PORTS[name] if at_nodes else own for name, own in PORT_OF.items()}


def test_a_gateway_behind_a_load_balancer_has_an_address_of_each_family_out_of_the_environment_s_own(
    mesh: Environment, ways: Ways
) -> None:
    for cluster in ways.balanced:
        given = entered_at(mesh, ways, cluster)
        assert sorted(map(addresses.family, given)) == sorted(ways.family.names)
        for one in given:
            own = topology.ipv6_subnet(mesh.suffix) if ":" in one else topology.ENVIRONMENT_NETWORKS
            assert ipaddress.ip_address(one) in ipaddress.ip_network(own)


def test_a_gateway_at_nodes_has_their_fixed_ports_and_waits_for_no_load_balancer(mesh: Environment, ways: Ways) -> None:
    for cluster in ways.at_nodes:
        listed = service(mesh, cluster)["spec"]["ports"]
        assert {port["port"]: port["nodePort"] for port in listed} == ports_of(ways, cluster)
        names = [one["metadata"]["name"] for one in mesh.get(cluster, "namespaces")["items"]]
        assert "metallb-system" not in names


def test_the_endpoints_are_where_the_clusters_are_entered(mesh: Environment, ways: Ways) -> None:
    for endpoint in mesh.output("endpoints"):
        cluster = endpoint["cluster"]
        assert endpoint["eastWestGateway"]["address"] in entered_at(mesh, ways, cluster)
        if endpoint["istiod"]:
            ports = ports_of(ways, cluster)
            expected = {"xds": ports[topology.XDS_PORT], "webhook": ports[topology.WEBHOOK_PORT]}
            assert endpoint["istiod"]["ports"] == expected


def test_every_port_of_a_gateway_is_reached_from_the_other_cluster_by_each_address(
    mesh: Environment, ways: Ways
) -> None:
    for cluster, other in (CLUSTERS, reversed(CLUSTERS)):
        node = topology.control_plane_host(topology.kind_cluster_name(other, mesh.suffix))
        ports = ports_of(ways, cluster)
        for address in entered_at(mesh, ways, cluster):
            for port in GATEWAY_PORTS:
                assert is_open(node, address, ports[port]), addresses.with_port(address, ports[port])


def test_pods_of_the_mesh_have_the_family_s_addresses(mesh: Environment, ways: Ways) -> None:
    for cluster in CLUSTERS:
        pods = mesh.get(cluster, "-n", ISTIO, "pods", "-l", "istio=eastwestgateway")["items"]
        assert pods
        for pod in pods:
            assert [addresses.family(one["ip"]) for one in pod["status"]["podIPs"]] == [*ways.family.names]


def test_istiod_takes_every_gateway_address_for_a_way_into_the_network(mesh: Environment, ways: Ways) -> None:
    """What a proxy sends to another network goes by any that it can use (pilot/pkg/xds/endpoints/ep_filters.go)."""
    ask = ("exec", "deployment/istiod", "--", "pilot-discovery", "request", "GET", "/debug/networkz")
    ran = mesh.kubectl("cluster1", "-n", ISTIO, *ask)
    assert ran.code == 0, ran.talk

    known = {(one["Network"], one["Addr"], one["Port"]) for one in json.loads(ran.stdout)}
    assert known == {
        (cluster.replace("cluster", "network"), address, ports_of(ways, cluster)[topology.CROSS_NETWORK_PORT])
        for cluster in CLUSTERS
        for address in entered_at(mesh, ways, cluster)
    }


def test_the_remote_finds_istiod_by_an_endpoint_slice_of_the_first_family(mesh: Environment, ways: Ways) -> None:
    selected = ("-l", "kubernetes.io/service-name=istiod")
    (found,) = mesh.get("cluster2", "-n", ISTIO, "endpointslices", *selected)["items"]
    (address,) = found["endpoints"][0]["addresses"]

    assert found["addressType"] == ways.family.names[0]
    assert address in entered_at(mesh, ways, "cluster1")
    assert mesh.get("cluster2", "-n", ISTIO, "service", "istiod")["spec"]["ipFamilies"] == [ways.family.names[0]]


def test_every_cluster_answers_every_other(mesh: Environment) -> None:
    answers = mesh.output("verification")["answers"]
    assert all(answers[asking][answering] > 0 for asking in CLUSTERS for answering in CLUSTERS)


def test_a_proxy_authenticates_where_the_primary_is_entered(mesh: Environment, ways: Ways) -> None:
    ran = mesh.run(TETHER, "trace", "--output", "json")
    assert ran.code == 0, ran.talk
    ports = ports_of(ways, "cluster1")
    asked = {step["port"] for step in json.loads(ran.stdout)["steps"] if step.get("port")}
    assert {ports[topology.XDS_PORT], ports[topology.WEBHOOK_PORT]} <= asked
    assert asked <= {*ports.values()}


def test_doctor_and_verify_find_the_mesh_sound(mesh: Environment) -> None:
    for command in ("doctor", "verify"):
        ran = mesh.run(TETHER, command)
        assert ran.code == 0, ran.talk


def test_nothing_is_left_to_change(mesh: Environment) -> None:
    assert mesh.up()["changes"] == 0
    ran = mesh.pulumi("preview", "--expect-no-changes", "--refresh")
    assert ran.code == 0, ran.talk
