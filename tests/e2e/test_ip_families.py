"""Meshes whose clusters have IPv6, beside IPv4 or alone."""

import ipaddress
import json
from collections.abc import Iterator

import pytest

from tests.e2e.environment import TETHER, Environment, is_open, standing
from tether import addresses, topology
from tether.topology import EAST_WEST_GATEWAY, GATEWAY_PORTS, IpFamily

CLUSTERS = ("cluster1", "cluster2")
ISTIO = "istio-system"


@pytest.fixture(scope="module", params=[IpFamily.DUAL, IpFamily.IPV6], ids=lambda family: family.value)
def family(request: pytest.FixtureRequest) -> IpFamily:
    return request.param


@pytest.fixture(scope="module")
def environment(family: IpFamily) -> Iterator[Environment]:
    """One mesh of the family at a time; ``up`` itself sends requests between all clusters, or fails."""
    made = Environment(settings={"ipFamily": family.value})
    with standing(made):
        yield made


def gateway_addresses(environment: Environment, cluster: str) -> list[str]:
    return addresses.of_service(environment.get(cluster, "-n", ISTIO, "service", EAST_WEST_GATEWAY))


def test_every_gateway_has_an_address_of_each_family_out_of_the_environment_s_own(
    environment: Environment, family: IpFamily
) -> None:
    for cluster in CLUSTERS:
        given = gateway_addresses(environment, cluster)
        assert {addresses.family(one) for one in given} == {*family.names}
        assert len(given) == len(family.names)
        for one in given:
            own = topology.ipv6_subnet(environment.suffix) if ":" in one else topology.ENVIRONMENT_NETWORKS
            assert ipaddress.ip_address(one) in ipaddress.ip_network(own)


def test_every_port_of_a_gateway_is_reached_from_the_other_cluster_by_each_address(environment: Environment) -> None:
    for cluster, other in (CLUSTERS, reversed(CLUSTERS)):
        node = topology.control_plane_host(topology.kind_cluster_name(other, environment.suffix))
        for address in gateway_addresses(environment, cluster):
            for port in GATEWAY_PORTS:
                assert is_open(node, address, port), addresses.with_port(address, port)


def test_pods_of_the_mesh_have_the_family_s_addresses(environment: Environment, family: IpFamily) -> None:
    for cluster in CLUSTERS:
        pods = environment.get(cluster, "-n", ISTIO, "pods", "-l", "istio=eastwestgateway")["items"]
        assert pods
        for pod in pods:
            assert [addresses.family(one["ip"]) for one in pod["status"]["podIPs"]] == [*family.names]


def test_istiod_takes_every_gateway_address_for_a_way_into_the_network(environment: Environment) -> None:
    """What a proxy sends to another network goes by any that it can use (pilot/pkg/xds/endpoints/ep_filters.go)."""
    ask = ("exec", "deployment/istiod", "--", "pilot-discovery", "request", "GET", "/debug/networkz")
    ran = environment.kubectl("cluster1", "-n", ISTIO, *ask)
    assert ran.code == 0, ran.talk

    known = {(one["Network"], one["Addr"]) for one in json.loads(ran.stdout)}
    for cluster in CLUSTERS:
        network = cluster.replace("cluster", "network")
        assert {(network, address) for address in gateway_addresses(environment, cluster)} <= known


def test_the_remote_finds_istiod_by_an_endpoint_slice_of_the_first_family(
    environment: Environment, family: IpFamily
) -> None:
    (found,) = environment.get("cluster2", "-n", ISTIO, "endpointslices", "-l", "kubernetes.io/service-name=istiod")[
        "items"
    ]
    (address,) = found["endpoints"][0]["addresses"]

    assert found["addressType"] == family.names[0]
    assert address in gateway_addresses(environment, "cluster1")
    assert environment.get("cluster2", "-n", ISTIO, "service", "istiod")["spec"]["ipFamilies"] == [family.names[0]]


def test_doctor_and_verify_find_the_mesh_sound(environment: Environment) -> None:
    for command in ("doctor", "verify"):
        ran = environment.run(TETHER, command)
        assert ran.code == 0, ran.talk


def test_nothing_is_left_to_change(environment: Environment) -> None:
    ran = environment.pulumi("preview", "--expect-no-changes", "--refresh")

    assert ran.code == 0, ran.talk
