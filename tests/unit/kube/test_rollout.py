"""Whether pods have followed what was last written of their Deployment."""

from typing import Any

import pytest

from tests.unit.kube.fake_api import FakeApi, pod
from tether import rollout

PATH = "/apis/apps/v1/namespaces/istio-system/deployments/istiod"
PODS = "/api/v1/namespaces/istio-system/pods"
DONE = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


def deployment(**status: int) -> dict[str, Any]:
    return {
        "metadata": {"name": "istiod", "namespace": "istio-system", "generation": 2},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "istiod"}}},
        "status": DONE | status,
    }


def test_one_whose_pods_are_all_of_its_last_change_is_waited_for_no_more() -> None:
    api = FakeApi()
    api.objects[PATH] = deployment()
    assert rollout.followed(api, "istio-system", "istiod").ready


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        ({"observedGeneration": 1}, "was not looked at yet by Kubernetes; pod istiod-2: Ready: not ready yet"),
        ({"updatedReplicas": 0}, "0 of 1 pods are ready; pod istiod-2: Ready: not ready yet"),
        ({"replicas": 2}, "1 of its former pods still run; pod istiod-2: Ready: not ready yet"),
        ({"readyReplicas": 0, "availableReplicas": 0}, "0 of 1 pods are ready; pod istiod-2: Ready: not ready yet"),
    ],
    ids=["not taken up", "old pods only", "an old pod is left", "not ready"],
)
def test_one_whose_pods_have_not_followed_says_how_far_they_are(status: dict[str, int], seen: str) -> None:
    api = FakeApi()
    api.objects[PATH] = deployment(**status)
    waiting = pod("istiod-2")
    waiting["status"] = {"conditions": [{"type": "Ready", "status": "False", "message": "not ready yet"}]}
    api.objects[PODS] = {"items": [pod("istiod-1"), waiting]}

    finding = rollout.followed(api, "istio-system", "istiod")

    assert not finding.ready
    assert finding.seen == f"Deployment istiod: {seen}"
    assert "describe deployment istiod" in finding.cause


def test_one_that_was_just_made_has_no_state_yet() -> None:
    api = FakeApi()
    api.objects[PATH] = {key: value for key, value in deployment().items() if key != "status"}
    api.objects[PODS] = {"items": []}
    assert not rollout.followed(api, "istio-system", "istiod").ready


def test_where_there_is_none_nothing_has_to_follow() -> None:
    assert rollout.followed(FakeApi(), "istio-system", "istiod").ready


def test_a_daemon_set_is_asked_for_by_its_own_collection() -> None:
    api = FakeApi()
    status = {"observedGeneration": 1, "desiredNumberScheduled": 1, "numberReady": 0, "updatedNumberScheduled": 1}
    api.objects["/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"] = {
        "metadata": {"name": "kube-proxy", "generation": 1},
        "spec": {"selector": {"matchLabels": {"k8s-app": "kube-proxy"}}},
        "status": status,
    }
    api.objects["/api/v1/namespaces/kube-system/pods"] = {"items": []}

    finding = rollout.followed(api, "kube-system", "kube-proxy", "DaemonSet")

    assert (finding.ready, finding.seen) == (False, "DaemonSet kube-proxy: 0 of 1 pods are ready")
    assert "describe daemonset kube-proxy" in finding.cause
