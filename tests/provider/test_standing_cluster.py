"""A cluster that is there: read, import, diff, delete."""

from typing import Any

import pytest
import yaml

from tests.provider.fake_machine import CLUSTER, INPUTS, NETWORK, NODE, Machine
from tests.provider.provider_harness import SECRET, SIGNATURE, UNKNOWN, Plugin, plain, raw, struct


def test_a_read_of_an_untouched_cluster_changes_nothing(plugin: Plugin) -> None:
    created = plugin.create("Cluster", INPUTS)

    read = plugin.read("Cluster", created.id, created.properties, struct(INPUTS))

    assert read.id == created.id
    assert read.properties == created.properties
    assert plain(read.inputs) == INPUTS


def test_a_deleted_cluster_is_found_gone(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("Cluster", INPUTS)
    machine.forget_containers()

    assert plugin.read("Cluster", created.id, created.properties).id == ""


def test_another_cluster_of_the_same_name_is_not_taken_for_ours(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("Cluster", INPUTS)
    machine.forget_containers()
    machine.add_container(NODE, "foreign", cluster=CLUSTER)

    assert plugin.read("Cluster", created.id, created.properties).id == ""
    plugin.delete("Cluster", created.id, created.properties)
    assert machine.containers == [NODE]


def test_a_new_address_of_the_api_server_is_found(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("Cluster", INPUTS)
    machine.change_container(NODE, address="10.89.0.77", port=7777)

    outputs = plain(plugin.read("Cluster", created.id, created.properties).properties)

    assert yaml.safe_load(outputs["kubeconfig"])["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:7777"
    assert outputs["nodes"][0]["address"] == "10.89.0.77"
    assert outputs["apiServer"] == plain(created.properties)["apiServer"]


def test_an_import_reads_everything_but_the_kind_settings(plugin: Plugin, machine: Machine) -> None:
    machine.add_container(NODE, "made-by-hand", cluster=CLUSTER)
    settings = "networking: {podSubnet: 10.7.0.0/16, serviceSubnet: 10.8.0.0/16}"
    machine.answers["/api/v1/namespaces/kube-system/configmaps/kubeadm-config"] = {
        "data": {"ClusterConfiguration": settings}
    }

    imported = plugin.read("Cluster", CLUSTER)

    inputs = plain(imported.inputs)
    assert (inputs["name"], inputs["network"], inputs["runtime"]) == (CLUSTER, NETWORK, "podman")
    assert (inputs["podCidr"], inputs["serviceCidr"]) == ("10.7.0.0/16", "10.8.0.0/16")
    assert inputs["ipFamily"] == "ipv4"
    assert inputs["kubernetesVersion"] == "1.34.4"
    assert raw(imported.properties)["kubeconfig"][SIGNATURE] == SECRET
    same = plugin.diff("Cluster", imported.properties, {**inputs, "kindConfig": {"featureGates": {"X": True}}})
    assert list(same.replaces) == []


def test_an_import_of_nothing_finds_nothing(plugin: Plugin) -> None:
    assert plugin.read("Cluster", "nobody").id == ""


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"name": "other-0a0a0a0a"}, ["name"]),
        ({"network": "other"}, ["network"]),
        ({"network": UNKNOWN}, ["network"]),
        ({"nodeImage": "other"}, ["nodeImage"]),
        ({"podCidr": "10.1.0.0/16"}, ["podCidr"]),
        ({"serviceCidr": "10.2.0.0/16"}, ["serviceCidr"]),
        ({"ipFamily": "dual"}, ["ipFamily"]),
        ({"ipFamily": "ipv4"}, []),
        ({"kindConfig": {"featureGates": {"X": True}}}, ["kindConfig"]),
        ({"runtime": "docker"}, ["runtime"]),
    ],
)
def test_what_a_cluster_is_made_of_replaces_it(plugin: Plugin, change: dict[str, Any], replaces: list[str]) -> None:
    created = plugin.create("Cluster", INPUTS)

    difference = plugin.diff("Cluster", created.properties, {**INPUTS, **change})

    assert list(difference.replaces) == replaces
    assert difference.deleteBeforeReplace


@pytest.mark.parametrize(
    "change", [{"createTimeoutSeconds": 600}, {"retainOnFailure": True}, {"kubernetesVersion": "1.34"}]
)
def test_how_it_is_made_does_not_replace_it(plugin: Plugin, change: dict[str, Any]) -> None:
    created = plugin.create("Cluster", INPUTS)

    difference = plugin.diff("Cluster", created.properties, {**INPUTS, **change})
    updated = plugin.update("Cluster", created.id, created.properties, {**INPUTS, **change})

    assert list(difference.diffs) == list(change)
    assert not difference.replaces
    assert "kubeconfig" in difference.stables
    before, after = plain(created.properties), plain(updated.properties)
    assert {key: after[key] for key in change} == change
    assert {key: after[key] for key in before if key not in change} == {
        key: before[key] for key in before if key not in change
    }


def test_nothing_changed_is_no_change(plugin: Plugin) -> None:
    created = plugin.create("Cluster", INPUTS)

    assert not plugin.diff("Cluster", created.properties, INPUTS).diffs
    assert not plugin.diff("Cluster", created.properties, {**INPUTS, "runtime": "auto"}).diffs


def test_a_delete_removes_nodes_and_volumes_and_may_be_repeated(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("Cluster", INPUTS)
    machine.add_container("bystander", "bystander")

    plugin.delete("Cluster", created.id, created.properties)
    plugin.delete("Cluster", created.id, created.properties)

    assert machine.containers == ["bystander"]
    assert machine.volumes == []
