"""The gate of a gateway behind a load balancer, and what it notices afterwards."""

import contextlib
import socket
import threading
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.provider.fake_machine import Machine
from tests.provider.provider_harness import UNKNOWN, Plugin, failed, plain, struct
from tether.topology import STATUS_PORT

KIND = "GatewayReady"
SERVICE = "/api/v1/namespaces/istio-system/services/istio-eastwestgateway"
DEPLOYMENT = "/apis/apps/v1/namespaces/istio-system/deployments/istio-eastwestgateway"
PODS = "/api/v1/namespaces/istio-system/pods"
NAME = "localhost"
"""The only name that stands for something on every machine."""


@contextlib.contextmanager
def answering(server_type: type[HTTPServer], address: str) -> Generator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...

    server = server_type((address, STATUS_PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def healthy() -> Iterator[None]:
    with answering(HTTPServer, "127.0.0.1"):
        yield


def show(machine: Machine, *ingress: dict[str, str]) -> None:
    machine.answers[SERVICE] = {
        "spec": {"selector": {"istio": "eastwestgateway"}, "ports": [{"name": "tls", "port": 15443}],
                 "ipFamilies": ["IPv4"]},
        "status": {"loadBalancer": {"ingress": list(ingress)}},
    }  # fmt: skip
    pod = {
        "metadata": {"name": "gateway-1"},
        "spec": {"containers": [{"name": "istio-proxy", "image": "proxy"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    machine.answers[PODS] = {"items": [pod]}


def inputs(machine: Machine, **more: Any) -> dict[str, Any]:
    return {"kubeconfig": machine.kubeconfig, "timeoutSeconds": 5, **more}


def opened(plugin: Plugin, machine: Machine, address: str, *ips: str, **more: Any) -> Any:
    """The state of a gate that opened some time ago."""
    given = plain(plugin.checked(KIND, inputs(machine, **more)))
    seen = {"address": address, "ports": {"tls": 15443}, "checkedFrom": "machine"}
    return struct({**given, **seen, **({"ipAddresses": list(ips)} if ips else {})})


def test_a_gateway_with_a_host_name_tells_the_addresses_behind_it(
    plugin: Plugin, machine: Machine, healthy: None
) -> None:
    show(machine, {"hostname": NAME})

    outputs = plain(plugin.create(KIND, inputs(machine)).properties)

    assert (outputs["address"], outputs["ipAddresses"]) == (NAME, ["127.0.0.1"])
    assert outputs["checkedFrom"] == "machine"


def test_a_gateway_whose_pods_are_still_those_from_before_its_last_change_is_not_ready(
    plugin: Plugin, machine: Machine, healthy: None
) -> None:
    show(machine, {"ip": "127.0.0.1"})
    machine.answers[DEPLOYMENT] = {
        "metadata": {"name": "istio-eastwestgateway", "namespace": "istio-system", "generation": 2},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"istio": "eastwestgateway"}}},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1},
    }

    error = failed(lambda: plugin.create(KIND, inputs(machine, timeoutSeconds=1)))

    assert "pods of the last change of istio-eastwestgateway: not ready within 1 s" in error.details()
    assert "describe deployment istio-eastwestgateway" in error.details()


@pytest.fixture
def healthy_ipv6() -> Iterator[None]:
    class Server(HTTPServer):
        address_family = socket.AF_INET6

    with answering(Server, "::1"):
        yield


def test_a_gateway_of_two_families_must_answer_at_both_addresses(
    plugin: Plugin, machine: Machine, healthy: None, healthy_ipv6: None
) -> None:
    show(machine, {"ip": "127.0.0.1"}, {"ip": "::1"})

    outputs = plain(plugin.create(KIND, inputs(machine, expectedAddress="127.0.0.1,::1")).properties)

    assert (outputs["address"], outputs["ipAddresses"]) == ("127.0.0.1", ["127.0.0.1"])


def test_a_gateway_that_is_silent_at_one_of_its_addresses_is_not_ready(
    plugin: Plugin, machine: Machine, healthy: None
) -> None:
    show(machine, {"ip": "127.0.0.1"}, {"ip": "::1"})

    error = failed(lambda: plugin.create(KIND, inputs(machine, expectedAddress="127.0.0.1,::1", timeoutSeconds=1)))

    assert f"[::1]:{STATUS_PORT} does not answer" in error.details()


def test_a_gateway_that_lacks_one_of_two_addresses_is_not_ready(
    plugin: Plugin, machine: Machine, healthy: None
) -> None:
    show(machine, {"ip": "127.0.0.1"})

    error = failed(lambda: plugin.create(KIND, inputs(machine, expectedAddress="127.0.0.1,::1", timeoutSeconds=1)))

    assert "has the address 127.0.0.1, not 127.0.0.1, ::1" in error.details()


def test_a_preview_knows_no_addresses_of_a_load_balancer_to_come(plugin: Plugin, machine: Machine) -> None:
    promised = plain(plugin.create(KIND, inputs(machine), preview=True).properties)

    assert (promised["address"], promised["ipAddresses"]) == (UNKNOWN, UNKNOWN)


def test_an_address_that_is_asked_for_is_promised(plugin: Plugin, machine: Machine) -> None:
    promised = plain(plugin.create(KIND, inputs(machine, expectedAddress="10.0.0.1"), preview=True).properties)

    assert (promised["address"], promised["ipAddresses"]) == ("10.0.0.1", ["10.0.0.1"])


def test_a_name_that_leads_elsewhere_is_noticed_at_the_next_preview(
    plugin: Plugin, machine: Machine, healthy: None
) -> None:
    show(machine, {"hostname": NAME})
    state = opened(plugin, machine, NAME, "127.0.0.8", "127.0.0.9")

    difference = plugin.diff(KIND, state, inputs(machine))
    foreseen = plain(plugin.update(KIND, "it", state, inputs(machine), preview=True).properties)
    updated = plain(plugin.update(KIND, "it", state, inputs(machine)).properties)

    assert list(difference.diffs) == ["serviceName"]
    assert not difference.replaces
    assert {"address", "ports"} <= set(difference.stables)
    assert "ipAddresses" not in difference.stables
    assert foreseen["ipAddresses"] == updated["ipAddresses"] == ["127.0.0.1"]


def test_a_name_that_leads_where_it_did_is_no_change(plugin: Plugin, machine: Machine) -> None:
    show(machine, {"hostname": NAME})
    state = opened(plugin, machine, NAME, "127.0.0.1")

    assert not plugin.diff(KIND, state, inputs(machine)).diffs
    assert plain(plugin.read(KIND, "it", state).properties) == plain(state)


def test_a_refresh_follows_a_name(plugin: Plugin, machine: Machine) -> None:
    show(machine, {"hostname": NAME})

    read = plain(plugin.read(KIND, "it", opened(plugin, machine, NAME, "127.0.0.9")).properties)

    assert (read["address"], read["ipAddresses"]) == (NAME, ["127.0.0.1"])


def test_an_ip_address_that_moved_is_seen_by_a_refresh_and_asked_for_by_no_preview(
    plugin: Plugin, machine: Machine
) -> None:
    show(machine, {"ip": "10.0.0.2"})
    state = opened(plugin, machine, "10.0.0.1", "10.0.0.1")

    assert not plugin.diff(KIND, state, inputs(machine)).diffs
    read = plain(plugin.read(KIND, "it", state).properties)
    assert (read["address"], read["ipAddresses"]) == ("10.0.0.2", ["10.0.0.2"])


def test_an_address_that_was_asked_for_is_not_followed(plugin: Plugin, machine: Machine) -> None:
    show(machine, {"ip": "10.0.0.2"})
    state = opened(plugin, machine, "10.0.0.1", "10.0.0.1", expectedAddress="10.0.0.1")

    assert plain(plugin.read(KIND, "it", state).properties) == plain(state)


def test_a_gateway_or_cluster_that_is_away_for_a_while_is_no_change(plugin: Plugin, machine: Machine) -> None:
    state = opened(plugin, machine, NAME, "127.0.0.9")

    assert not plugin.diff(KIND, state, inputs(machine)).diffs
    assert plain(plugin.read(KIND, "it", state).properties) == plain(state)


def test_a_state_without_the_addresses_is_looked_at_anew_before_and_after_a_refresh(
    plugin: Plugin, machine: Machine
) -> None:
    """As it was written before there were such outputs."""
    state = opened(plugin, machine, "10.0.0.1", expectedAddress="10.0.0.1")

    refreshed = plugin.read(KIND, "it", state).properties

    for one in (state, refreshed):
        assert list(plugin.diff(KIND, one, inputs(machine, expectedAddress="10.0.0.1")).diffs) == ["serviceName"]


def test_a_gateway_behind_nodes_tells_their_addresses_and_ports(
    plugin: Plugin, machine: Machine, healthy: None
) -> None:
    show(machine)
    service = machine.answers[SERVICE]
    service["metadata"] = {"annotations": {"tether.node-addresses": "127.0.0.1,127.0.0.2"}}
    # The stand-in of the gateway listens at its own port.
    ports = [{"name": "status-port", "port": 15021, "nodePort": STATUS_PORT}, {"name": "tls", "port": 15443,
              "nodePort": 30043}]  # fmt: skip
    service["spec"] |= {"type": "NodePort", "ports": ports}

    outputs = plain(plugin.create(KIND, inputs(machine)).properties)

    assert (outputs["address"], outputs["ipAddresses"]) == ("127.0.0.1", ["127.0.0.1", "127.0.0.2"])
    assert outputs["ports"] == {"status-port": STATUS_PORT, "tls": 30043}
