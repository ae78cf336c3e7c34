"""Every breakage changes its object, and the healthy one can be put back."""

import base64
from typing import Any

import pytest
import yaml

from conformance.breakages import BREAKAGES, applicable, broken

KUBECONFIG = {
    "clusters": [{"name": "cluster2", "cluster": {"server": "https://cluster2-control-plane:6443"}}],
    "users": [{"name": "cluster2", "user": {"token": "abc"}}],
}
METADATA: dict[str, Any] = {"name": "x", "resourceVersion": "7", "uid": "u", "managedFields": []}
OBJECTS: dict[str, dict[str, Any]] = {
    "secret": {
        "metadata": {**METADATA, "labels": {"istio/multiCluster": "true"}},
        "data": {"cluster2": base64.b64encode(yaml.safe_dump(KUBECONFIG).encode()).decode()},
    },
    "namespace": {
        "metadata": {
            **METADATA,
            "annotations": {"topology.istio.io/controlPlaneClusters": "cluster1"},
            "labels": {"topology.istio.io/network": "network2"},
        }
    },
    "clusterrole": {"metadata": METADATA, "rules": [{"apiGroups": ["discovery.k8s.io"], "resources": ["x"]}]},
    "mutatingwebhookconfiguration": {
        "metadata": METADATA, "webhooks": [{"clientConfig": {"service": {"path": "/inject/cluster/cluster2"}}}],
    },
    "endpointslice": {"metadata": METADATA, "endpoints": [{"addresses": ["10.89.7.128"]}]},
    "gateways.networking.istio.io": {
        "metadata": METADATA,
        "spec": {
            "selector": {"istio": "eastwestgateway"},
            "servers": [{"port": {"number": number}} for number in (15012, 15017)],
        },
    },
    "deployment": {"metadata": METADATA, "spec": {"replicas": 1}, "status": {"replicas": 1}},
}  # fmt: skip


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.title)
def test_a_breakage_changes_its_object_and_leaves_the_healthy_one_alone(breakage: Any) -> None:
    healthy = OBJECTS[breakage.kind]
    before = applicable(healthy)
    assert broken(healthy, breakage) != before
    assert applicable(healthy) == before


def test_a_breakage_that_changes_nothing_is_refused() -> None:
    idle = next(one for one in BREAKAGES if one.kind == "deployment")
    with pytest.raises(ValueError, match="as it was"):
        broken({"metadata": METADATA, "spec": {"replicas": 0}}, idle)


def test_what_the_api_server_adds_is_not_sent_back() -> None:
    sent = applicable(OBJECTS["deployment"])
    assert sent == {"metadata": {"name": "x"}, "spec": {"replicas": 1}}


def test_a_broken_token_is_still_a_kubeconfig() -> None:
    breakage = next(one for one in BREAKAGES if "token" in one.title)
    secret = broken(OBJECTS["secret"], breakage)
    document = yaml.safe_load(base64.b64decode(secret["data"]["cluster2"]))
    assert document["users"][0]["user"]["token"] == "abcx"
    assert document["clusters"] == KUBECONFIG["clusters"]
