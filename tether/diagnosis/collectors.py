"""What is collected of a mesh: one entry per kind of thing, each read by itself, so that each fails by itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from tether import kube, metadata, topology, trace
from tether.diagnosis.masking import Masking
from tether.doctor import document as examinations
from tether.doctor import istiod, rendering
from tether.doctor.examination import examine
from tether.doctor.registry import CHECKS
from tether.doctor.view import MeshView
from tether.mesh import Cluster, Mesh
from tether.trace import diagram, document

LOG_LINES = 2000
"""Of each container, the last ones."""
LOG_BYTES = 1024 * 1024
PROXY_BYTES = 8 * 1024 * 1024
_PROXY = "istio-proxy"
_PROXY_SECONDS = 20.0

_LISTS = {
    "nodes": "/api/v1/nodes",
    "namespaces": "/api/v1/namespaces",
    "events": "/api/v1/events",
    "pods": "/api/v1/pods",
    "services": "/api/v1/services",
    "endpoints": "/api/v1/endpoints",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "serviceaccounts": "/api/v1/serviceaccounts",
    "secrets": "/api/v1/secrets",
    "deployments": "/apis/apps/v1/deployments",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "mutatingwebhooks": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "validatingwebhooks": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
}
"""File by name: what of Kubernetes' own is read in every cluster."""
_GROUPS = (
    "networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io",
    "gateway.networking.k8s.io",
)  # fmt: skip
"""API groups of which everything is read."""
_ISTIOD = ("clusterz", "networkz", "syncz", "endpointz", "configz", "registryz")
"""Pages of istiod's debug interface."""
_ENVOY = ("config_dump", "clusters", "listeners", "certs", "stats", "server_info")
"""Pages of a proxy's administration interface; Envoy takes private keys out of them itself."""

Piece = tuple[str, str]
"""Name of a file below the collector's folder, and its content."""


@dataclass(frozen=True, kw_only=True)
class Collector:
    """One kind of thing."""

    name: str
    """Folder or file of the archive."""
    what: str
    read: Callable[[], Iterable[Piece]]
    """Reads it; an error ends this one and nothing else."""


def of_mesh(mesh: Mesh, masking: Masking) -> Iterator[Collector]:
    """Everything that can be read of a mesh.

    Args:
        mesh: open.
        masking: takes the secrets out of documents; the archive does so once more with every file.
    """
    for cluster in mesh.clusters:
        yield from _of_cluster(mesh, cluster, masking)
    view = MeshView(mesh)
    for page in _ISTIOD:
        yield Collector(
            name=f"istiod/{page}", what=f"istiod's /debug/{page}",
            read=lambda page=page: [("json", masking.document(istiod.debug(view, page)))],
        )  # fmt: skip
    yield Collector(name="doctor", what="the doctor's findings", read=lambda: _examination(mesh, masking))
    for remote in mesh.remotes:
        yield Collector(
            name=f"trace/{remote.name}", what=f"the first authentication of a proxy of {remote.name}",
            read=lambda remote=remote: _authentication(mesh, remote, masking),
        )  # fmt: skip


def _of_cluster(mesh: Mesh, cluster: Cluster, masking: Masking) -> Iterator[Collector]:
    place = f"clusters/{cluster.name}"
    for name, path in {"version": "/version", **_LISTS}.items():
        yield Collector(
            name=f"{place}/{name}", what=f"{name} of {cluster.name}",
            read=lambda path=path: [("json", masking.document(_get(cluster.api, path)))],
        )  # fmt: skip
    configuration = f"/api/v1/namespaces/{mesh.namespace}/configmaps"
    yield Collector(
        name=f"{place}/configmaps", what=f"Istio's configuration in {cluster.name}",
        read=lambda: [("json", masking.document(cluster.api.get(configuration)))],
    )  # fmt: skip
    for group in _GROUPS:
        yield Collector(
            name=f"{place}/{group}", what=f"{group} of {cluster.name}",
            read=lambda group=group: _of_group(cluster.api, group, masking),
        )  # fmt: skip
    yield Collector(name=f"{place}/logs", what=f"logs of {cluster.name}", read=lambda: _logs(mesh, cluster))
    yield Collector(
        name=f"{place}/proxies", what=f"configuration of the gateways of {cluster.name}",
        read=lambda: _proxies(mesh, cluster),
    )  # fmt: skip


def _get(api: kube.Api, path: str) -> kube.Object:
    """An object, or a list whose items say what they are, as they do not by themselves: by it a Secret is known."""
    found = api.get(path)
    if "items" not in found:
        return found
    kind = "Secret" if path.endswith("/secrets") else str(found.get("kind", "")).removesuffix("List")
    return {**found, "items": [{**item, "kind": kind} for item in kube.items(found)]}


def _of_group(api: kube.Api, group: str, masking: Masking) -> Iterator[Piece]:
    found = api.find(f"/apis/{group}")
    if found is None:
        return
    version = str(found["preferredVersion"]["groupVersion"])
    for resource in metadata.listed(api.get(f"/apis/{version}"), "resources"):
        name = str(resource["name"])
        if "/" not in name and "list" in resource.get("verbs", ()):
            listed = api.get(f"/apis/{version}/{name}")
            if kube.items(listed):
                yield f"{name}.json", masking.document(listed)


def _logs(mesh: Mesh, cluster: Cluster) -> Iterator[Piece]:
    """Logs of Istio's pods, and of what is not ready or was restarted anywhere."""
    for pod in kube.items(cluster.api.get("/api/v1/pods")):
        namespace, name = str(pod["metadata"]["namespace"]), metadata.name(pod)
        for state in _containers(pod):
            restarted = bool(state.get("restartCount"))
            if namespace != mesh.namespace and state.get("ready") and not restarted:
                continue
            for previous in (False, True)[: 1 + restarted]:
                file = f"{namespace}/{name}/{state['name']}{'.previous' if previous else ''}.log"
                yield file, _log(cluster.api, namespace, name, str(state["name"]), previous=previous)


def _containers(pod: kube.Object) -> Sequence[kube.Object]:
    status = cast("kube.Object", pod.get("status") or {})
    return [*metadata.listed(status, "initContainerStatuses"), *metadata.listed(status, "containerStatuses")]


def _log(api: kube.Api, namespace: str, pod: str, container: str, *, previous: bool) -> str:
    query = {"container": container, "tailLines": LOG_LINES, "timestamps": "true", "previous": str(previous).lower()}
    try:
        text = api.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log?{urlencode(query)}")
    except kube.KubeError as error:
        # A container that has not begun has no log; the others have.
        return f"no log: {error}\n"
    return text[-LOG_BYTES:]


def _proxies(mesh: Mesh, cluster: Cluster) -> Iterator[Piece]:
    for pod in kube.items(cluster.api.get(f"/api/v1/namespaces/{mesh.namespace}/pods")):
        if any(one["name"] == _PROXY and one.get("ready") for one in _containers(pod)):
            for page in _ENVOY:
                yield f"{metadata.name(pod)}/{page}.txt", _asked(cluster.api, mesh.namespace, metadata.name(pod), page)


def _asked(api: kube.Api, namespace: str, pod: str, page: str) -> str:
    try:
        answer = api.ask_pod(namespace, pod, topology.PROXY_ADMIN_PORT, f"/{page}", timeout=_PROXY_SECONDS)
    except kube.KubeError as error:
        return f"not answered: {error}\n"
    return answer[:PROXY_BYTES]


def _examination(mesh: Mesh, masking: Masking) -> Iterator[Piece]:
    found = examine(mesh, CHECKS)
    yield "json", masking.text(examinations.of_examination(mesh, found, 0).text())
    yield "md", masking.text(rendering.markdown(mesh, found))


def _authentication(mesh: Mesh, remote: Cluster, masking: Masking) -> Iterator[Piece]:
    record = trace.play(mesh, remote=remote.name, diagnose=False)
    yield "json", masking.text(document.write(record))
    yield "svg", masking.text(diagram.svg(record))
