"""Reads the picture off a mesh. What cannot be read becomes a gap with its reason; the rest is still shown."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import yaml

from tether import kube, mesh_probe, metadata
from tether.doctor import before, certificates, istiod, objects
from tether.doctor.view import ClusterView, MeshView
from tether.redact import redact
from tether.report.picture import Cluster, Gateway, Istiod, Picture, RemoteSecret

Fact = TypeVar("Fact")
_INGRESS = {"labelSelector": "istio=ingressgateway"}


class Gaps:
    """Collects what could not be read."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def read(self, what: str, read: Callable[[], Fact], otherwise: Fact) -> Fact:
        """Return the fact, or the other value where the API server or istiod does not give it."""
        try:
            return read()
        except kube.KubeError as error:
            reason = redact(str(error))
            if not any(reason in line for line in self.said):
                self.said.append(f"{what}: {reason}")
            return otherwise


def observe(view: MeshView) -> Picture:
    """Look at every cluster, side by side; nothing is changed."""
    states = Gaps().read("istiod", lambda: istiod.sync_status(view), dict[str, str]())

    def look(cluster: ClusterView) -> Cluster:
        return _cluster(view, cluster, states)

    with ThreadPoolExecutor(len(view.clusters) + 1) as pool:
        control_plane = pool.submit(_istiod, view)
        clusters = tuple(pool.map(look, view.clusters))
    roots = Gaps().read("root", lambda: certificates.parse(objects.mesh_root(view)), [])
    values = Gaps().read("values", lambda: _values(view.primary), {})
    mesh_config = Gaps().read("mesh configuration", lambda: _mesh_config(view.primary), {})
    return Picture(
        stack=view.mesh.blueprint.stack,
        mesh_id=str(values.get("global", {}).get("meshID") or ""),
        trust_domain=str(mesh_config.get("trustDomain") or view.mesh.blueprint.trust_domain),
        root_until=roots[0].not_valid_after_utc.date().isoformat() if roots else "",
        istiod=control_plane.result(),
        clusters=clusters,
    )


def _istiod(view: MeshView) -> Istiod:
    gaps = Gaps()
    pods = gaps.read("istiod", lambda: objects.istiod_pods(view.primary), [])
    return Istiod(
        host=view.mesh.istiod_host,
        version=gaps.read("version", lambda: istiod_version(view), ""),
        pods=len(pods),
        ready=sum(mesh_probe.is_ready(pod) for pod in pods),
    )


def istiod_version(view: MeshView) -> str:
    """Version that istiod tells, without build details: ``1.31.1``; raises KubeError."""
    # version-revision-status, of which the version alone may hold hyphens (istio/istio pkg/version).
    return istiod.text(view, "/version").strip().rsplit("-", 2)[0]


def _cluster(view: MeshView, cluster: ClusterView, states: dict[str, str]) -> Cluster:
    gaps = Gaps()
    member = cluster.cluster.member
    kubernetes = gaps.read("API server", lambda: str(cluster.get("/version")["gitVersion"]), "")
    secret = None if cluster.is_primary else gaps.read("remote secret", lambda: _secret(view, cluster, states), None)
    if not kubernetes:
        # Every other question would wait for the same silence.
        return Cluster(
            name=cluster.name, role=member.role, cluster_id=member.cluster_id, network=member.network,
            api_server=own_server(member.kubeconfig), secret=secret, gaps=tuple(gaps.said),
        )  # fmt: skip
    return Cluster(
        name=cluster.name,
        role=member.role,
        cluster_id=gaps.read("cluster ID", lambda: objects.cluster_id(cluster), member.cluster_id),
        network=gaps.read("network", lambda: objects.namespace_network(cluster) or before.network_of(cluster), ""),
        api_server=secret.server if secret and secret.server else own_server(member.kubeconfig),
        kubernetes=kubernetes,
        root=gaps.read("root certificate", lambda: root_fingerprint(cluster), ""),
        gateways=gaps.read("gateways", lambda: _gateways(cluster, objects.gateways(cluster)), ()),
        ingress=gaps.read("ingress gateways", lambda: _gateways(cluster, _ingress(cluster)), ()),
        istiod_addresses=() if cluster.is_primary else tuple(
            sorted(set(gaps.read("Service istiod", lambda: list(objects.sliced(objects.istiod_slices(cluster))), [])))
        ),
        secret=secret,
        gaps=tuple(gaps.said),
    )  # fmt: skip


def own_server(kubeconfig: str) -> str:
    """URL of the API server as this machine reaches it; empty where the kubeconfig does not say."""
    try:
        return kube.server_of(kubeconfig)
    except kube.KubeconfigError:
        return ""


def root_fingerprint(cluster: ClusterView) -> str:
    """SHA-256 fingerprint of the root that proxies in Istio's namespace are told; empty where there is none."""
    found = certificates.parse(objects.root_of(cluster, cluster.mesh.namespace))
    return certificates.full_fingerprint(found[0]) if found else ""


def _secret(view: MeshView, remote: ClusterView, states: dict[str, str]) -> RemoteSecret | None:
    found = objects.secret_of(view, remote)
    if found is None:
        return None
    secret, key, content = found
    credential = objects.credential(content)
    return RemoteSecret(
        name=f"{secret.namespace}/{secret.name}",
        cluster_id=key,
        server=credential.server if credential else "",
        state=states.get(key, ""),
    )


def _gateways(cluster: ClusterView, services: list[kube.Object]) -> tuple[Gateway, ...]:
    return tuple(_gateway(cluster, service) for service in services)


def _gateway(cluster: ClusterView, service: kube.Object) -> Gateway:
    entry = objects.entry(cluster, service)
    return Gateway(
        service=f"{service['metadata']['namespace']}/{service['metadata']['name']}",
        network=metadata.labels(service).get(objects.NETWORK_LABEL, ""),
        addresses=entry.addresses,
        ports=tuple(int(port["port"]) for port in metadata.listed(service["spec"], "ports")),
        outside={own: port for own, port in entry.ports.items() if own != port},
    )


def _ingress(cluster: ClusterView) -> list[kube.Object]:
    """Services for clients outside, by the label that Istio's own samples select their pods with."""
    return [service for service in cluster.list("/api/v1/services", _INGRESS)
            if service["spec"].get("type") == "LoadBalancer"]  # fmt: skip


def _values(primary: ClusterView) -> dict[str, Any]:
    """What istiod's chart was installed with (ConfigMap istio-sidecar-injector, key values)."""
    found = primary.find(primary.system("configmaps", primary.mesh.revision.injector))
    return cast("dict[str, Any]", json.loads(objects.data(found).get("values") or "{}"))


def _mesh_config(primary: ClusterView) -> dict[str, Any]:
    found = primary.find(primary.system("configmaps", primary.mesh.revision.mesh_config))
    return cast("dict[str, Any]", yaml.safe_load(objects.data(found).get("mesh") or "{}") or {})
