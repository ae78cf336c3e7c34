"""An EKS cluster and the way into it."""

import json
import re
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.cloud_cluster import EVERYBODY, CloudClusterArgs
from components.cluster_provider import cluster_provider
from components.eks_network import EksNetwork
from tether import kubeconfig, topology

_API_SERVER_PORT = 443
_CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
_NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly")


class EksClusterArgs(CloudClusterArgs):
    """Where the cluster is made, of what, and who may call it."""

    subnets: NotRequired[list[pulumi.Input[str]]]
    """IDs of subnets to take, in at least two zones; a VPC is made when left out."""


class EksCluster(pulumi.ComponentResource):
    """An EKS cluster with nodes, the rules that primary-remote needs, and a Kubernetes provider.

    API server and nodes share the cluster's own security group, whose members reach each other on every port, so
    that webhooks in the cluster need no rule. It is opened for the gateway's ports, because load balancers that lead
    straight to pods keep the port; those that lead to nodes have rules of their own from their controller.
    """

    kubeconfig: pulumi.Output[str]
    """Kubeconfig for this machine, which asks the program ``aws`` for tokens; secret."""
    api_server: pulumi.Output[str]
    """URL of the API server as other clusters' pods reach it; its name leads to private addresses where the endpoint
    is private."""

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:EksCluster", name, {}, opts)
        self._name, self._args = name, args
        network: EksNetwork | None = None
        node_subnets = api_subnets = args.get("subnets", [])
        if not node_subnets:
            network = EksNetwork(
                name,
                {"region": args["region"], "cidr": args.get("network_cidr", topology.DEFAULT_CLOUD_CIDR)},
                pulumi.ResourceOptions(parent=self),
            )
            node_subnets = list[pulumi.Input[str]](network.private_subnet_ids)
            api_subnets = [*network.public_subnet_ids, *node_subnets]
        cluster = self._create_cluster(api_subnets)
        nodes = self._create_nodes(cluster, node_subnets, [network] if network else [])
        self.api_server = cluster.endpoint
        self.kubeconfig = self._kubeconfig(cluster)
        around = [nodes, *self._open(cluster)]
        self.provider = cluster_provider(self, name, self.kubeconfig, args["identifier"], around)
        """Kubernetes provider for the cluster."""
        self.register_outputs({"apiServer": self.api_server})

    def _create_cluster(self, subnets: list[pulumi.Input[str]]) -> aws.eks.Cluster:
        role, rights = self._role(self._name, "eks.amazonaws.com", _CLUSTER_POLICIES)
        is_public = self._args["endpoint"] == "public"
        return aws.eks.Cluster(
            self._name,
            role_arn=role.arn,
            version=self._args.get("version"),
            # Whoever makes the cluster may enter it: by entries of the EKS API, not by a ConfigMap inside.
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
            vpc_config={
                "subnet_ids": subnets,
                "endpoint_private_access": True,
                "endpoint_public_access": is_public,
                "public_access_cidrs": (self._args.get("endpoint_sources") or [EVERYBODY]) if is_public else None,
            },
            region=self._args["region"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=rights),
        )

    def _create_nodes(
        self, cluster: aws.eks.Cluster, subnets: list[pulumi.Input[str]], ways_out: list[EksNetwork]
    ) -> aws.eks.NodeGroup:
        """Start nodes without a launch template, so that EKS puts the cluster's security group on them."""
        name = f"{self._name}-nodes"
        role, rights = self._role(name, "ec2.amazonaws.com", _NODE_POLICIES)
        count = self._args["nodes"]
        return aws.eks.NodeGroup(
            name,
            cluster_name=cluster.name,
            node_role_arn=role.arn,
            subnet_ids=subnets,
            instance_types=[self._args["node_type"]],
            scaling_config={"desired_size": count, "min_size": count, "max_size": count},
            region=self._args["region"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*rights, *ways_out]),
        )

    def _role(self, name: str, service: str, policies: tuple[str, ...]) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        """Make a role that a service takes, and the rights that must be there before and after it is used."""
        child = pulumi.ResourceOptions(parent=self)
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        role = aws.iam.Role(
            name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}), opts=child
        )
        partition = _partition(self._args["region"])
        rights: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=f"arn:{partition}:iam::aws:policy/{policy}", opts=child
            )
            for policy in policies
        ]
        return role, rights

    def _open(self, cluster: aws.eks.Cluster) -> list[pulumi.Resource]:
        """Let other clusters in: to the gateway, and where the endpoint is private to the API server."""
        group = cluster.vpc_config.cluster_security_group_id
        sources = self._args.get("gateway_sources") or [EVERYBODY]
        wanted = [(port, source) for port in topology.GATEWAY_PORTS for source in sources]
        if self._args["endpoint"] == "private":
            wanted += [(_API_SERVER_PORT, source) for source in self._args.get("endpoint_sources", [])]
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-{port}-{re.sub(r'[^0-9a-f]+', '-', source)}",
                security_group_id=group,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=None if ":" in source else source,
                cidr_ipv6=source if ":" in source else None,
                region=self._args["region"],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for port, source in wanted
        ]

    def _kubeconfig(self, cluster: aws.eks.Cluster) -> pulumi.Output[str]:
        region = self._args["region"]

        def write(known: dict[str, str]) -> str:
            ask = ["eks", "get-token", "--cluster-name", known["name"], "--region", region, "--output", "json"]
            login = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": ask}
            return kubeconfig.for_cluster(**known, user={"exec": login})

        known = pulumi.Output.all(name=cluster.name, server=cluster.endpoint, bundle=cluster.certificate_authority.data)
        return pulumi.Output.secret(known.apply(write))


def _partition(region: str) -> str:
    """The part of AWS that a region lies in, which policies are named with."""
    names = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for prefix, name in names.items() if region.startswith(prefix)), "aws")
