"""A remote's Service istiod and what stands behind it, as far as Istio's chart does not make them."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.kubernetes_object import KubernetesObject
from components.labels import metadata
from tether import addresses
from tether.istiod_endpoints import (
    MANAGED_BY_LABEL,
    MANAGER,
    NOT_MIRRORED,
    PORTS,
    SERVICE_LABEL,
    SERVICE_PORTS,
    ports,
)

NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""Annotation of a Service without pods of its own, whose endpoints come only after it."""


class IstiodPortsArgs(TypedDict):
    """Ports of nodes that lead to istiod."""

    xds: int
    """To discovery and certificates."""
    webhook: int
    """To the injection webhook."""


class IstiodEndpointsArgs(TypedDict):
    """Where istiod is, and who must be told."""

    namespace: pulumi.Input[str]
    """Istio's namespace."""
    service: str
    """Istiod's Service."""
    addresses: pulumi.Input[list[str]]
    """IP addresses of the primary's east-west gateway, of one family."""
    several: bool
    """Whether they may be more than the one that the chart can be given."""
    v1_endpoints: bool
    """Whether the API server finds the Services of webhooks through v1 Endpoints."""
    ports: NotRequired[IstiodPortsArgs]
    """Where the addresses are those of nodes. The chart knows no other ports than a load balancer's, 15012 and 15017
    (istiod chart, templates/remote-istiod-endpointslices.yaml), so Service and EndpointSlice are made here then."""
    service_families: NotRequired[dict[str, Any]]
    """``ipFamilyPolicy`` and ``ipFamilies`` of the Service made here; left out, the cluster's own."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""


def istiod_endpoints(parent: pulumi.Resource, name: str, args: IstiodEndpointsArgs) -> list[pulumi.Resource]:
    """List istiod's addresses where the chart's EndpointSlice is not enough.

    Returns:
        What was made; webhooks should come after it and go before it.
    """
    ips, service = pulumi.Output.from_input(args["addresses"]), args["service"]
    by_nodes = args.get("ports")
    behind = PORTS if by_nodes is None else ports(by_nodes["xds"], by_nodes["webhook"])
    made: list[pulumi.Resource] = []

    def declare(manifest: dict[str, Any], own: dict[str, Any], **options: Any) -> None:
        about = metadata({"namespace": args["namespace"], **own}, args.get("labels"))
        opts = pulumi.ResourceOptions(parent=parent, **options)
        made.append(KubernetesObject(f"{name}-istiod", {**manifest, "metadata": about}, opts))

    if by_nodes is not None:
        declare(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "spec": {"ports": [dict(port) for port in SERVICE_PORTS], **args.get("service_families", {})},
            },
            {"name": service, "annotations": NOT_AWAITED},
        )
    if args["several"] or by_nodes is not None:
        declare(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "addressType": ips.apply(lambda found: addresses.family(found[0])),
                "endpoints": ips.apply(lambda found: [{"addresses": [ip]} for ip in found]),
                "ports": behind,
            },
            # A Service may have any number of slices; this name is not the chart's.
            {"name": f"{service}-gateway", "labels": {SERVICE_LABEL: service, MANAGED_BY_LABEL: MANAGER}},
            replace_on_changes=["addressType"],
        )
    if args["v1_endpoints"]:
        declare(
            {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "subsets": [{"addresses": ips.apply(lambda found: [{"ip": ip} for ip in found]), "ports": behind}],
            },
            {"name": service, "labels": NOT_MIRRORED},
        )
    return made
