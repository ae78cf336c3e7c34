"""What stands behind a remote's Service istiod beside the EndpointSlice of Istio's chart."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import core, discovery

from components.labels import metadata
from tether import addresses
from tether.istiod_endpoints import MANAGED_BY_LABEL, MANAGER, NOT_MIRRORED, PORTS, SERVICE_LABEL


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
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""


def istiod_endpoints(parent: pulumi.Resource, name: str, args: IstiodEndpointsArgs) -> list[pulumi.Resource]:
    """List istiod's addresses where the chart's EndpointSlice is not enough.

    Returns:
        What was made; webhooks should come after it and go before it.
    """
    ips, service = pulumi.Output.from_input(args["addresses"]), args["service"]
    made: list[pulumi.Resource] = []
    if args["several"]:
        made.append(
            discovery.v1.EndpointSlice(
                f"{name}-istiod",
                metadata=metadata(
                    {
                        # A Service may have any number of slices; this name is not the chart's.
                        "name": f"{service}-gateway",
                        "namespace": args["namespace"],
                        "labels": {SERVICE_LABEL: service, MANAGED_BY_LABEL: MANAGER},
                    },
                    args.get("labels"),
                ),
                address_type=ips.apply(lambda found: addresses.family(found[0])),
                endpoints=ips.apply(lambda found: [discovery.v1.EndpointArgs(addresses=[ip]) for ip in found]),
                ports=[discovery.v1.EndpointPortArgs(**port) for port in PORTS],
                opts=pulumi.ResourceOptions(parent=parent, replace_on_changes=["addressType"]),
            )
        )
    if args["v1_endpoints"]:
        made.append(
            core.v1.Endpoints(
                f"{name}-istiod",
                metadata=metadata(
                    {"name": service, "namespace": args["namespace"], "labels": NOT_MIRRORED}, args.get("labels")
                ),
                subsets=[
                    core.v1.EndpointSubsetArgs(
                        addresses=ips.apply(lambda found: [core.v1.EndpointAddressArgs(ip=ip) for ip in found]),
                        ports=[core.v1.EndpointPortArgs(**port) for port in PORTS],
                    )
                ],
                opts=pulumi.ResourceOptions(parent=parent),
            )
        )
    return made
