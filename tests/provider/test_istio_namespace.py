"""Istio's namespace in a cluster that is somebody else's."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tether_provider import istio_namespace
from tether_provider.errors import ProviderError
from tether_provider.log import EngineLog, ResourceLog
from tether_provider.resource import Operation

from tests.provider.fake_machine import Machine
from tests.provider.provider_harness import Plugin, failed, plain, raw
from tether import kube

KIND = "IstioNamespace"
NAME = "istio-system"
PATH = f"/api/v1/namespaces/{NAME}"
LABELS = {"topology.istio.io/network": "network1", "team": "mesh"}
ANNOTATIONS = {"topology.istio.io/controlPlaneClusters": "cluster1"}


CONFIG_MAPS = "/api/v1/configmaps"
INSIDE = f"{PATH}/configmaps"
LOCK = "control-plane.alpha.kubernetes.io/leader"


@pytest.fixture(autouse=True)
def no_config_maps(machine: Machine) -> None:
    for listing in (CONFIG_MAPS, INSIDE):
        machine.answers[listing] = {"items": []}


def inputs(machine: Machine, **more: Any) -> dict[str, Any]:
    return {"kubeconfig": machine.kubeconfig, "name": NAME, "labels": LABELS, "annotations": ANNOTATIONS, **more}


def theirs(machine: Machine, **metadata: Any) -> dict[str, Any]:
    """A namespace that somebody made before."""
    machine.answers[PATH] = {"metadata": {"name": NAME, **metadata}}
    return machine.answers[PATH]["metadata"]


def test_an_absent_namespace_is_made_and_goes_at_the_end(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create(KIND, inputs(machine))

    assert created.id == NAME
    assert plain(created.properties)["made"] is True
    annotations = {**ANNOTATIONS, "tether.made": "true"}
    assert machine.answers[PATH]["metadata"] == {"name": NAME, "labels": LABELS, "annotations": annotations}
    plugin.delete(KIND, NAME, created.properties)
    assert PATH not in machine.answers
    plugin.delete(KIND, NAME, created.properties)


def test_a_namespace_that_was_there_is_patched_and_given_back_as_it_was(plugin: Plugin, machine: Machine) -> None:
    before = {"labels": {"team": "platform", "theirs": "1"}, "annotations": {"theirs": "2"}}
    namespace = theirs(machine, **{kind: dict(marks) for kind, marks in before.items()})

    created = plugin.create(KIND, inputs(machine))

    assert plain(created.properties)["made"] is False
    assert namespace["labels"] == {"theirs": "1", **LABELS}
    plugin.delete(KIND, NAME, created.properties)
    assert machine.answers[PATH]["metadata"] == {"name": NAME, **before}


def test_what_somebody_changed_meanwhile_is_left_as_they_want_it(plugin: Plugin, machine: Machine) -> None:
    namespace = theirs(machine, labels={"team": "platform"})
    created = plugin.create(KIND, inputs(machine))
    namespace["labels"]["team"] = "somebody-else"

    plugin.delete(KIND, NAME, created.properties)

    assert namespace["labels"] == {"team": "somebody-else"}
    assert namespace["annotations"] == {}


def test_other_labels_give_back_those_that_are_no_longer_ours(plugin: Plugin, machine: Machine) -> None:
    namespace = theirs(machine, labels={"team": "platform", "cost": "1"})
    created = plugin.create(KIND, inputs(machine))
    other = inputs(machine, labels={"topology.istio.io/network": "network1", "cost": "2"})

    updated = plugin.update(KIND, NAME, created.properties, other)

    assert namespace["labels"] == {"topology.istio.io/network": "network1", "team": "platform", "cost": "2"}
    plugin.delete(KIND, NAME, updated.properties)
    assert namespace["labels"] == {"team": "platform", "cost": "1"}


def test_a_label_that_was_taken_away_by_hand_is_drift(plugin: Plugin, machine: Machine) -> None:
    namespace = theirs(machine)
    created = plugin.create(KIND, inputs(machine))
    assert list(plugin.diff(KIND, created.properties, inputs(machine)).diffs) == []
    namespace["labels"].pop("team")

    found = plugin.read(KIND, NAME, created.properties)

    assert list(plugin.diff(KIND, found.properties, inputs(machine)).diffs) == ["labels"]
    updated = plugin.update(KIND, NAME, found.properties, inputs(machine))
    assert namespace["labels"] == LABELS
    plugin.delete(KIND, NAME, updated.properties)
    assert namespace == {"name": NAME, "labels": {}, "annotations": {}}


def test_a_namespace_that_is_gone_is_found_gone(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create(KIND, inputs(machine))
    machine.answers.pop(PATH)

    assert plugin.read(KIND, NAME, created.properties).id == ""


def test_a_namespace_in_its_removal_is_not_taken(plugin: Plugin, machine: Machine) -> None:
    theirs(machine, deletionTimestamp="2026-01-01T00:00:00Z")
    machine.answers[PATH]["status"] = {"conditions": [{"status": "True", "message": "a finalizer remains"}]}

    error = failed(lambda: plugin.create(KIND, inputs(machine)))

    assert "does not come to its end: a finalizer remains" in error.details()
    assert f"kubectl -n {NAME} get" in error.details()


def test_the_kubeconfig_stays_secret(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create(KIND, inputs(machine))

    assert raw(created.properties)["kubeconfig"]["value"]


@pytest.mark.parametrize("other", [{"name": "istio-other"}])
def test_another_name_is_another_namespace(plugin: Plugin, machine: Machine, other: dict[str, Any]) -> None:
    created = plugin.create(KIND, inputs(machine))

    assert list(plugin.diff(KIND, created.properties, inputs(machine, **other)).replaces) == ["name"]


def test_what_istiod_wrote_goes_with_the_namespace(plugin: Plugin, machine: Machine) -> None:
    theirs(machine)
    created = plugin.create(KIND, inputs(machine))
    written: dict[str, list[tuple[str, str, dict[str, str]]]] = {
        CONFIG_MAPS: [("shop", "istio-ca-root-cert", {}), ("shop", "istio-ca-crl", {}), ("shop", "own", {})],
        INSIDE: [(NAME, "istio-leader", {LOCK: "{}"}), (NAME, "settings", {})],
    }
    paths: dict[str, str] = {}
    for listing, maps in written.items():
        for namespace, name, annotations in maps:
            body = {"metadata": {"name": name, "namespace": namespace, "annotations": annotations}}
            machine.answers[listing]["items"].append(body)
            paths[name] = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
            machine.answers[paths[name]] = body

    plugin.delete(KIND, NAME, created.properties)

    assert {name for name, path in paths.items() if path in machine.answers} == {"own", "settings"}


@pytest.mark.parametrize("allowed", [True, False])
def test_a_cluster_that_does_not_answer_is_given_up_only_where_that_was_asked_for(
    start_plugin: Callable[..., Plugin], machine: Machine, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    if allowed:
        monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    plugin = start_plugin()
    created = plugin.create(KIND, inputs(machine))
    silent = machine.kubeconfig.replace(machine.api_server, "https://127.0.0.1:1")
    created.properties.update({"kubeconfig": silent})

    if allowed:
        assert plugin.read(KIND, NAME, created.properties).id == ""
        plugin.delete(KIND, NAME, created.properties)
    else:
        for ask in (plugin.read, plugin.delete):
            assert "namespace istio-system" in failed(lambda ask=ask: ask(KIND, NAME, created.properties)).details()


def test_finalizers_that_nobody_serves_end_the_wait_with_what_they_hold(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(istio_namespace, "_HELD_SECONDS", 0.2)
    theirs(machine, deletionTimestamp="2026-01-01T00:00:00Z")
    held = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "x.test/y in 1 resource instances"}
    machine.answers[PATH]["status"] = {"conditions": [held]}
    operation = Operation("urn", ResourceLog(EngineLog("127.0.0.1:1"), "urn"), threading.Event(), 0)

    with kube.connect(machine.kubeconfig) as cluster, pytest.raises(ProviderError, match=r"x\.test/y in 1 resource"):
        istio_namespace.await_end(operation, cluster, NAME)
