"""Where a gateway is entered: by its load balancer, or by nodes."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import pytest

from tether import gateway_entry, kube
from tether.gateway_entry import NODE_ADDRESSES, NODE_PORTS, NODE_SELECTOR
from tether.topology import CROSS_NETWORK_PORT, GATEWAY_PORTS, STATUS_PORT, XDS_PORT


def service(kind: str, *ingress: str, annotations: dict[str, str] | None = None, **spec: Any) -> kube.Object:
    return {
        "metadata": {"annotations": annotations or {}},
        "spec": {"type": kind, "ports": gateway_entry.service_ports(NODE_PORTS), **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress]}},
    }


def node(labels: dict[str, str], **addresses: str) -> kube.Object:
    listed = [{"type": kind, "address": address} for kind, address in addresses.items()]
    return {"metadata": {"labels": labels}, "status": {"addresses": listed}}


def nobody() -> NoReturn:
    raise AssertionError("nodes were read where they say nothing")


NODES = [
    node({"zone": "b", "edge": "yes"}, InternalIP="10.0.0.2", ExternalIP="203.0.113.2"),
    node({"zone": "a", "edge": "yes"}, InternalIP="10.0.0.1", ExternalIP="203.0.113.1"),
    node({"zone": "a"}, InternalIP="10.0.0.3", ExternalIP="203.0.113.3"),
    node({"zone": "a", "edge": "yes"}, InternalIP="10.0.0.4"),
]


def test_a_load_balancer_has_the_gateways_own_ports_whatever_ports_the_nodes_have() -> None:
    entry = gateway_entry.of_service(service("LoadBalancer", "192.0.2.1"), nobody)

    assert (entry.address, entry.is_by_nodes) == ("192.0.2.1", False)
    assert [entry.port(own) for own in GATEWAY_PORTS] == list(GATEWAY_PORTS)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"edge": "yes"}, ("203.0.113.1", "203.0.113.2")),
        ({"edge": "yes", "zone": "b"}, ("203.0.113.2",)),
        ({}, ("203.0.113.1", "203.0.113.2", "203.0.113.3")),
        ({"edge": "no"}, ()),
    ],
)
def test_a_selector_chooses_nodes_and_those_without_an_external_address_are_passed_over(
    selector: dict[str, str], expected: tuple[str, ...]
) -> None:
    entry = gateway_entry.of_service(
        service("NodePort", annotations={NODE_SELECTOR: gateway_entry.selector(selector)}), lambda: NODES
    )

    assert entry.addresses == expected
    assert entry.is_by_nodes


def test_a_selector_that_is_no_json_chooses_every_node_as_istiod_has_it() -> None:
    entry = gateway_entry.of_service(service("NodePort", annotations={NODE_SELECTOR: "edge=yes"}), lambda: NODES)

    assert len(entry.addresses) == 3


def test_addresses_that_are_stated_need_no_look_at_the_nodes() -> None:
    entry = gateway_entry.of_service(service("NodePort", annotations={NODE_ADDRESSES: "10.0.0.9,10.0.0.8"}), nobody)

    assert entry.addresses == ("10.0.0.9", "10.0.0.8")
    assert (entry.port(STATUS_PORT), entry.port(CROSS_NETWORK_PORT), entry.port(XDS_PORT)) == (30021, 30043, 30012)


def test_a_service_with_node_ports_that_istiod_does_not_look_at_is_entered_nowhere() -> None:
    entry = gateway_entry.of_service(service("NodePort"), nobody)

    assert (entry.address, entry.port(STATUS_PORT)) == ("", STATUS_PORT)


def test_external_ips_of_the_service_count_before_the_nodes() -> None:
    found = service("NodePort", annotations={NODE_SELECTOR: "{}"}, externalIPs=["192.0.2.7"])

    assert gateway_entry.of_service(found, nobody).addresses == ("192.0.2.7",)


def test_a_service_that_is_not_there_is_entered_nowhere() -> None:
    assert gateway_entry.of_service({}, nobody).addresses == ()


def test_every_port_has_one_of_the_nodes_that_kubernetes_does_not_give_away() -> None:
    ports: Iterable[dict[str, Any]] = gateway_entry.service_ports(NODE_PORTS)

    assert {port["port"] for port in ports} == set(GATEWAY_PORTS)
    assert all(30000 <= port["nodePort"] <= 30085 for port in ports)
    assert len({port["nodePort"] for port in ports}) == len(GATEWAY_PORTS)


def test_a_network_is_told_with_one_gateway_for_each_node() -> None:
    told = gateway_entry.mesh_network(["10.0.0.1", "10.0.0.2"], 30043)

    assert json.dumps(told) == (
        '{"gateways": [{"address": "10.0.0.1", "port": 30043}, {"address": "10.0.0.2", "port": 30043}]}'
    )
