"""A network for one GKE cluster."""

import re
from typing import NotRequired, TypedDict

import pulumi
import pulumi_gcp as gcp


class GkeNetworkArgs(TypedDict):
    """Where the network is and how large."""

    location: str
    """Region, or a zone of it."""
    cidr: str
    """Range of the nodes' addresses."""
    project: NotRequired[pulumi.Input[str] | None]
    """Google Cloud project; the provider's when left out."""


class GkeNetwork(pulumi.ComponentResource):
    """A network with one subnetwork, whose nodes need no address on the internet to get out."""

    network: pulumi.Output[str]
    """Name of the network."""
    subnetwork: pulumi.Output[str]
    """Name of the subnetwork."""

    def __init__(self, name: str, args: GkeNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:GkeNetwork", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        region, project = re.sub(r"-[a-z]$", "", args["location"]), args.get("project")
        network = gcp.compute.Network(name, auto_create_subnetworks=False, project=project, opts=child)
        subnetwork = gcp.compute.Subnetwork(
            name,
            network=network.id,
            ip_cidr_range=args["cidr"],
            private_ip_google_access=True,
            region=region,
            project=project,
            opts=child,
        )
        router = gcp.compute.Router(name, network=network.id, region=region, project=project, opts=child)
        gcp.compute.RouterNat(
            name,
            router=router.name,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            region=region,
            project=project,
            opts=child,
        )
        self.network = network.name
        self.subnetwork = subnetwork.name
        self.register_outputs({})
