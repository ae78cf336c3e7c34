"""A GKE cluster and the way into it."""

from typing import NotRequired

import pulumi
import pulumi_gcp as gcp

from components.cloud_cluster import CloudClusterArgs, gateway_rules
from components.cluster_provider import cluster_provider
from components.gke_network import GkeNetwork
from tether import kubeconfig, topology


class GkeClusterArgs(CloudClusterArgs):
    """Where the cluster is made, of what, and who may call it."""

    project: NotRequired[pulumi.Input[str]]
    """Google Cloud project; the provider's when left out."""
    control_plane_cidr: NotRequired[str]
    """The /28 out of which the API server calls webhooks, and has its private address."""
    network: NotRequired[pulumi.Input[str]]
    """Network to take; one is made when left out."""
    subnetwork: NotRequired[pulumi.Input[str]]
    """Its subnetwork."""


class GkeCluster(pulumi.ComponentResource):
    """A GKE cluster with private nodes, the rules that primary-remote needs, and a Kubernetes provider.

    GKE lets the API server call nodes on ports 443 and 10250 only, so that istiod's webhook needs a rule
    (istio/istio#20621, #29912). The gateway's rule says in the network what GKE says for a load balancer itself
    where it may write rules.
    """

    kubeconfig: pulumi.Output[str]
    """Kubeconfig for this machine, which asks the program ``gke-gcloud-auth-plugin`` for tokens; secret."""
    api_server: pulumi.Output[str]
    """URL of the API server as other clusters' pods reach it: of its private address where the endpoint is private."""

    def __init__(self, name: str, args: GkeClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:GkeCluster", name, {}, opts)
        self._name, self._args, self._project = name, args, args.get("project")
        self._ways_out: list[pulumi.Resource] = []
        network, subnetwork = self._network()
        cluster = self._create_cluster(network, subnetwork)
        around = [self._create_nodes(cluster), *self._open(cluster, network)]
        is_private = args["endpoint"] == "private"
        address = cluster.private_cluster_config.private_endpoint if is_private else cluster.endpoint
        self.api_server = pulumi.Output.concat("https://", address)
        self.kubeconfig = self._kubeconfig(cluster)
        self.provider = cluster_provider(self, name, self.kubeconfig, args["identifier"], around)
        """Kubernetes provider for the cluster."""
        self.register_outputs({"apiServer": self.api_server})

    def _network(self) -> tuple[pulumi.Input[str], pulumi.Input[str]]:
        """Take the network and subnetwork, or make them."""
        if "network" in self._args and "subnetwork" in self._args:
            return self._args["network"], self._args["subnetwork"]
        made = GkeNetwork(
            self._name,
            {
                "location": self._args["region"],
                "cidr": self._args.get("network_cidr", topology.DEFAULT_CLOUD_CIDR),
                "project": self._project,
            },
            pulumi.ResourceOptions(parent=self),
        )
        self._ways_out.append(made)
        return made.network, made.subnetwork

    def _create_cluster(self, network: pulumi.Input[str], subnetwork: pulumi.Input[str]) -> gcp.container.Cluster:
        """Make the cluster without its first nodes, which nothing could be changed of later."""
        is_private = self._args["endpoint"] == "private"
        callers = self._args.get("endpoint_sources", [])
        return gcp.container.Cluster(
            self._name,
            location=self._args["region"],
            project=self._project,
            min_master_version=self._args.get("version"),
            network=network,
            subnetwork=subnetwork,
            networking_mode="VPC_NATIVE",
            # GKE chooses the ranges of pods and Services itself.
            ip_allocation_policy={},
            private_cluster_config={
                "enable_private_nodes": True,
                "enable_private_endpoint": is_private,
                "master_ipv4_cidr_block": self._control_plane_cidr,
                # The primary may lie in another region.
                "master_global_access_config": {"enabled": True},
            },
            # A private endpoint is refused without the block, and with an empty one serves its own network.
            master_authorized_networks_config={"cidr_blocks": [{"cidr_block": caller} for caller in callers]}
            if callers or is_private
            else None,
            remove_default_node_pool=True,
            initial_node_count=1,
            # The engine's own protection is there for those who want it.
            deletion_protection=False,
            opts=pulumi.ResourceOptions(parent=self),
        )

    @property
    def _control_plane_cidr(self) -> str:
        return self._args.get("control_plane_cidr", topology.DEFAULT_CONTROL_PLANE_CIDR)

    def _create_nodes(self, cluster: gcp.container.Cluster) -> gcp.container.NodePool:
        return gcp.container.NodePool(
            self._name,
            cluster=cluster.name,
            location=self._args["region"],
            project=self._project,
            node_count=self._args["nodes"],
            node_config={
                "machine_type": self._args["node_type"],
                "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                # The firewall finds the nodes by it; the cluster's name is unique in the project.
                "tags": [cluster.name],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._ways_out),
        )

    def _open(self, cluster: gcp.container.Cluster, network: pulumi.Input[str]) -> list[pulumi.Resource]:
        """Let the API server call istiod's webhook, and other clusters the gateway."""
        gateway = gateway_rules(self._args.get("gateway_sources", []))
        rules = {
            "webhook": ([self._control_plane_cidr], (topology.WEBHOOK_PORT,)),
            **{purpose: (sources, topology.GATEWAY_PORTS) for purpose, sources in gateway.items()},
        }
        return [
            gcp.compute.Firewall(
                f"{self._name}-{purpose}",
                network=network,
                project=self._project,
                direction="INGRESS",
                source_ranges=sources,
                target_tags=[cluster.name],
                allows=[{"protocol": "tcp", "ports": [str(port) for port in ports]}],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for purpose, (sources, ports) in rules.items()
        ]

    def _kubeconfig(self, cluster: gcp.container.Cluster) -> pulumi.Output[str]:
        def write(known: dict[str, str]) -> str:
            login = {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": "gke-gcloud-auth-plugin",
                "provideClusterInfo": True,
            }
            return kubeconfig.for_cluster(**known, user={"exec": login})

        known = pulumi.Output.all(
            name=cluster.name, server=self.api_server, bundle=cluster.master_auth.cluster_ca_certificate
        )
        return pulumi.Output.secret(known.apply(write))
