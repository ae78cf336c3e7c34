"""What Envoy proxies say of themselves: version, image, and the certificate that they hold."""

import dataclasses
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from tether import kube, metadata, topology
from tether.doctor import istiod, objects
from tether.doctor.view import ClusterView, MeshView
from tether.redact import redact
from tether.report.observation import Gaps

PER_CLUSTER = 10
"""Workloads asked per cluster, beside the gateways: each costs a connection into its pod."""
_CONTAINER = "istio-proxy"
_SECONDS = 10.0
_WORKERS = 8


@dataclass(frozen=True, kw_only=True)
class WorkloadCertificate:
    """The certificate that a proxy shows to others."""

    identity: str
    """SPIFFE identity; empty where it has none."""
    since: datetime.datetime
    until: datetime.datetime


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """One proxy."""

    cluster: str
    """What the user calls its cluster."""
    name: str
    """``namespace/pod``."""
    is_gateway: bool
    image: str = ""
    istio: str = ""
    """Version of the agent, as its node metadata says."""
    envoy: str = ""
    certificate: WorkloadCertificate | None = None
    gap: str = ""
    """Why it does not say; empty where it does."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The proxies that were asked, and how many there are."""

    proxies: tuple[Proxy, ...] = ()
    connected: int = 0
    """How many are connected to istiod, those that were not asked included."""
    gap: str = ""
    """Why istiod does not say which there are; empty where it does."""


def survey(view: MeshView) -> Survey:
    """Ask every gateway, and of each cluster some of the other proxies."""
    gaps = Gaps()
    connected = gaps.read("proxies", lambda: istiod.proxies(view), [])
    asked = [one for cluster in view.clusters for one in _chosen(cluster, connected)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        proxies = tuple(pool.map(_ask, asked))
    return Survey(proxies=proxies, connected=len(connected), gap="; ".join(gaps.said))


@dataclass(frozen=True)
class _Asked:
    """A proxy that is to be asked."""

    cluster: ClusterView
    name: str
    """``namespace/pod``."""
    is_gateway: bool


def _chosen(cluster: ClusterView, connected: Sequence[kube.Object]) -> Iterator[_Asked]:
    """Gateways first, then some of the others."""
    gaps = Gaps()
    identity = gaps.read("cluster ID", lambda: objects.cluster_id(cluster), "")
    gateways = set(gaps.read("gateways", lambda: list(_gateway_pods(cluster)), list[str]()))
    others = sorted(_of(str(entry.get("proxy"))) for entry in connected if entry.get("cluster_id") == identity)
    yield from (_Asked(cluster, name, is_gateway=True) for name in sorted(gateways))
    yield from [_Asked(cluster, name, is_gateway=False) for name in others if name not in gateways][:PER_CLUSTER]


def _of(node: str) -> str:
    """``namespace/pod`` of a node name ``pod.namespace``."""
    pod, _, namespace = node.rpartition(".")
    return f"{namespace}/{pod}"


def _gateway_pods(cluster: ClusterView) -> Iterator[str]:
    for service in objects.gateways(cluster):
        selector = cast("Mapping[str, str]", service["spec"].get("selector") or {})
        namespace = service["metadata"]["namespace"]
        labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        pods = cluster.list(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": labels}) if labels else []
        yield from (f"{namespace}/{pod['metadata']['name']}" for pod in pods)


def _ask(asked: _Asked) -> Proxy:
    cluster, (namespace, pod) = asked.cluster, asked.name.split("/")
    seen = Proxy(cluster=cluster.name, name=asked.name, is_gateway=asked.is_gateway)
    try:
        found = cluster.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
        server, certificates = (_admin(cluster, namespace, pod, path) for path in ("server_info", "certs"))
    except kube.KubeError as error:
        return dataclasses.replace(seen, gap=redact(str(error)))
    return dataclasses.replace(
        seen,
        image=image_of(found),
        istio=str(server.get("node", {}).get("metadata", {}).get("ISTIO_VERSION") or ""),
        envoy=envoy_version(str(server.get("version") or "")),
        certificate=workload_certificate(certificates),
    )


def _admin(cluster: ClusterView, namespace: str, pod: str, path: str) -> dict[str, Any]:
    """Answer of Envoy's admin interface, asked inside the pod: it listens there alone."""
    answer = cluster.api.ask_pod(namespace, pod, topology.PROXY_ADMIN_PORT, f"/{path}", timeout=_SECONDS)
    try:
        return cast("dict[str, Any]", json.loads(answer))
    except ValueError:
        raise kube.KubeError(f"Envoy answers {path} with no JSON: {answer[:200]}") from None


def image_of(pod: kube.Object) -> str:
    """Image of a pod's proxy: a container, or an init container where it is a native sidecar."""
    spec = cast("kube.Object", pod["spec"])
    containers = [*metadata.listed(spec, "containers"), *metadata.listed(spec, "initContainers")]
    return next((str(one["image"]) for one in containers if one["name"] == _CONTAINER), "")


def envoy_version(full: str) -> str:
    """``1.39.3`` out of ``<commit>/1.39.3/Clean/RELEASE/BoringSSL`` (envoy, source/common/version)."""
    parts = full.split("/")
    return parts[1] if len(parts) > 1 else full


def workload_certificate(answer: Mapping[str, Any]) -> WorkloadCertificate | None:
    """The certificate with a SPIFFE identity, the one that ends first (envoy, admin/v3/certs.proto)."""
    found: list[WorkloadCertificate] = []
    for entry in cast("list[dict[str, Any]]", answer.get("certificates") or []):
        for one in cast("list[dict[str, Any]]", entry.get("cert_chain") or []):
            names = cast("list[dict[str, str]]", one.get("subject_alt_names") or [])
            identity = next((name["uri"] for name in names if name.get("uri", "").startswith("spiffe://")), "")
            if identity and one.get("expiration_time"):
                since, until = (datetime.datetime.fromisoformat(one[key]) for key in ("valid_from", "expiration_time"))
                found.append(WorkloadCertificate(identity=identity, since=since, until=until))
    return min(found, key=lambda one: one.until, default=None)
