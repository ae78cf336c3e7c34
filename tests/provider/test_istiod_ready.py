"""The gate of an istiod that was just written."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.provider.fake_machine import Machine
from tests.provider.provider_harness import Plugin, failed, plain

KIND = "IstiodReady"
SYSTEM = "/apis/apps/v1/namespaces/istio-system"
GATEWAYS = "/apis/networking.istio.io/v1/namespaces/istio-system/gateways"


def show(machine: Machine, name: str, **status: int) -> None:
    machine.answers[f"{SYSTEM}/deployments/{name}"] = {
        "metadata": {"name": name, "namespace": "istio-system", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "istiod"}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1} | status,
    }
    machine.answers["/api/v1/namespaces/istio-system/pods"] = {"items": []}
    machine.answers[GATEWAYS] = accepted


def accepted(body: Any, _: str) -> tuple[int, Any]:
    return 201, body


def inputs(machine: Machine, **more: Any) -> Mapping[str, Any]:
    return {"kubeconfig": machine.kubeconfig, "timeoutSeconds": 1, **more}


@pytest.mark.parametrize(("revision", "name"), [("", "istiod"), ("canary", "istiod-canary")])
def test_the_istiod_that_was_written_is_waited_for_and_no_other(
    plugin: Plugin, machine: Machine, revision: str, name: str
) -> None:
    other = "istiod-canary" if name == "istiod" else "istiod"
    show(machine, other, readyReplicas=0)
    show(machine, name)

    assert plain(plugin.create(KIND, {**inputs(machine), "revision": revision}).properties)["ready"]

    show(machine, name, readyReplicas=0)
    error = failed(lambda: plugin.create(KIND, {**inputs(machine), "revision": revision}))
    assert f"pods of {name}: not ready within 1 s" in error.details()
