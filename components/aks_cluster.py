"""An AKS cluster and the way into it."""

from typing import NotRequired

import pulumi
import pulumi_azure as azure

from components.aks_network import AksNetwork
from components.cloud_cluster import CloudClusterArgs
from components.cluster_provider import cluster_provider
from tether import kubeconfig, topology

_DNS_PREFIX_LIMIT = 54


class AksClusterArgs(CloudClusterArgs):
    """Where the cluster is made, of what, and who may call it."""

    subnet: NotRequired[pulumi.Input[str]]
    """Resource ID of a subnet to take, its rules included; a virtual network is made when left out."""


class AksCluster(pulumi.ComponentResource):
    """An AKS cluster in a resource group of its own, with a Kubernetes provider.

    A private API server keeps a name in public DNS that leads to its private address, so that the primary's pods
    find it from whatever network is connected, without a private DNS zone in each.
    """

    kubeconfig: pulumi.Output[str]
    """Kubeconfig for this machine, with the client certificate of the cluster's local account; secret."""
    api_server: pulumi.Output[str]
    """URL of the API server as other clusters' pods reach it; its name leads to a private address where the endpoint
    is private."""

    def __init__(self, name: str, args: AksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:AksCluster", name, {}, opts)
        self._name, self._args = name, args
        group = azure.core.ResourceGroup(name, location=args["region"], opts=pulumi.ResourceOptions(parent=self)).name
        around: list[pulumi.Resource] = []
        subnet = args.get("subnet")
        if subnet is None:
            network = AksNetwork(
                name,
                {
                    "location": args["region"],
                    "resource_group": group,
                    "cidr": args.get("network_cidr", topology.DEFAULT_CLOUD_CIDR),
                    "gateway_sources": args.get("gateway_sources", []),
                },
                pulumi.ResourceOptions(parent=self),
            )
            around.append(network)
            subnet = network.subnet_id
        cluster = self._create_cluster(group, subnet)
        self.api_server = pulumi.Output.concat("https://", cluster.fqdn, ":443")
        self.kubeconfig = self._kubeconfig(cluster)
        self.provider = cluster_provider(self, name, self.kubeconfig, args["identifier"], around)
        """Kubernetes provider for the cluster."""
        self.register_outputs({"apiServer": self.api_server})

    def _create_cluster(
        self, group: pulumi.Input[str], subnet: pulumi.Input[str]
    ) -> azure.containerservice.KubernetesCluster:
        args, is_private = self._args, self._args["endpoint"] == "private"
        identity, right = self._identity(group, subnet)
        callers = args.get("endpoint_sources")
        return azure.containerservice.KubernetesCluster(
            self._name,
            resource_group_name=group,
            location=args["region"],
            dns_prefix=self._name[:_DNS_PREFIX_LIMIT].rstrip("-"),
            kubernetes_version=args.get("version"),
            default_node_pool={
                "name": "nodes",
                "vm_size": args["node_type"],
                "node_count": args["nodes"],
                "vnet_subnet_id": subnet,
                # Another machine type then replaces the nodes, not the cluster.
                "temporary_name_for_rotation": "moving",
            },
            identity={"type": "UserAssigned", "identity_ids": [identity.id]},
            # Pods have addresses of their own and leave with their node's, so that the network needs none for them.
            network_profile={
                "network_plugin": "azure",
                "network_plugin_mode": "overlay",
                "load_balancer_sku": "standard",
            },
            api_server_access_profile={"authorized_ip_ranges": callers} if callers and not is_private else None,
            private_cluster_enabled=is_private,
            private_cluster_public_fqdn_enabled=is_private,
            private_dns_zone_id="None" if is_private else None,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[right]),
        )

    def _identity(
        self, group: pulumi.Input[str], subnet: pulumi.Input[str]
    ) -> tuple[azure.authorization.UserAssignedIdentity, pulumi.Resource]:
        """Make the identity that the cluster acts with; internal load balancers are put into the subnet by it."""
        child = pulumi.ResourceOptions(parent=self)
        identity = azure.authorization.UserAssignedIdentity(
            self._name, resource_group_name=group, location=self._args["region"], opts=child
        )
        right = azure.authorization.Assignment(
            self._name,
            scope=subnet,
            role_definition_name="Network Contributor",
            principal_id=identity.principal_id,
            # A new identity is not known everywhere at once, and the check would fail.
            skip_service_principal_aad_check=True,
            opts=child,
        )
        return identity, right

    def _kubeconfig(self, cluster: azure.containerservice.KubernetesCluster) -> pulumi.Output[str]:
        def write(known: dict[str, str]) -> str:
            certificate, key = known.pop("certificate"), known.pop("key")
            user = {"client-certificate-data": certificate, "client-key-data": key}
            return kubeconfig.for_cluster(**known, user=user)

        account = cluster.kube_configs[0]
        known = pulumi.Output.all(
            name=cluster.name,
            server=self.api_server,
            bundle=account.cluster_ca_certificate,
            certificate=account.client_certificate,
            key=account.client_key,
        )
        return pulumi.Output.secret(known.apply(write))
