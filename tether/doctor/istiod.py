"""What istiod itself says, asked inside its pod: its debug interface listens there alone."""

import http
import json
import re
from typing import Any, cast

from tether import kube, mesh_probe, topology
from tether.doctor.objects import istiod_pods
from tether.doctor.view import MeshView

_SECONDS = 6.0
"""istiod answers in milliseconds; one that is stopped never does."""
_SYNC_STATUS = "istiod_remote_cluster_sync_status"
_CLOSED = "closed"
"""The metric says so for good once a remote secret changed: the old connection ends after the new one has synced, and
both report under the one cluster ID (``PendingClusterSwap.Complete``, istio pkg/kube/multicluster/clusterstore.go)."""
_SERIES = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
"""Prometheus' text format, as far as istiod's names need it."""


def debug(view: MeshView, path: str) -> Any:
    """Answer of istiod's debug interface as JSON, asked once.

    Raises:
        tether.kube.KubeError: istiod is not ready, does not answer, or may not be asked; names the missing right.
    """
    return json.loads(text(view, f"/debug/{path}"))


def is_silent(view: MeshView) -> bool:
    """Whether istiod, asked twice inside its pod, does not answer in time; who may not ask takes it to answer."""
    try:
        text(view, "/version")
    except kube.KubeError as error:
        if not isinstance(error, kube.KubeTimeoutError):
            return False
        try:
            _ask(view, "/version", 2 * _SECONDS)
        except kube.KubeTimeoutError:
            return True
        except kube.KubeError:
            return False
    return False


def text(view: MeshView, path: str) -> str:
    """Answer of a path of istiod's monitoring port as text, asked once; raises KubeError as ``debug`` does."""
    return view.facts.once(("istiod", path), lambda: _ask(view, path))


def _ask(view: MeshView, path: str, seconds: float = _SECONDS) -> str:
    pods = [pod for pod in istiod_pods(view.primary) if mesh_probe.is_ready(pod)]
    if not pods:
        raise kube.KubeError(f"no istiod pod is ready in {view.namespace} of {view.primary.name}")
    name = str(pods[0]["metadata"]["name"])
    try:
        return view.primary.api.ask_pod(view.namespace, name, topology.MONITORING_PORT, path, timeout=seconds)
    except kube.KubeTimeoutError as error:
        raise kube.KubeTimeoutError(f"istiod cannot be asked: {error}") from None
    except kube.KubeError as error:
        if error.status != http.HTTPStatus.FORBIDDEN:
            raise kube.KubeError(f"istiod cannot be asked: {error}", error.status) from None
        return _through_api_server(view, name, path)


def _through_api_server(view: MeshView, pod: str, path: str) -> str:
    """What istiod tells to anybody: its metrics and version, but not its debug interface."""
    where = f"in namespace {view.namespace} of {view.primary.name}"
    if path.startswith("/debug/"):
        raise kube.KubeError(
            f"istiod cannot be asked for {path}: needs the rights to create and get pods/portforward {where}",
            http.HTTPStatus.FORBIDDEN,
        )
    port = f"{pod}:{topology.MONITORING_PORT}"
    try:
        return view.primary.api.text(f"/api/v1/namespaces/{view.namespace}/pods/{port}/proxy{path}")
    except kube.KubeError as error:
        raise kube.KubeError(
            f"istiod cannot be asked for {path}: needs the rights to create and get pods/portforward, or to get "
            f"pods/proxy, {where}: {error}",
            error.status,
        ) from None


def metric(view: MeshView, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of every series of one of istiod's metrics; raises KubeError as ``debug`` does."""
    return [
        (dict(_LABEL.findall(match["labels"] or "")), float(match["value"]))
        for match in map(_SERIES.fullmatch, text(view, "/metrics").splitlines())
        if match and match["name"] == name
    ]


def sync_status(view: MeshView) -> dict[str, str]:
    """State of every cluster that istiod reads, by cluster ID (``/debug/clusterz``): synced, syncing or timeout.

    Who may not ask the debug interface gets the same from istiod's metrics (since Istio 1.29), unless they say of a
    cluster what may be true of its former connection alone.
    """
    try:
        clusters = cast("list[kube.Object]", debug(view, "clusterz") or [])
    except kube.KubeError as error:
        if error.status != http.HTTPStatus.FORBIDDEN:
            raise
        told = {labels["cluster"]: labels["status"] for labels, value in metric(view, _SYNC_STATUS) if value}
        if not told or _CLOSED in told.values():
            raise
        return told
    return {str(entry["id"]): str(entry.get("syncStatus")) for entry in clusters}


def networks(view: MeshView) -> list[kube.Object]:
    """The gateways that istiod knows (``/debug/networkz``): Network, Cluster, Addr, Port."""
    return cast("list[kube.Object]", debug(view, "networkz") or [])


def proxies(view: MeshView) -> list[kube.Object]:
    """The proxies that are connected (``/debug/syncz``): cluster_id, proxy (``pod.namespace``) and what was sent."""
    return cast("list[kube.Object]", debug(view, "syncz") or [])


def endpoints(view: MeshView) -> list[tuple[str, str, kube.Object]]:
    """Every endpoint that istiod knows (``/debug/endpointShardz``): service host, cluster ID, endpoint."""
    found: list[tuple[str, str, kube.Object]] = []
    for host, namespaces in cast("dict[str, Any]", debug(view, "endpointShardz") or {}).items():
        for shards in cast("dict[str, Any]", namespaces).values():
            for shard, members in cast("dict[str, list[kube.Object] | None]", shards.get("Shards") or {}).items():
                found += [(host, shard.partition("/")[2], member) for member in members or ()]
    return found
