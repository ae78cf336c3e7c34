from typing import Any

import pytest

from tests.provider.fake_machine import ENVIRONMENT, NETWORK, NODE, Machine
from tests.provider.provider_harness import UNKNOWN, Plugin, failed, plain

OTHER = "0b0b0b0b"
INPUTS: dict[str, Any] = {"name": f"tether-{OTHER}", "runtime": "podman", "labels": {"environment": OTHER}}
OURS: dict[str, Any] = {"name": NETWORK, "runtime": "podman", "labels": {"environment": ENVIRONMENT}}


def test_a_network_has_a_free_subnet_and_gives_containers_the_lower_half(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", INPUTS)

    outputs = plain(created.properties)
    assert created.id == outputs["name"] == f"tether-{OTHER}"
    assert outputs["runtime"] == "podman"
    assert outputs["subnet"].endswith(".0/24")
    assert outputs["gateway"] == outputs["subnet"].replace(".0/24", ".1")
    (call,) = [call for call in machine.calls("podman") if call["arguments"][:2] == ["network", "create"]]
    arguments = call["arguments"]
    assert arguments[arguments.index("--ip-range") + 1] == outputs["subnet"].replace("/24", "/25")
    assert machine.networks[f"tether-{OTHER}"]["labels"] == {"tether.environment": OTHER}


def test_subnets_that_are_taken_are_passed_over(plugin: Plugin, machine: Machine) -> None:
    first = plain(plugin.create("ContainerNetwork", INPUTS).properties)["subnet"]
    machine.reset()
    machine.add_network("somebody", first)

    assert plain(plugin.create("ContainerNetwork", INPUTS).properties)["subnet"] != first


def test_a_subnet_lost_to_another_process_is_not_the_end(plugin: Plugin, machine: Machine) -> None:
    machine.mood(busy_subnets=3)

    created = plugin.create("ContainerNetwork", INPUTS)

    assert plain(created.properties)["subnet"] == machine.networks[f"tether-{OTHER}"]["subnets"][0]["subnet"]


def test_two_networks_made_at_once_do_not_overlap(plugin: Plugin) -> None:
    same_start = [{**INPUTS, "name": f"tether-{number}"} for number in range(4)]

    running = [plugin.create_future("ContainerNetwork", inputs) for inputs in same_start]

    subnets = {plain(one.result().properties)["subnet"] for one in running}
    assert len(subnets) == 4


def test_a_network_that_an_interrupted_run_left_is_taken_over(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", OURS)

    assert plain(created.properties)["subnet"] == "10.89.0.0/24"


def test_a_network_of_somebody_else_is_refused(plugin: Plugin, machine: Machine) -> None:
    error = failed(lambda: plugin.create("ContainerNetwork", {**OURS, "labels": {"environment": OTHER}}))

    assert "this stack did not make" in error.details()
    assert NETWORK in machine.networks


def test_reading_finds_a_network_or_finds_it_gone(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", INPUTS)

    same = plugin.read("ContainerNetwork", created.id, created.properties)
    plugin.delete("ContainerNetwork", created.id, created.properties)
    gone = plugin.read("ContainerNetwork", created.id, created.properties)

    assert same.properties == created.properties
    assert gone.id == ""


def test_an_import_needs_the_name_only(plugin: Plugin) -> None:
    imported = plugin.read("ContainerNetwork", NETWORK)

    assert plain(imported.inputs) == {**OURS, "members": [], "ipv6": False}
    assert not plugin.diff("ContainerNetwork", imported.properties, OURS).diffs


def test_clusters_keep_their_pools_when_others_come_and_go(plugin: Plugin, machine: Machine) -> None:
    three = {**INPUTS, "members": ["east", "west", "north"]}
    created = plugin.create("ContainerNetwork", three)
    assert plain(created.properties)["places"] == {"east": 0, "west": 1, "north": 2}

    other = {**INPUTS, "members": ["east", "north", "south"]}
    diff = plugin.diff("ContainerNetwork", created.properties, other)
    assert (list(diff.diffs), list(diff.replaces)) == (["members"], [])
    assert {"name", "subnet"} <= set(diff.stables)
    for preview in (True, False):
        updated = plugin.update("ContainerNetwork", created.id, created.properties, other, preview=preview)
        assert plain(updated.properties)["places"] == {"east": 0, "north": 2, "south": 3}

    found = plugin.read("ContainerNetwork", created.id, updated.properties)
    assert plain(found.properties)["places"] == {"east": 0, "north": 2, "south": 3}


def test_more_clusters_than_there_are_addresses_for_are_refused(plugin: Plugin) -> None:
    members = [f"c{index}" for index in range(16)]
    error = plugin.check("ContainerNetwork", {**INPUTS, "members": members}).failures[0]
    assert "there are addresses for 15" in error.reason


def test_deleting_twice_is_fine(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", INPUTS)

    plugin.delete("ContainerNetwork", created.id, created.properties)
    plugin.delete("ContainerNetwork", created.id, created.properties)

    assert f"tether-{OTHER}" not in machine.networks


def test_a_network_that_others_use_is_not_deleted(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", OURS)
    machine.add_container("somebody", "somebody")

    error = failed(lambda: plugin.delete("ContainerNetwork", created.id, created.properties))

    assert "used by containers that this stack did not make: somebody" in error.details()
    assert "podman rm --force somebody" in error.details()
    assert machine.containers == ["somebody"]


def test_nodes_that_a_killed_run_left_go_with_the_network(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", OURS)
    machine.add_container(NODE, "left-over", cluster=f"cluster1-{ENVIRONMENT}")

    plugin.delete("ContainerNetwork", created.id, created.properties)

    assert machine.containers == []
    assert NETWORK not in machine.networks


def test_a_kind_cluster_of_somebody_else_on_the_network_is_left_alone(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("ContainerNetwork", OURS)
    machine.add_container("guest-control-plane", "guest", cluster="guest")

    failed(lambda: plugin.delete("ContainerNetwork", created.id, created.properties))

    assert machine.containers == ["guest-control-plane"]


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        ({}, []),
        ({"runtime": "auto"}, []),
        ({"runtime": "docker"}, ["runtime"]),
        ({"name": "other"}, ["name"]),
        ({"name": UNKNOWN}, ["name"]),
        ({"labels": {"environment": "other"}}, ["labels"]),
    ],
)
def test_every_real_change_replaces_a_network(plugin: Plugin, change: dict[str, Any], replaced: list[str]) -> None:
    created = plugin.create("ContainerNetwork", INPUTS)

    assert list(plugin.diff("ContainerNetwork", created.properties, {**INPUTS, **change}).replaces) == replaced


def test_a_name_that_no_runtime_takes_is_refused(plugin: Plugin) -> None:
    (failure,) = plugin.check("ContainerNetwork", {**OURS, "name": "-x y"}).failures

    assert failure.property == "name"


@pytest.mark.parametrize("labels", [{}, {"labels": {}}, {"labels": {"environment": ""}}])
def test_a_network_that_would_be_nobodys_is_refused_before_it_is_made(plugin: Plugin, labels: dict[str, Any]) -> None:
    (failure,) = plugin.check("ContainerNetwork", {"name": NETWORK, **labels}).failures

    assert failure.property == "labels"


WITH_IPV6: dict[str, Any] = {**INPUTS, "ipv6": True}


def test_a_network_with_ipv6_has_the_subnet_that_its_environment_names(plugin: Plugin, machine: Machine) -> None:
    outputs = plain(plugin.create("ContainerNetwork", WITH_IPV6).properties)

    assert outputs["ipv6Subnet"] == "fd74:b0b:b0b::/64"
    (call,) = [call for call in machine.calls("podman") if call["arguments"][:2] == ["network", "create"]]
    arguments = call["arguments"]
    assert arguments[arguments.index("--ipv6") :][:7] == [
        "--ipv6", "--subnet", "fd74:b0b:b0b::/64", "--gateway", "fd74:b0b:b0b::1", "--ip-range", "fd74:b0b:b0b::/65",
    ]  # fmt: skip
    assert outputs["subnet"].endswith(".0/24"), "kind reaches the nodes by IPv4"


def test_a_network_has_no_ipv6_that_nobody_asked_for(plugin: Plugin, machine: Machine) -> None:
    outputs = plain(plugin.create("ContainerNetwork", INPUTS).properties)

    assert outputs["ipv6Subnet"] == ""
    (call,) = [call for call in machine.calls("podman") if call["arguments"][:2] == ["network", "create"]]
    assert not [part for part in call["arguments"] if "ipv6" in part or part.startswith("fd")]


def test_ipv6_addresses_that_are_taken_are_told_at_once(plugin: Plugin, machine: Machine) -> None:
    machine.add_network("somebody", "fd74:b0b:b0b::/64")

    error = failed(lambda: plugin.create("ContainerNetwork", WITH_IPV6))

    assert "subnet fd74:b0b:b0b::/64 is already used" in error.details()
    assert not [call for call in machine.calls("podman") if call["arguments"][:2] == ["network", "create"]]


def test_ipv6_addresses_that_another_process_takes_meanwhile_are_told_at_once(plugin: Plugin, machine: Machine) -> None:
    machine.mood(taken_ipv6="fd74:b0b:b0b::/64")

    error = failed(lambda: plugin.create("ContainerNetwork", WITH_IPV6))

    assert "subnet fd74:b0b:b0b::/64 is already used" in error.details()
    assert len([call for call in machine.calls("podman") if call["arguments"][:2] == ["network", "create"]]) == 1


def test_a_network_without_ipv6_is_no_remnant_to_take_over(plugin: Plugin, machine: Machine) -> None:
    error = failed(lambda: plugin.create("ContainerNetwork", {**OURS, "ipv6": True}))

    assert "has no IPv6" in error.details()
    assert f"podman network rm {NETWORK}" in error.details()
