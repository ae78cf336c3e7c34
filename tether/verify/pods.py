"""Pods of the echo application."""

from typing import cast

from tether import kube, mesh_probe


def ready_pod(api: kube.Api, namespace: str, selector: str = "") -> tuple[str, str]:
    """Name of a ready pod, or nothing and why there is none.

    Raises:
        tether.kube.KubeError: the API server does not tell.
    """
    query = {"labelSelector": selector} if selector else None
    pods = kube.items(api.get(f"/api/v1/namespaces/{namespace}/pods", query))
    for pod in pods:
        if mesh_probe.is_ready(pod):
            return str(pod["metadata"]["name"]), ""
    if pods:
        return "", mesh_probe.why_not_ready(pods[0])
    sets = kube.items(api.get(f"/apis/apps/v1/namespaces/{namespace}/replicasets", query))
    messages = [
        str(condition.get("message"))
        for entry in sets
        for condition in cast("list[kube.Object]", entry.get("status", {}).get("conditions") or [])
    ]
    return "", next(iter(messages), "no pod was made yet")
