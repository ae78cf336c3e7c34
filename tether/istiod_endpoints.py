"""What stands behind a remote's Service istiod: EndpointSlices, and v1 Endpoints for API servers that read those."""

from collections.abc import Sequence
from typing import TypedDict

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


PORTS = (
    Port(name="tcp-istiod", port=XDS_PORT, protocol="TCP"),
    Port(name="tcp-webhook", port=WEBHOOK_PORT, protocol="TCP"),
)
"""Under the Service's names for them, by which they are found."""


def endpoint_slice(
    namespace: str, addresses: Sequence[str], address_type: str = "", *, revision: Revision = DEFAULT
) -> kube.Object:
    """The EndpointSlice that Istio's chart makes, with any number of addresses of one family.

    Args:
        namespace: Istio's.
        addresses: IP addresses of the primary's gateway.
        address_type: their family, where they do not say it themselves.
        revision: whose istiod it is.
    """
    service = revision.istiod
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": service, "namespace": namespace, "labels": {SERVICE_LABEL: service}},
        "addressType": address_type or family(addresses[0]),
        "endpoints": [{"addresses": [address]} for address in addresses],
        "ports": [dict(port) for port in PORTS],
    }  # fmt: skip


def endpoints(namespace: str, addresses: Sequence[str], *, revision: Revision = DEFAULT) -> kube.Object:
    """The v1 Endpoints beside it."""
    subset = {"addresses": [{"ip": address} for address in addresses], "ports": [dict(port) for port in PORTS]}
    return {
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": revision.istiod, "namespace": namespace, "labels": dict(NOT_MIRRORED)},
        "subsets": [subset],
    }  # fmt: skip
