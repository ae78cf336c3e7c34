"""A cluster that is already there."""

from typing import NotRequired, TypedDict

import pulumi

from components.cluster_provider import cluster_provider


class ExistingClusterArgs(TypedDict):
    """How to reach the cluster."""

    kubeconfig: pulumi.Input[str]
    """Content of a kubeconfig whose current context is the cluster; kept secret."""
    api_server: NotRequired[pulumi.Input[str]]
    """Needed for remotes: URL of the API server as the primary's istiod reaches it; never a loopback address."""
    identifier: pulumi.Input[str]
    """Known before anything is read: tells the Kubernetes provider that it still talks to the same cluster."""


class ExistingCluster(pulumi.ComponentResource):
    """A Kubernetes provider for a cluster that Tether did not make and never deletes."""

    kubeconfig: pulumi.Output[str]
    """Kubeconfig for this machine; secret."""
    api_server: pulumi.Output[str]
    """URL of the API server as other clusters' pods reach it."""

    def __init__(self, name: str, args: ExistingClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:ExistingCluster", name, {}, opts)
        self.kubeconfig = pulumi.Output.secret(args["kubeconfig"])
        self.api_server = pulumi.Output.from_input(args.get("api_server", ""))
        self.provider = cluster_provider(self, name, self.kubeconfig, args["identifier"])
        """Kubernetes provider for the cluster."""
        self.register_outputs({"apiServer": self.api_server})
