"""Whether nodes have room for what runs the mesh: without it a new pod waits, while the old one goes on as it was."""

from collections.abc import Iterator
from dataclasses import dataclass

from tether import kube, metadata
from tether.doctor import fixes, objects
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, wrong
from tether.doctor.view import ClusterView, MeshView

_LITTLE = "cpu=100m,memory=256Mi"
"""Enough for a few clusters; the charts ask for half a core and 2 GiB for istiod."""


@dataclass(frozen=True)
class _Waiting:
    """A pod that no node takes."""

    name: str
    namespace: str
    owner: str
    """Kind and name of what it was made for, as kubectl takes them; empty where somebody made it by itself."""
    why: str


def _room(view: MeshView, cluster: ClusterView) -> Answer:
    found = [one for pod in _pods(view, cluster) if (one := _waiting(pod))]
    if not found:
        return ok("no pod of istiod or of a gateway waits for a node")
    lacks_room = all("Insufficient" in one.why and one.owner for one in found)
    return wrong(
        "; ".join(f"pod {one.name} of {cluster.name} waits for a node: {one.why}" for one in found),
        cause="until the new pod of a Deployment runs, the old one stays: for that time both need what they ask for"
        if lacks_room else "",
        fix="\n".join(_ask_for_less(cluster, one) if lacks_room else _show(cluster, one) for one in found),
    )  # fmt: skip


def _pods(view: MeshView, cluster: ClusterView) -> Iterator[kube.Object]:
    if cluster is view.primary:
        yield from objects.istiod_pods(cluster)
    for service in objects.gateways(cluster):
        yield from objects.pods_of(cluster, service)


def _waiting(pod: kube.Object) -> _Waiting | None:
    meta = pod["metadata"]
    for condition in metadata.listed(pod["status"], "conditions"):
        if (condition["type"], condition["status"], condition.get("reason")) == (
            "PodScheduled", "False", "Unschedulable",
        ):  # fmt: skip
            why = str(condition.get("message", "")).partition(". ")[0]
            return _Waiting(str(meta["name"]), str(meta["namespace"]), _owner(pod), why)
    return None


def _owner(pod: kube.Object) -> str:
    owners = metadata.listed(pod["metadata"], "ownerReferences")
    if not owners:
        return ""
    kind, name = str(owners[0]["kind"]), str(owners[0]["name"])
    # A Deployment's ReplicaSets are named after it and the hash of their template.
    return f"deployment {name.rpartition('-')[0]}" if kind == "ReplicaSet" else f"{kind.lower()} {name}"


def _ask_for_less(cluster: ClusterView, waiting: _Waiting) -> str:
    return "# for good: resources.requests in the values of its chart; or a node with more\n" + fixes.kubectl(
        cluster, f"-n {waiting.namespace} set resources {waiting.owner} --requests {_LITTLE}"
    )


def _show(cluster: ClusterView, waiting: _Waiting) -> str:
    return fixes.kubectl(cluster, f"-n {waiting.namespace} describe pod {waiting.name}")


CHECKS = (
    Check(
        id="D41", title="Nodes have room for new pods of istiod and the gateways", family=Family.AFTER,
        scope=Scope.CLUSTER, severity=Severity.WARNING, needs=("D23", "D32", "D37"),
        symptom="An upgrade or a change of settings ends with: context deadline exceeded.",
        cause="No node may or can take the pod.",
        remedy="Have the pods ask for less, or give the cluster another node.",
        probe=_room,
    ),
)  # fmt: skip
