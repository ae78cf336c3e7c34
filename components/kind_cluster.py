"""A kind cluster and the way into it."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.cluster_provider import cluster_provider
from components.resources import Cluster
from tether import topology


class KindClusterArgs(TypedDict):
    """Where and of what the cluster is made."""

    cluster_name: pulumi.Input[str]
    """Name of the kind cluster, unique on the machine, at most 50 characters."""
    identifier: pulumi.Input[str]
    """Known before the cluster is: tells the Kubernetes provider that it still talks to the same cluster."""
    environment: pulumi.Input[str]
    """Suffix of the environment that the cluster belongs to."""
    network: pulumi.Input[str]
    """Container network that the nodes join."""
    node_image: pulumi.Input[str]
    """Reference of the kind node image."""
    kubernetes_version: pulumi.Input[str]
    """Version that the node image carries; the cluster is refused when it answers with another."""
    node_image_has_network: NotRequired[pulumi.Input[bool]]
    """The image brings a pod network of its own, so kind's is left out."""
    container_runtime: NotRequired[pulumi.Input[str]]
    """``docker``, ``podman`` or ``auto``."""
    pod_cidr: NotRequired[pulumi.Input[str]]
    """Range of the pods' addresses; of two IP families two, separated by a comma."""
    service_cidr: NotRequired[pulumi.Input[str]]
    """Range of the services' addresses, in the same way."""
    ip_family: NotRequired[str]
    """``ipv4``, ``ipv6`` or ``dual``, which both ranges must be of; IPv4 when left out."""
    kind_config: NotRequired[pulumi.Input[dict[str, Any]]]
    """More of kind's own configuration, merged in."""
    create_timeout_seconds: NotRequired[pulumi.Input[int]]
    """How long the cluster may take to become ready."""
    retain_on_failure: NotRequired[pulumi.Input[bool]]
    """Keep the nodes of a cluster that failed to start, to look at them."""


class KindCluster(pulumi.ComponentResource):
    """A kind cluster with a Kubernetes provider for it."""

    kubeconfig: pulumi.Output[str]
    """Kubeconfig for this machine; secret."""
    api_server: pulumi.Output[str]
    """URL of the API server as other clusters' pods reach it."""
    node_addresses: pulumi.Output[list[str]]
    """IP addresses of the nodes on the container network, sorted as text."""

    def __init__(self, name: str, args: KindClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:KindCluster", name, {}, opts)
        self.cluster = Cluster(
            name,
            {
                "name": args["cluster_name"],
                "environment": args["environment"],
                "network": args["network"],
                "nodeImage": args["node_image"],
                "kubernetesVersion": args["kubernetes_version"],
                "nodeImageHasNetwork": args.get("node_image_has_network", False),
                "runtime": args.get("container_runtime", "auto"),
                "podCidr": args.get("pod_cidr"),
                "serviceCidr": args.get("service_cidr"),
                "ipFamily": args.get("ip_family"),
                "kindConfig": args.get("kind_config"),
                "createTimeoutSeconds": args.get("create_timeout_seconds", 300),
                "retainOnFailure": args.get("retain_on_failure", False),
            },
            pulumi.ResourceOptions(parent=self),
        )
        """The cluster itself; what lives in it is deleted with it."""
        self.kubeconfig = self.cluster.kubeconfig
        self.api_server = self.cluster.api_server
        self.node_addresses = self.cluster.nodes.apply(topology.node_addresses)
        self.provider = cluster_provider(self, name, self.kubeconfig, args["identifier"], delete_unreachable=True)
        """Kubernetes provider for the cluster."""
        self.register_outputs({"apiServer": self.api_server})
