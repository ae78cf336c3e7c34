"""A virtual network for one AKS cluster."""

from typing import TypedDict

import pulumi
import pulumi_azure as azure

from components.cloud_cluster import gateway_rules
from tether import topology

_FIRST_PRIORITY = 200
"""100 is the lowest that Azure takes; what comes before ours is left to the user."""


class AksNetworkArgs(TypedDict):
    """Where the network is, how large, and who may enter it."""

    location: str
    """Azure region."""
    resource_group: pulumi.Input[str]
    """Name of the resource group that it is made in."""
    cidr: str
    """Range of its addresses."""
    gateway_sources: list[str]
    """Networks that may reach the east-west gateway, CIDR notation; everybody when empty."""


class AksNetwork(pulumi.ComponentResource):
    """A virtual network with one subnet, whose security group lets others in to the gateway's ports.

    Azure's load balancers keep the port on the way to a node, and a subnet's group is asked beside that of the nodes,
    which AKS keeps itself. The API server calls webhooks through a tunnel that the nodes open, and needs no rule.
    """

    subnet_id: pulumi.Output[str]
    """Resource ID of the subnet."""

    def __init__(self, name: str, args: AksNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:AksNetwork", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = args["resource_group"]
        network = azure.network.VirtualNetwork(
            name, resource_group_name=group, location=args["location"], address_spaces=[args["cidr"]], opts=child
        )
        subnet = azure.network.Subnet(
            name,
            resource_group_name=group,
            virtual_network_name=network.name,
            address_prefixes=[args["cidr"]],
            opts=child,
        )
        guard = azure.network.NetworkSecurityGroup(
            name, resource_group_name=group, location=args["location"], opts=child
        )
        self._open(name, args, guard)
        guarded = azure.network.SubnetNetworkSecurityGroupAssociation(
            name, subnet_id=subnet.id, network_security_group_id=guard.id, opts=child
        )
        # Azure changes a subnet for one caller at a time; nodes come to it after its group.
        self.subnet_id = guarded.subnet_id
        self.register_outputs({})

    def _open(self, name: str, args: AksNetworkArgs, guard: azure.network.NetworkSecurityGroup) -> None:
        for index, (purpose, sources) in enumerate(gateway_rules(args["gateway_sources"]).items()):
            azure.network.NetworkSecurityRule(
                f"{name}-{purpose}",
                resource_group_name=args["resource_group"],
                network_security_group_name=guard.name,
                priority=_FIRST_PRIORITY + index,
                direction="Inbound",
                access="Allow",
                protocol="Tcp",
                source_address_prefixes=sources,
                source_port_range="*",
                destination_address_prefix="*",
                destination_port_ranges=[str(port) for port in topology.GATEWAY_PORTS],
                opts=pulumi.ResourceOptions(parent=self),
            )
