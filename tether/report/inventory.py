"""Which version of what runs where."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tether.doctor import objects
from tether.doctor.view import MeshView
from tether.report.observation import Gaps
from tether.report.picture import Picture
from tether.report.proxies import Proxy


@dataclass(frozen=True, kw_only=True)
class Version:
    """A part and the version of it that was seen."""

    part: str
    where: str
    version: str
    """Empty where it could not be read."""
    note: str = ""


def data_plane(view: MeshView) -> str:
    """Which kind of proxy istiod writes configuration for; empty where istiod cannot be looked at.

    Plain Envoy lacks Istio's own filters, so istiod must be told not to send them
    (istio/istio pilot/pkg/features, PILOT_ENABLE_ALPN_FILTER).
    """
    switch = Gaps().read("istiod", lambda: objects.istiod_variable(view.primary, "PILOT_ENABLE_ALPN_FILTER"), None)
    if switch is None:
        return ""
    return "plain upstream Envoy" if switch == "false" else "Istio's proxy"


def versions(picture: Picture, proxies: Sequence[Proxy], plane: str) -> Iterator[Version]:
    """Tether, Kubernetes, istiod, data plane, then the proxies: those alike in one line.

    Args:
        picture: the mesh.
        proxies: those that were asked.
        plane: what ``data_plane`` said.
    """
    yield Version(part="Tether", where="this report", version=importlib.metadata.version("tether"))
    for cluster in picture.clusters:
        yield Version(part="Kubernetes", where=cluster.name, version=cluster.kubernetes)
    yield Version(part="istiod", where=picture.primary.name, version=picture.istiod.version)
    yield Version(part="Data plane", where="every cluster", version=plane)
    groups: dict[tuple[str, str, str], list[str]] = {}
    for proxy in proxies:
        if not proxy.gap:
            groups.setdefault((proxy.envoy, proxy.istio, proxy.image), []).append(proxy.cluster)
    for (envoy, istio, image), clusters in groups.items():
        where = ", ".join(dict.fromkeys(clusters))
        yield Version(part="Envoy", where=where, version=envoy, note=f"image {image}")
        yield Version(part="Istio agent", where=where, version=istio)
