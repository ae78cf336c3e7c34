"""A VPC for one EKS cluster."""

import ipaddress
from typing import TypedDict

import pulumi
import pulumi_aws as aws

_WITHOUT_EKS = ["use1-az3", "usw1-az2", "cac1-az3"]
"""Zones in which EKS makes no API server (Amazon EKS User Guide, "VPC and subnet requirements and considerations")."""
_ZONES = 2


class EksNetworkArgs(TypedDict):
    """Where the network is and how large."""

    region: str
    """AWS region."""
    cidr: str
    """Range of its addresses, cut into four subnets."""


class EksNetwork(pulumi.ComponentResource):
    """A VPC with a public and a private subnet in each of two zones, and one way out for the private ones.

    The tags tell load balancers where to go: into the public subnets, or the private ones when they are internal.
    """

    public_subnet_ids: list[pulumi.Output[str]]
    """Subnets of load balancers on the internet."""
    private_subnet_ids: list[pulumi.Output[str]]
    """Subnets of nodes and of internal load balancers."""

    def __init__(self, name: str, args: EksNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:EksNetwork", name, {}, opts)
        self._name, self._region = name, args["region"]
        child = pulumi.ResourceOptions(parent=self)
        self._vpc = aws.ec2.Vpc(
            name,
            cidr_block=args["cidr"],
            # Nodes find the API server by a name that must resolve to its private address.
            enable_dns_hostnames=True,
            enable_dns_support=True,
            region=self._region,
            tags={"Name": name},
            opts=child,
        )
        zones = aws.get_availability_zones_output(
            state="available",
            exclude_zone_ids=_WITHOUT_EKS,
            # Local zones are listed too, and EKS refuses them.
            filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            region=self._region,
            opts=pulumi.InvokeOutputOptions(parent=self),
        ).names
        ranges = [str(part) for part in ipaddress.IPv4Network(args["cidr"]).subnets(prefixlen_diff=2)]
        public = self._subnets("public", ranges[:_ZONES], zones, "kubernetes.io/role/elb")
        private = self._subnets("private", ranges[_ZONES:], zones, "kubernetes.io/role/internal-elb")
        internet = aws.ec2.InternetGateway(
            name, vpc_id=self._vpc.id, region=self._region, tags={"Name": name}, opts=child
        )
        behind_it = pulumi.ResourceOptions(parent=self, depends_on=[internet])
        address = aws.ec2.Eip(name, domain="vpc", region=self._region, tags={"Name": name}, opts=behind_it)
        way_out = aws.ec2.NatGateway(
            name,
            allocation_id=address.id,
            subnet_id=public[0].id,
            region=self._region,
            tags={"Name": name},
            opts=behind_it,
        )
        self._route("public", public, {"cidr_block": "0.0.0.0/0", "gateway_id": internet.id})
        self._route("private", private, {"cidr_block": "0.0.0.0/0", "nat_gateway_id": way_out.id})
        self.public_subnet_ids = [subnet.id for subnet in public]
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.register_outputs({})

    def _subnets(
        self, kind: str, ranges: list[str], zones: pulumi.Output[list[str]], role: str
    ) -> list[aws.ec2.Subnet]:
        return [
            aws.ec2.Subnet(
                f"{self._name}-{kind}-{index}",
                vpc_id=self._vpc.id,
                cidr_block=cidr,
                availability_zone=zones[index],
                region=self._region,
                tags={"Name": f"{self._name}-{kind}-{index}", role: "1"},
                opts=pulumi.ResourceOptions(parent=self),
            )
            for index, cidr in enumerate(ranges)
        ]

    def _route(self, kind: str, subnets: list[aws.ec2.Subnet], way: aws.ec2.RouteTableRouteArgsDict) -> None:
        """Lead what leaves the subnets one way."""
        child = pulumi.ResourceOptions(parent=self)
        table = aws.ec2.RouteTable(
            f"{self._name}-{kind}",
            vpc_id=self._vpc.id,
            routes=[way],
            region=self._region,
            tags={"Name": f"{self._name}-{kind}"},
            opts=child,
        )
        for index, subnet in enumerate(subnets):
            aws.ec2.RouteTableAssociation(
                f"{self._name}-{kind}-{index}",
                route_table_id=table.id,
                subnet_id=subnet.id,
                region=self._region,
                opts=child,
            )
