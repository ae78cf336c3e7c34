"""A cluster as the arguments of a mesh describe it."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.east_west_gateway import ExposureArgs
from components.istio import HelmValuesArgs
from components.remote_secret import ApiServerTrustArgs


class MeshClusterSettingsArgs(TypedDict):
    """Arguments of the platform's component (KindCluster, ExistingCluster, …) that are this cluster's own."""

    kubeconfig: NotRequired[pulumi.Input[str]]
    """existing: content of a kubeconfig whose current context is the cluster; kept secret."""
    api_server: NotRequired[pulumi.Input[str]]
    """existing: needed for remotes, URL of the API server as the primary's istiod reaches it."""
    pod_cidr: NotRequired[pulumi.Input[str]]
    """kind: range of the pods' addresses; of two IP families two, separated by a comma."""
    service_cidr: NotRequired[pulumi.Input[str]]
    """kind: range of the services' addresses, in the same way."""
    kind_config: NotRequired[pulumi.Input[dict[str, Any]]]
    """kind: more of kind's own configuration, merged in; keys as kind writes them."""
    node_image: NotRequired[pulumi.Input[str]]
    """kind: another node image than the other clusters'."""
    node_image_has_network: NotRequired[pulumi.Input[bool]]
    """kind: that image brings a pod network of its own."""
    kubernetes_version: NotRequired[pulumi.Input[str]]
    """kind: version that the image carries."""
    region: NotRequired[str]
    """clouds: region of the cloud; for GKE a zone does as well."""
    version: NotRequired[pulumi.Input[str]]
    """clouds: version of Kubernetes; the cloud's default when left out."""
    node_type: NotRequired[pulumi.Input[str]]
    """clouds: machine type of the nodes."""
    nodes: NotRequired[pulumi.Input[int]]
    """clouds: number of nodes; in a region of GKE, of each zone."""
    endpoint: NotRequired[str]
    """clouds: ``public`` or ``private``, where the API server is reached."""
    endpoint_sources: NotRequired[list[str]]
    """clouds: networks that may call the API server, CIDR notation."""
    network_cidr: NotRequired[str]
    """clouds: range of the network that is made for the cluster."""
    subnets: NotRequired[list[pulumi.Input[str]]]
    """eks: IDs of subnets to take, in at least two zones; a VPC is made when left out."""
    project: NotRequired[str]
    """gke: Google Cloud project; the provider's own when left out."""
    control_plane_cidr: NotRequired[str]
    """gke: the /28 out of which the API server calls webhooks, and has its private address."""
    network: NotRequired[pulumi.Input[str]]
    """gke: network to take; one is made when left out."""
    subnetwork: NotRequired[pulumi.Input[str]]
    """gke: its subnetwork."""
    subnet: NotRequired[pulumi.Input[str]]
    """aks: resource ID of a subnet to take, its rules included; a virtual network is made when left out."""


class MeshClusterArgs(TypedDict):
    """One cluster of the mesh."""

    name: str
    """Istio cluster ID."""
    role: str
    """``primary`` for the one that runs istiod, else ``remote``."""
    network: str
    """Network of the cluster's pods; every cluster has its own."""
    platform: str
    """``kind``, ``eks``, ``gke`` or ``aks`` to create the cluster, ``existing`` to take one."""
    settings: NotRequired[MeshClusterSettingsArgs]
    """What the platform's component takes."""
    helm_values: NotRequired[HelmValuesArgs]
    """Helm values of this cluster, laid over those in ``istio``."""
    exposure: NotRequired[ExposureArgs]
    """Who may reach the cluster's east-west gateway, and where; everybody, at a load balancer when left out."""
    bound_token_hours: NotRequired[int]
    """Lifetime of the token with which istiod reads a remote, and which Tether renews; without an end when left out."""
    api_server_trust: NotRequired[ApiServerTrustArgs]
    """What istiod goes by to know a remote's API server, where that shows another certificate than its own."""
    v1_endpoints: NotRequired[bool]
    """Whether a remote's API server finds the Services of webhooks through v1 Endpoints, as on GKE and AKS."""
