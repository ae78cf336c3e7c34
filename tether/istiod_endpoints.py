"""A remote's Service istiod and what is behind it: EndpointSlices, and v1 Endpoints for API servers that read those."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from tether import kube
from tether.addresses import family
from tether.revision import DEFAULT, Revision
from tether.topology import WEBHOOK_PORT, XDS_PORT

SERVICE_LABEL = "kubernetes.io/service-name"
"""Ties an EndpointSlice to its Service."""
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
MANAGER = "tether"
NOT_MIRRORED = {"endpointslice.kubernetes.io/skip-mirror": "true"}
"""Without this label Kubernetes makes an EndpointSlice of every Endpoints that has a Service without selector."""


class Port(TypedDict):
    """One port, in the words that EndpointSlices and Endpoints share."""

    name: str
    port: int
    protocol: str


def ports(xds: int = XDS_PORT, webhook: int = WEBHOOK_PORT) -> tuple[Port, ...]:
    """Ports behind the Service, under its own names for them, by which they are found.

    Args:
        xds: port to go to for discovery and certificates.
        webhook: port to go to for injection.
    """
    return (
        Port(name="tcp-istiod", port=xds, protocol="TCP"),
        Port(name="tcp-webhook", port=webhook, protocol="TCP"),
    )


PORTS = ports()
"""Where the primary's gateway has a load balancer."""


SERVICE_PORTS: tuple[Mapping[str, Any], ...] = (
    {"name": "tcp-istiod", "port": XDS_PORT, "protocol": "TCP"},
    {"name": "tcp-webhook", "port": 443, "targetPort": WEBHOOK_PORT, "protocol": "TCP"},
)
"""Ports of the Service itself, as Istio's chart has them (templates/remote-istiod-service.yaml)."""


def service(namespace: str, revision: Revision = DEFAULT) -> kube.Object:
    """The Service that Istio's chart makes in a remote."""
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": revision.istiod, "namespace": namespace},
        "spec": {"ports": [dict(port) for port in SERVICE_PORTS]},
    }  # fmt: skip


def endpoint_slice(
    namespace: str,
    addresses: Sequence[str],
    address_type: str = "",
    behind: Sequence[Port] = PORTS,
    *,
    revision: Revision = DEFAULT,
) -> kube.Object:
    """The EndpointSlice that Istio's chart makes, with any number of addresses of one family.

    Args:
        namespace: Istio's.
        addresses: IP addresses of the primary's gateway.
        address_type: their family, where they do not say it themselves.
        behind: ports to go to at the addresses.
        revision: whose istiod it is.
    """
    name = revision.istiod
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {SERVICE_LABEL: name}},
        "addressType": address_type or family(addresses[0]),
        "endpoints": [{"addresses": [address]} for address in addresses],
        "ports": [dict(port) for port in behind],
    }  # fmt: skip


def endpoints(
    namespace: str, addresses: Sequence[str], behind: Sequence[Port] = PORTS, *, revision: Revision = DEFAULT
) -> kube.Object:
    """The v1 Endpoints beside it."""
    subset = {"addresses": [{"ip": address} for address in addresses], "ports": [dict(port) for port in behind]}
    return {
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": revision.istiod, "namespace": namespace, "labels": dict(NOT_MIRRORED)},
        "subsets": [subset],
    }  # fmt: skip
