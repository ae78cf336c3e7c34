"""Clusters that Tether makes in a cloud: where, of what, and who may call their API server."""

import ipaddress
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from tether.settings.base import Model, complaint
from tether.topology import DEFAULT_CLOUD_CIDR, DEFAULT_CONTROL_PLANE_CIDR, Platform

NETWORK_PREFIXES = range(16, 23)
"""Sizes of a new network: no VPC is larger (AWS), and four subnets with nodes and pods fit into the smallest."""
SUBNETS_AT_LEAST = 2
"""EKS puts its API server into two zones (Amazon EKS User Guide, network requirements)."""


class Endpoint(StrEnum):
    """Where an API server is reached."""

    PUBLIC = "public"
    PRIVATE = "private"


def _region(value: str) -> str:
    if not re.fullmatch(r"[a-z]+(-?[a-z0-9]+)*", value):
        raise complaint(
            "is no region: lower-case letters, digits and '-'", "the cluster and its network are made there", ""
        )
    return value


def _kubernetes(value: str) -> str:
    if not re.fullmatch(r"1\.\d{2,}(\.\d+\S*)?", value):
        raise complaint(
            "is no version of Kubernetes, as text in quotes", "the cloud would refuse it, or make another", "1.34"
        )
    return value


def _network(value: str) -> str:
    why = "nodes, pods or internal load balancers get their addresses from it"
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        raise complaint("is no IPv4 network in CIDR notation (all host bits zero)", why, DEFAULT_CLOUD_CIDR) from None
    if network.prefixlen not in NETWORK_PREFIXES:
        sizes = f"/{NETWORK_PREFIXES.start} to /{NETWORK_PREFIXES.stop - 1}"
        raise complaint(f"has a prefix of /{network.prefixlen}; it must be {sizes}", why, DEFAULT_CLOUD_CIDR)
    return value


def _control_plane(value: str) -> str:
    try:
        fits = ipaddress.IPv4Network(value).prefixlen == 28
    except ValueError:
        fits = False
    if not fits:
        wrong = "is no IPv4 network of size /28"
        raise complaint(wrong, "GKE gives the API server an address of exactly such a one", DEFAULT_CONTROL_PLANE_CIDR)
    return value


def _caller(value: str) -> str:
    try:
        ipaddress.IPv4Network(value)
    except ValueError:
        why = "only those addresses may call the API server"
        raise complaint("is no IPv4 network in CIDR notation (all host bits zero)", why, "203.0.113.7/32") from None
    return value


def _subnet_id(value: str) -> str:
    if not re.fullmatch(r"/subscriptions/[^/]+/resourceGroups/[^/]+/.+/subnets/[^/]+", value, re.IGNORECASE):
        raise complaint(
            "is no resource ID of a subnet", "Azure knows a subnet by nothing shorter",
            "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NETWORK/subnets/SUBNET",
        )  # fmt: skip
    return value


class CloudSettings(Model):
    """What a cluster of any cloud is made of."""

    region: Annotated[str, AfterValidator(_region)] = Field(description="Region that it is made in")
    version: Annotated[str, AfterValidator(_kubernetes)] | None = Field(
        default=None, description='Version of Kubernetes, as text ("1.34"); the cloud\'s default when left out'
    )
    node_type: str = Field(description="Machine type of the nodes")
    nodes: int = Field(default=2, ge=1, le=1000, description="Number of nodes")
    endpoint: Endpoint = Field(
        default=Endpoint.PUBLIC,
        description="`public`: the API server has an address on the internet, `private`: in its network only; "
        "whoever runs `pulumi up`, and the primary's pods, must reach it",
    )
    endpoint_sources: tuple[Annotated[str, AfterValidator(_caller)], ...] = Field(
        default=(),
        description="Networks that may call the API server, in CIDR notation: of the machine that runs `pulumi up`, "
        "and of the primary's pods as they leave their network; when left out, everybody may call a public one, and "
        "a private one is called from its own network",
    )


def _has_one_network(settings: CloudSettings, taken: object) -> None:
    """Refuse the range of a network that is made where one is taken."""
    if taken and "network_cidr" in settings.model_fields_set:
        wrong = "networkCidr is for a network that is made, and here one is taken"
        raise complaint(wrong, "it would be passed over in silence", remove="networkCidr")


class EksSettings(CloudSettings):
    """A cluster of Amazon's Elastic Kubernetes Service."""

    node_type: str = Field(default="m6i.large", description="Instance type of the nodes")
    network_cidr: Annotated[str, AfterValidator(_network)] = Field(
        default=DEFAULT_CLOUD_CIDR, description="Range of the VPC that is made"
    )
    subnets: tuple[str, ...] = Field(
        default=(), description="IDs of subnets to take in place of a VPC that is made, in at least two zones"
    )

    @model_validator(mode="after")
    def _either_made_or_taken(self) -> Self:
        _has_one_network(self, self.subnets)
        if 0 < len(self.subnets) < SUBNETS_AT_LEAST:
            raise complaint(
                "names one subnet in subnets, and EKS needs two in different zones", "it refuses to make the cluster",
                remove="subnets",
            )  # fmt: skip
        return self


class GkeSettings(CloudSettings):
    """A cluster of Google's Kubernetes Engine."""

    region: Annotated[str, AfterValidator(_region)] = Field(
        description="Region, or one zone for less money; nodes and API server are in each zone of a region"
    )
    node_type: str = Field(default="e2-standard-2", description="Machine type of the nodes")
    nodes: int = Field(default=2, ge=1, le=1000, description="Number of nodes; in a region, of each of its zones")
    project: str | None = Field(default=None, description="Google Cloud project; `gcp:project` when left out")
    network_cidr: Annotated[str, AfterValidator(_network)] = Field(
        default=DEFAULT_CLOUD_CIDR, description="Range of the subnetwork that is made"
    )
    control_plane_cidr: Annotated[str, AfterValidator(_control_plane)] = Field(
        default=DEFAULT_CONTROL_PLANE_CIDR,
        description="Range of the API server's own addresses, a /28 that nothing else in the network has",
    )
    network: str | None = Field(default=None, description="Network to take in place of one that is made")
    subnetwork: str | None = Field(default=None, description="Its subnetwork")

    @model_validator(mode="after")
    def _either_made_or_taken(self) -> Self:
        if (self.network is None) != (self.subnetwork is None):
            named, other = ("network", "subnetwork") if self.network else ("subnetwork", "network")
            raise complaint(f"names a {named} and no {other}", "a cluster lies in both", remove=named)
        _has_one_network(self, self.network)
        return self


class AksSettings(CloudSettings):
    """A cluster of the Azure Kubernetes Service."""

    node_type: str = Field(default="Standard_D2s_v5", description="Size of the nodes' virtual machines")
    network_cidr: Annotated[str, AfterValidator(_network)] = Field(
        default=DEFAULT_CLOUD_CIDR, description="Range of the virtual network that is made"
    )
    subnet: Annotated[str, AfterValidator(_subnet_id)] | None = Field(
        default=None, description="Resource ID of a subnet to take in place of a virtual network that is made"
    )

    @model_validator(mode="after")
    def _either_made_or_taken(self) -> Self:
        _has_one_network(self, self.subnet)
        if self.endpoint is Endpoint.PRIVATE and self.endpoint_sources:
            raise complaint(
                "names endpointSources for a private endpoint, and AKS takes them for public ones only",
                "AKS refuses to make the cluster", remove="endpointSources",
            )  # fmt: skip
        return self


CLOUDS: Mapping[Platform, type[CloudSettings]] = {
    Platform.EKS: EksSettings,
    Platform.GKE: GkeSettings,
    Platform.AKS: AksSettings,
}
"""A cluster's settings of its own platform lie under the platform's name."""
