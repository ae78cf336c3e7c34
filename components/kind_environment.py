"""kind clusters that share a container network of their own."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

import pulumi
import pulumi_random as random

from components.kind_cluster import KindCluster, KindClusterArgs
from components.load_balancer import LoadBalancer
from components.resources import ContainerNetwork
from tether import topology
from tether.topology import AddressPool, IpFamily


class KindEnvironmentArgs(TypedDict):
    """What all kind clusters of an environment have in common."""

    node_image: pulumi.Input[str]
    """Reference of the kind node image."""
    node_image_has_network: pulumi.Input[bool]
    """The image brings a pod network of its own."""
    kubernetes_version: pulumi.Input[str]
    """Version that the image carries."""
    container_runtime: pulumi.Input[str]
    """``docker``, ``podman`` or ``auto``."""
    create_timeout_seconds: pulumi.Input[int]
    """How long a cluster may take to become ready."""
    ip_family: NotRequired[str]
    """``ipv4``, ``ipv6`` or ``dual``; IPv4 when left out."""
    retain_on_failure: pulumi.Input[bool]
    """Keep the nodes of a cluster that failed to start."""
    load_balancer_chart: pulumi.Input[str]
    """Folder or reference of MetalLB's chart."""
    load_balancer_controller_image: pulumi.Input[str]
    """Full reference, tag included."""
    load_balancer_speaker_image: pulumi.Input[str]
    """Full reference, tag included."""
    load_balancer_timeout_seconds: pulumi.Input[int]
    """How long MetalLB may take to become ready."""
    load_balancer_values: NotRequired[dict[str, dict[str, Any]]]
    """By cluster ID: more Helm values of MetalLB's chart."""
    load_balancer_clusters: NotRequired[list[str]]
    """IDs of the clusters that get one; all when left out."""
    load_balancer_labels: NotRequired[dict[str, str]]
    """Labels on everything of MetalLB."""


class KindEnvironment(pulumi.ComponentResource):
    """kind clusters on one container network, each with a load balancer unless told otherwise.

    The network belongs to the environment alone, so its addresses can be dealt out
    beforehand: containers live in the lower half, and every cluster's load balancer has
    a pool in the upper half, of each IP family one. Environments on one machine cannot collide.
    """

    clusters: dict[str, KindCluster]
    """By cluster ID."""
    gateway_addresses: dict[str, pulumi.Output[str]]
    """By ID of a cluster with a load balancer: the address kept for its east-west gateway, known before that is; of
    two IP families two, separated by a comma."""

    def __init__(
        self,
        name: str,
        args: KindEnvironmentArgs,
        clusters: Mapping[str, Mapping[str, object]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the environment.

        Args:
            name: name of the resource.
            args: what the clusters have in common.
            clusters: by cluster ID, the arguments of KindCluster in which it differs.
            opts: options of the resource.
        """
        super().__init__("tether:index:KindEnvironment", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        family = IpFamily(args.get("ip_family", IpFamily.IPV4))
        suffix = random.RandomId(name, byte_length=4, opts=child).hex
        network = ContainerNetwork(
            name,
            {
                "name": suffix.apply(topology.network_name),
                "runtime": args["container_runtime"],
                "labels": {"environment": suffix},
                "members": list(clusters),
                **({} if family is IpFamily.IPV4 else {"ipv6": True}),
            },
            child,
        )
        # A cluster keeps its pool whatever else comes and goes, so the network deals them out, not the list.
        of_family = {"IPv4": network.subnet, "IPv6": network.ipv6_subnet}
        pools = pulumi.Output.all(network.places, *[of_family[name] for name in family.names]).apply(
            lambda known: _pools(known[0], known[1:])
        )
        common = {key: value for key, value in args.items() if not key.startswith("load_balancer_")}
        self.clusters = {}
        self.gateway_addresses = {}
        for cluster_name, own in clusters.items():
            arguments: dict[str, pulumi.Input[Any]] = {
                **common,
                "cluster_name": suffix.apply(
                    lambda suffix, name=cluster_name: topology.kind_cluster_name(name, suffix)
                ),
                "identifier": f"{pulumi.get_project()}/{pulumi.get_stack()}/{cluster_name}",
                "environment": suffix,
                "network": network.network_name,
                **own,
            }
            cluster = self.clusters[cluster_name] = KindCluster(cluster_name, cast(KindClusterArgs, arguments), child)
            if cluster_name not in args.get("load_balancer_clusters", clusters):
                continue
            LoadBalancer(
                cluster_name,
                {
                    "chart": args["load_balancer_chart"],
                    "controller_image": args["load_balancer_controller_image"],
                    "speaker_image": args["load_balancer_speaker_image"],
                    "addresses": pools.apply(lambda pools, name=cluster_name: [pool.range for pool in pools[name]]),
                    "timeout_seconds": args["load_balancer_timeout_seconds"],
                    "helm_values": args.get("load_balancer_values", {}).get(cluster_name, {}),
                    "labels": args.get("load_balancer_labels", {}),
                },
                pulumi.ResourceOptions(parent=cluster, provider=cluster.provider, deleted_with=cluster.cluster),
            )
            self.gateway_addresses[cluster_name] = pools.apply(
                lambda pools, name=cluster_name: ",".join(pool.first for pool in pools[name])
            )
        self.register_outputs({})


def _pools(places: Mapping[str, int], subnets: Sequence[str]) -> dict[str, list[AddressPool]]:
    """By cluster ID: its pool of every subnet."""
    return {name: [topology.address_pools(subnet)[int(index)] for subnet in subnets] for name, index in places.items()}
