"""A Deployment that was just written, and whether its pods have followed."""

from typing import cast

from tether import kube
from tether.gate import Finding
from tether.mesh_probe import is_ready, why_not_ready


def followed(cluster: kube.Api, namespace: str, name: str) -> Finding:
    """Whether every pod of a Deployment is of its last change and serves, as ``kubectl rollout status`` has it.

    One that does not exist has no pods that would have to follow.
    """
    found = cluster.find(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    if found is None:
        return Finding(ready=True, seen=f"no Deployment {name}")
    wanted, status = int(found["spec"].get("replicas", 1)), cast("kube.Object", found.get("status") or {})
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return Finding(ready=False, seen=f"Deployment {name} was not looked at yet")
    there, updated, serving = (int(status.get(key, 0)) for key in ("replicas", "updatedReplicas", "availableReplicas"))
    if updated >= wanted and there <= updated and serving >= updated:
        return Finding(ready=True, seen=f"{updated} of {wanted} pods of {name}")
    return Finding(
        ready=False,
        seen=f"of {wanted} pods of {name} {updated} are of its last change, and {serving} serve"
        + _what_waits(cluster, found),
        cause=f"the new pod cannot start; see: kubectl -n {namespace} describe deployment {name}",
    )


def _what_waits(cluster: kube.Api, deployment: kube.Object) -> str:
    selector = ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())
    path = f"/api/v1/namespaces/{deployment['metadata']['namespace']}/pods"
    for pod in kube.items(cluster.get(path, {"labelSelector": selector})):
        if not pod["metadata"].get("deletionTimestamp") and not is_ready(pod):
            return f"; {pod['metadata']['name']}: {why_not_ready(pod)}"
    return ""
