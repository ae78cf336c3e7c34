"""What the fake docker tells was read off a real one; every other test of the provider is about podman."""

from typing import Any

from tests.provider.fake_machine import CLUSTER, ENVIRONMENT, INPUTS, NETWORK, NODE, Machine
from tests.provider.provider_harness import Plugin, failed, plain

OTHER = "0b0b0b0b"
NETWORK_INPUTS: dict[str, Any] = {
    "name": f"tether-{OTHER}",
    "runtime": "docker",
    "labels": {"environment": OTHER},
    "ipv6": True,
}
CLUSTER_INPUTS: dict[str, Any] = {**INPUTS, "runtime": "docker"}


def test_dockers_network_tells_its_gateway_and_both_subnets(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", NETWORK_INPUTS)

    outputs = plain(created.properties)
    assert outputs["runtime"] == "docker"
    assert outputs["gateway"] == outputs["subnet"].replace(".0/24", ".1")
    assert outputs["ipv6Subnet"] == "fd74:b0b:b0b::/64"
    assert plain(plugin.read("ContainerNetwork", created.id, created.properties).properties) == outputs

    plugin.delete("ContainerNetwork", created.id, created.properties)
    assert created.id not in machine.networks


def test_dockers_subnets_that_are_taken_are_passed_over(plugin: Plugin, machine: Machine) -> None:
    first = plain(plugin.create("ContainerNetwork", NETWORK_INPUTS).properties)["subnet"]
    machine.reset()
    machine.add_network("somebody", first)

    assert plain(plugin.create("ContainerNetwork", NETWORK_INPUTS).properties)["subnet"] != first


def test_dockers_ipv6_addresses_that_are_taken_are_told_at_once(plugin: Plugin, machine: Machine) -> None:
    machine.add_network("somebody", "fd74:b0b::/32")

    error = failed(lambda: plugin.create("ContainerNetwork", NETWORK_INPUTS))

    assert "ipv6 — subnet fd74:b0b:b0b::/64 is already used" in error.details()
    assert not [call for call in machine.calls("docker") if call["arguments"][:2] == ["network", "create"]]


def test_a_cluster_on_docker_is_made_seen_and_removed_with_its_volumes(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("Cluster", CLUSTER_INPUTS)

    outputs = plain(created.properties)
    (call,) = machine.calls("kind")
    assert call["environment"]["KIND_EXPERIMENTAL_DOCKER_NETWORK"] == NETWORK
    assert outputs["containerRuntime"] == "docker"
    assert [(node["name"], node["address"]) for node in outputs["nodes"]] == [(NODE, "10.89.0.2")]
    assert plain(plugin.read("Cluster", CLUSTER, created.properties).properties)["nodes"] == outputs["nodes"]
    assert machine.volumes

    plugin.delete("Cluster", CLUSTER, created.properties)
    assert (machine.containers, machine.volumes) == ([], [])


def test_what_a_killed_run_left_on_dockers_network_goes_with_it(plugin: Plugin, machine: Machine) -> None:
    network = {"name": NETWORK, "runtime": "docker", "labels": {"environment": ENVIRONMENT}}
    created = plugin.create("ContainerNetwork", network)
    plugin.create("Cluster", CLUSTER_INPUTS)

    plugin.delete("ContainerNetwork", NETWORK, created.properties)

    assert (machine.containers, NETWORK in machine.networks) == ([], False)
