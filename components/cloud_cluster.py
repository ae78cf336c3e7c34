"""What clusters of every cloud have in common, and the way from a platform to its cluster."""

from typing import Any, NotRequired, Protocol, TypedDict, cast

import pulumi
import pulumi_kubernetes as kubernetes

from tether.topology import Platform

EVERYBODY = "0.0.0.0/0"


def gateway_rules(sources: list[str]) -> dict[str, list[str]]:
    """Who may reach a gateway, by name of the firewall's rule; one rule is of one family of addresses.

    Args:
        sources: networks in CIDR notation; everybody when empty.
    """
    wanted = sources or [EVERYBODY]
    families = {
        "gateway": [source for source in wanted if ":" not in source],
        "gateway-ipv6": [source for source in wanted if ":" in source],
    }
    return {name: members for name, members in families.items() if members}


class CloudClusterArgs(TypedDict):
    """Where the cluster is made, of what, and who may call it."""

    identifier: pulumi.Input[str]
    """Known before the cluster is: tells the Kubernetes provider that it still talks to the same cluster."""
    region: str
    """Region of the cloud; for GKE a zone does as well."""
    version: NotRequired[pulumi.Input[str]]
    """Version of Kubernetes; the cloud's default when left out."""
    node_type: pulumi.Input[str]
    """Machine type of the nodes."""
    nodes: pulumi.Input[int]
    """Number of nodes; in a region of GKE, of each zone."""
    endpoint: str
    """``public`` or ``private``: where the API server is reached, by this machine and by the primary's pods alike."""
    endpoint_sources: NotRequired[list[str]]
    """Networks that may call the API server, CIDR notation; left out, everybody or, where private, its own network."""
    gateway_sources: NotRequired[list[str]]
    """Networks that may reach the east-west gateway, CIDR notation; everybody when left out."""
    network_cidr: NotRequired[str]
    """Range of the network that is made for the cluster."""


class MeshCluster(Protocol):
    """A cluster as the mesh sees it, wherever it comes from."""

    provider: kubernetes.Provider
    kubeconfig: pulumi.Output[str]
    api_server: pulumi.Output[str]


def cloud_cluster(platform: Platform, name: str, args: dict[str, Any], opts: pulumi.ResourceOptions) -> MeshCluster:
    """Make a cluster in a cloud.

    Args:
        platform: the cloud's.
        name: name of the resource.
        args: arguments of the platform's component.
        opts: options of the resource.

    Raises:
        ValueError: the platform is no cloud's.
    """
    # Each of the clouds' packages is an extra that may be missing, and takes a while to import.
    match platform:
        case Platform.EKS:
            from components.eks_cluster import EksCluster, EksClusterArgs

            return EksCluster(name, cast(EksClusterArgs, args), opts)
        case Platform.GKE:
            from components.gke_cluster import GkeCluster, GkeClusterArgs

            return GkeCluster(name, cast(GkeClusterArgs, args), opts)
        case Platform.AKS:
            from components.aks_cluster import AksCluster, AksClusterArgs

            return AksCluster(name, cast(AksClusterArgs, args), opts)
        case _:
            raise ValueError(f"{platform} is no cloud")
