"""Whether workloads run in the state that was last asked for, and why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from tether import kube, mesh_probe, metadata

KINDS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
"""What is waited for, by kind its collection in apps/v1."""
_HOPELESS = frozenset({"ErrImageNeverPull", "InvalidImageName"})
"""Reasons of a waiting container that no time mends (kubernetes pkg/kubelet/images/types.go)."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A workload of one cluster."""

    cluster: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.cluster}"


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a workload is."""

    workload: Workload
    seen: str = ""
    """Why it is not ready; empty where it is."""
    is_hopeless: bool = False


def look(api: kube.Api, namespace: str, workload: Workload) -> State:
    """Look how far it is.

    Raises:
        tether.kube.KubeError: the API server does not tell.
    """
    found = api.find(f"/apis/apps/v1/namespaces/{namespace}/{KINDS[workload.kind]}/{workload.name}")
    return State(workload=workload, seen="is not there") if found is None else of(api, namespace, workload, found)


def of(api: kube.Api, namespace: str, workload: Workload, found: kube.Object) -> State:
    """How far one is, as its object says and its pods.

    Raises:
        tether.kube.KubeError: the API server does not tell of the pods.
    """
    if not (seen := _missing(found)):
        return State(workload=workload)
    pods = list(_pods_of(api, namespace, found))
    why = [f"pod {metadata.name(pod)}: {mesh_probe.why_not_ready(pod)}" for pod in pods if not mesh_probe.is_ready(pod)]
    said = metadata.conditions(found).get("ReplicaFailure", "")
    return State(
        workload=workload,
        seen="; ".join([seen, *why[:2], *([said] if said else [])]),
        is_hopeless=any(_is_hopeless(pod) for pod in pods),
    )


def listed(api: kube.Api, namespace: str, cluster: str) -> Iterator[Workload]:
    """Workloads of a namespace.

    Raises:
        tether.kube.KubeError: the API server does not tell.
    """
    for kind, collection in KINDS.items():
        for item in kube.items(api.get(f"/apis/apps/v1/namespaces/{namespace}/{collection}")):
            yield Workload(cluster=cluster, kind=kind, name=metadata.name(item))


def _missing(found: kube.Object) -> str:
    """What is missing until it runs as it was last asked to."""
    status: kube.Object = found.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(found["metadata"].get("generation") or 0):
        return "was not looked at yet by Kubernetes"
    if "desiredNumberScheduled" in status:
        wanted, ready = int(status["desiredNumberScheduled"]), int(status.get("numberReady") or 0)
        updated, there = int(status.get("updatedNumberScheduled") or 0), int(status["desiredNumberScheduled"])
    else:
        replicas = found["spec"].get("replicas")
        wanted, ready = 1 if replicas is None else int(replicas), int(status.get("readyReplicas") or 0)
        updated, there = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    if there > wanted:
        return f"{there - wanted} of its former pods still run"
    if ready >= wanted and updated >= wanted:
        return ""
    return f"{min(ready, updated)} of {wanted} pods are ready"


def _pods_of(api: kube.Api, namespace: str, workload: kube.Object) -> Iterator[kube.Object]:
    labels: dict[str, str] = workload["spec"]["selector"].get("matchLabels") or {}
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    yield from kube.items(api.get(f"/api/v1/namespaces/{namespace}/pods", query))


def _is_hopeless(pod: kube.Object) -> bool:
    status: kube.Object = pod.get("status") or {}
    containers = [*metadata.listed(status, "initContainerStatuses"), *metadata.listed(status, "containerStatuses")]
    waiting: list[kube.Object] = [one["state"].get("waiting") or {} for one in containers if one.get("state")]
    return any(one.get("reason") in _HOPELESS for one in waiting)


def lines(api: kube.Api, namespace: str, cluster: str, log_lines: int) -> Iterator[str]:
    """Pods of a namespace and the end of what they logged, for people.

    Raises:
        tether.kube.KubeError: the API server does not tell.
    """
    for pod in kube.items(api.get(f"/api/v1/namespaces/{namespace}/pods")):
        name = metadata.name(pod)
        yield f"{cluster}: pod {name} " + (
            "is ready" if mesh_probe.is_ready(pod) else f"is not ready: {mesh_probe.why_not_ready(pod)}"
        )
        for container in pod["spec"]["containers"]:
            query = urlencode({"container": container["name"], "tailLines": log_lines})
            try:
                text = api.text(f"/api/v1/namespaces/{namespace}/pods/{name}/log?{query}")
            except kube.KubeError as error:
                text = f"no log: {error}"
            yield from (f"  {container['name']}: {line}" for line in text.splitlines())
