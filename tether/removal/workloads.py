"""Workloads of a cluster that a proxy was injected into, and the commands that take them out of the mesh."""

import collections
import json
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tether import kube, metadata
from tether.revision import INJECT_LABEL
from tether.revision import LABEL as REVISION_LABEL

STATUS_ANNOTATION = "sidecar.istio.io/status"
"""Written by the webhook into every pod that it changes (istio/istio pkg/kube/inject/inject.go)."""
_PROXY = "istio-proxy"
_HASH_LABEL = "pod-template-hash"
_RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds that ``kubectl rollout restart`` knows."""
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Injected pods with one owner."""

    namespace: str
    kind: str
    name: str
    pods: tuple[str, ...]
    by_label: bool = False
    """The pods ask for injection themselves, so that the namespace's label alone does not bring it."""

    def __str__(self) -> str:
        number = f"{len(self.pods)} pods" if len(self.pods) > 1 else "1 pod"
        return f"{self.kind} {self.namespace}/{self.name}, {number}"

    def way_out(self, kubectl: str) -> tuple[str, ...]:
        """Commands that take it out of the mesh: the namespace's labels away, then new pods.

        Args:
            kubectl: How a user runs kubectl on the cluster.
        """
        unlabel = f"{kubectl} label namespace {self.namespace} istio-injection- {REVISION_LABEL}-"
        inside = f"{kubectl} -n {self.namespace}"
        if self.kind not in _RESTARTED:
            return unlabel, f"{inside} delete pod {shlex.join(self.pods)}"
        if not self.by_label:
            return unlabel, f"{inside} rollout restart {self.kind.lower()}/{self.name}"
        template = {"spec": {"template": {"metadata": {"labels": {INJECT_LABEL: "false"}}}}}
        patch = shlex.quote(json.dumps(template))
        return unlabel, f"{inside} patch {self.kind.lower()}/{self.name} --type merge -p {patch}"


def injected(api: kube.Api, istio_namespace: str, gateways: Collection[str]) -> list[Workload]:
    """Every workload with an injected proxy that runs, by namespace and name.

    Args:
        api: The cluster.
        istio_namespace: Where the mesh's own gateways are.
        gateways: Deployments there that go with the mesh.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    found: dict[tuple[str, str, str], list[kube.Object]] = collections.defaultdict(list)
    for pod in filter(_is_injected, kube.items(api.get("/api/v1/pods"))):
        kind, name = _owner(pod)
        namespace = str(pod["metadata"]["namespace"])
        if namespace != istio_namespace or name not in gateways:
            found[namespace, kind, name].append(pod)
    return [
        Workload(
            namespace=namespace, kind=kind, name=name,
            pods=tuple(sorted(map(metadata.name, pods))), by_label=any(map(_asks, pods)),
        )
        for (namespace, kind, name), pods in sorted(found.items(), key=lambda entry: entry[0])
    ]  # fmt: skip


def _is_injected(pod: kube.Object) -> bool:
    if pod.get("status", {}).get("phase") in _ENDED:
        return False
    return STATUS_ANNOTATION in metadata.annotations(pod) or _PROXY in _containers(pod)


def _containers(pod: kube.Object) -> Iterator[str]:
    """Names of containers, native sidecars included."""
    for key in ("containers", "initContainers"):
        yield from (str(container["name"]) for container in metadata.listed(pod["spec"], key))


def _asks(pod: kube.Object) -> bool:
    # The webhook writes the revision into an annotation; as a label it is the pod's own.
    labels = metadata.labels(pod)
    return labels.get(INJECT_LABEL) == "true" or REVISION_LABEL in labels


def _owner(pod: kube.Object) -> tuple[str, str]:
    """Kind and name of what makes the pod; of a Deployment's ReplicaSet the Deployment."""
    references = metadata.listed(pod["metadata"], "ownerReferences")
    owner = next((one for one in references if one.get("controller")), None)
    if owner is None:
        return "Pod", metadata.name(pod)
    kind, name = str(owner["kind"]), str(owner["name"])
    ending = f"-{metadata.labels(pod).get(_HASH_LABEL, '')}"
    # The Deployment controller names its ReplicaSets so; a ReplicaSet of somebody else has no such label.
    if kind == "ReplicaSet" and len(ending) > 1 and name.endswith(ending):
        return "Deployment", name.removesuffix(ending)
    return kind, name
