"""Names, networks and addresses of a mesh: every derived name is made here and nowhere else.

Pure functions over settings; nothing here asks a cluster or a runtime.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tether import versions
from tether.revision import DEFAULT, Revision

if TYPE_CHECKING:
    from tether.settings import ClusterSettings, Settings
    from tether.settings.clouds import CloudSettings

OWN_AUTHORITY = "tether.api-server-authority"
"""Annotation of a remote secret, ``stated``: the CA in it was chosen, and is not the cluster's own."""
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

STATUS_PORT = 15021
"""Health of a gateway: ``/healthz/ready``."""
CROSS_NETWORK_PORT = 15443
"""mTLS between networks, passed through by server name."""
XDS_PORT = 15012
"""istiod: discovery and certificate signing."""
WEBHOOK_PORT = 15017
"""istiod: sidecar injection, called by the remote's API server."""
GATEWAY_PORTS = (STATUS_PORT, CROSS_NETWORK_PORT, XDS_PORT, WEBHOOK_PORT)
"""What an east-west gateway serves (gateway chart, value ``networkGateway``)."""
MONITORING_PORT = 15014
"""istiod: metrics and version for everybody, ``/debug`` for its own pod alone (istio, pilot/pkg/xds/debug.go)."""
PROXY_ADMIN_PORT = 15000
"""Envoy's administration interface; a proxy opens it for its own pod alone."""

LOAD_BALANCER_NAMESPACE = "metallb-system"
EAST_WEST_GATEWAY = "istio-eastwestgateway"
"""Name of the gateway's Release, Deployment and Service."""
INGRESS_GATEWAY = "istio-ingressgateway"
"""The same of the gateway for clients outside of the mesh; Istio's samples select it by ``istio: ingressgateway``."""
INGRESS_PORTS = {"http": 80, "https": 443}
"""What an ingress gateway serves (gateway chart, value ``service.ports``)."""
READER_SERVICE_ACCOUNT = "istio-reader-service-account"
READER_TOKEN_SECRET = "istio-reader-service-account-istio-remote-secret-token"  # noqa: S105 - a name, no secret
"""The name that ``istioctl create-remote-secret`` gives (istioctl/pkg/multicluster/remote_secret.go)."""
BOUND_TOKEN_LABEL = "tether.bound-token"  # noqa: S105 - a label, no secret
"""On the empty Secret that a token of the reader is bound to: it is valid while that is there."""
ROOT_CERTIFICATE_CONFIG_MAP = "istio-ca-root-cert"
CA_SECRET = "cacerts"  # noqa: S105 - a name, no secret
DEFAULT_TRUST_DOMAIN = "cluster.local"
DEFAULT_POD_CIDR = "10.244.0.0/16"
DEFAULT_SERVICE_CIDR = "10.96.0.0/16"
DEFAULT_POD_CIDR_IPV6 = "fd00:10:244::/56"
DEFAULT_SERVICE_CIDR_IPV6 = "fd00:10:96::/112"
"""These four are kind's own (pkg/internal/apis/config/default.go)."""
DEFAULT_CLOUD_CIDR = "10.64.0.0/16"
"""Of a network that is made in a cloud."""
DEFAULT_CONTROL_PLANE_CIDR = "172.16.0.0/28"
"""Of a GKE API server."""

ENVIRONMENT_NETWORKS = "10.89.0.0/16"
"""Every environment takes one free /24 of it."""
ENVIRONMENT_NETWORKS_IPV6 = "fd74::/16"
"""Every environment with IPv6 takes the /64 of it that its suffix names; unique local addresses (RFC 4193)."""
ENVIRONMENT_LABEL = "tether.environment"
"""Label of container networks; its value is the environment's suffix."""
MADE_ANNOTATION = "tether.made"
"""On Istio's namespace in a cluster that was there already, if the namespace was not; it goes with the mesh then."""
KIND_CLUSTER_LABEL = "io.x-k8s.kind.cluster"
"""Label that kind gives to its containers and volumes; its value is the kind cluster name."""

AUDIT_LOG = "kubernetes/audit/audit.log"
"""Where a kind cluster's API server records token reviews; below the node's ``/var/log``, which the kubelet serves."""

SUFFIX_LENGTH = 8
POOL_SIZE = 8
"""Load balancer addresses of a kind cluster: two for the gateways, the others for whatever the user exposes."""
_LABEL_LIMIT = 63
_CONTROL_PLANE = "-control-plane"
KIND_NAME_LIMIT = _LABEL_LIMIT - len(_CONTROL_PLANE)
"""49: the node's host name is a DNS label; kind itself allows 50 (pkg/cluster/internal/create/create.go)."""
KIND_CLUSTER_LIMIT = KIND_NAME_LIMIT - 1 - SUFFIX_LENGTH
"""40: what is left for a cluster's name in the settings."""
POOL_LIMIT = (256 // 2 - 1) // POOL_SIZE
"""15: how many address pools fit into the upper half of a /24, and so how many kind clusters into an environment."""


class Role(StrEnum):
    """What a cluster is in the mesh."""

    PRIMARY = "primary"
    REMOTE = "remote"


class Platform(StrEnum):
    """Where a cluster comes from."""

    KIND = "kind"
    EXISTING = "existing"
    EKS = "eks"
    GKE = "gke"
    AKS = "aks"


class IpFamily(StrEnum):
    """Which IP addresses nodes, pods, Services and gateways have, in kind's words."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DUAL = "dual"

    @property
    def names(self) -> tuple[str, ...]:
        """Kubernetes' words for them, the clusters' first family first."""
        return {"ipv4": ("IPv4",), "ipv6": ("IPv6",), "dual": ("IPv4", "IPv6")}[self.value]

    def pick(self, ipv4: str, ipv6: str) -> str:
        """Those of two texts that it needs, with a comma between as kind, kubeadm and MetalLB write several."""
        return ",".join(text for name, text in (("IPv4", ipv4), ("IPv6", ipv6)) if name in self.names)

    @classmethod
    def of(cls, cidrs: str) -> "IpFamily":
        """The family of what :meth:`pick` picked."""
        if "," in cidrs:
            return cls.DUAL
        return cls.IPV6 if ":" in cidrs else cls.IPV4


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """One cluster with every name that follows from its settings."""

    name: str
    """Also the Istio cluster ID."""
    role: Role
    network: str
    platform: Platform
    index: int
    """Position in the settings; the address pool has the same."""
    pod_cidr: str = DEFAULT_POD_CIDR
    service_cidr: str = DEFAULT_SERVICE_CIDR
    node_image: str | None = None
    """``None``: the one that the toolchain chose."""
    kubernetes_version: str | None = None
    """What is expected of the nodes; ``None`` where neither node image nor settings say."""
    kind_config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    kubeconfig: str | None = field(default=None, repr=False)
    """Path or content; existing clusters only. Secret."""
    context: str | None = None
    api_server: str | None = None
    """URL of the API server as other clusters' pods reach it; existing clusters only."""
    api_server_name: str | None = None
    """Name in the certificate that ``api_server`` shows; ``None``: that of the URL."""
    api_server_ca: str | None = None
    """Path or content of the CA of that certificate, PEM; ``None``: the cluster's own."""
    v1_endpoints: bool | None = None
    """Whether v1 Endpoints stand beside the EndpointSlice of istiod; ``None``: where a remote's cloud needs them."""
    cloud: "CloudSettings | None" = None
    """What the cluster is made of; in clouds only."""

    @property
    def injection_path(self) -> str:
        """Path of istiod's webhook; it tells a pod its cluster ID and network."""
        return f"/inject/cluster/{self.name}/net/{self.network}"

    @property
    def remote_secret_name(self) -> str:
        """Secret in the primary with which istiod reads this cluster's API server."""
        return f"istio-remote-secret-{self.name}"

    @property
    def is_kind(self) -> bool:
        """Whether the cluster is made on this machine."""
        return self.platform is Platform.KIND

    @property
    def is_made(self) -> bool:
        """Whether Tether makes the cluster itself, here or in a cloud, and takes it away again."""
        return self.platform is not Platform.EXISTING


@dataclass(frozen=True, kw_only=True)
class Topology:
    """A mesh: one primary, one or more remotes, each on a network of its own."""

    mesh_id: str
    trust_domain: str
    istio_namespace: str
    clusters: tuple[ClusterPlan, ...]
    """In the order of the settings."""
    ip_family: IpFamily = IpFamily.IPV4
    revision: Revision = DEFAULT

    @property
    def primary(self) -> ClusterPlan:
        """The cluster that runs istiod."""
        return next(cluster for cluster in self.clusters if cluster.role is Role.PRIMARY)

    @property
    def remotes(self) -> tuple[ClusterPlan, ...]:
        """The clusters that the primary's istiod serves."""
        return tuple(cluster for cluster in self.clusters if cluster.role is Role.REMOTE)

    @property
    def istiod_host(self) -> str:
        """The name by which the remotes know istiod."""
        return self.revision.host(self.istio_namespace)

    @property
    def remotes_need_mesh_config(self) -> bool:
        """Whether every remote needs a ConfigMap ``istio`` with the trust domain.

        istiod reads the mesh configuration of each remote and takes the default trust domain where that
        ConfigMap is missing (pilot/pkg/serviceregistry/kube/controller, since Istio 1.29).
        """
        return self.trust_domain != DEFAULT_TRUST_DOMAIN


@dataclass(frozen=True)
class AddressPool:
    """Addresses that one cluster's load balancer may give away."""

    first: str
    last: str

    @property
    def range(self) -> str:
        """First and last address as MetalLB writes them."""
        return f"{self.first}-{self.last}"


def plan(settings: "Settings") -> Topology:
    """Derive everything that follows from valid settings."""
    return Topology(
        mesh_id=settings.mesh_id,
        trust_domain=settings.trust_domain,
        istio_namespace=settings.istio_namespace,
        clusters=tuple(
            _plan_cluster(index, cluster, settings.ip_family) for index, cluster in enumerate(settings.clusters)
        ),
        ip_family=settings.ip_family,
        revision=Revision(settings.istio.revision),
    )


def _plan_cluster(index: int, cluster: "ClusterSettings", family: IpFamily) -> ClusterPlan:
    return ClusterPlan(
        name=cluster.name,
        role=cluster.role,
        network=cluster.network,
        platform=cluster.platform,
        index=index,
        pod_cidr=cluster.pod_cidr or family.pick(DEFAULT_POD_CIDR, DEFAULT_POD_CIDR_IPV6),
        service_cidr=cluster.service_cidr or family.pick(DEFAULT_SERVICE_CIDR, DEFAULT_SERVICE_CIDR_IPV6),
        node_image=cluster.node_image,
        kubernetes_version=_expected_kubernetes(cluster),
        kind_config=cluster.kind_config,
        kubeconfig=cluster.kubeconfig.get_secret_value() if cluster.kubeconfig else None,
        context=cluster.context,
        api_server=cluster.api_server,
        api_server_name=cluster.api_server_name,
        api_server_ca=cluster.api_server_ca,
        v1_endpoints=cluster.v1_endpoints,
        cloud=cluster.cloud,
    )


def _expected_kubernetes(cluster: "ClusterSettings") -> str | None:
    if cluster.platform is not Platform.KIND:
        return cluster.cloud.version if cluster.cloud else None
    return versions.KUBERNETES.version if cluster.node_image is None else kubernetes_of_image(cluster.node_image)


def kubernetes_of_image(image: str) -> str | None:
    """Version that a node image names in its tag (``kindest/node:v1.34.4`` says 1.34.4), or None."""
    reference = image.partition("@")[0]
    tag = reference.rpartition(":")[2] if ":" in reference.rpartition("/")[2] else ""
    version = tag.removeprefix("v").partition("-")[0]
    parts = version.split(".")
    return version if len(parts) >= 2 and all(part.isascii() and part.isdigit() for part in parts) else None


def network_name(suffix: str) -> str:
    """Name of the environment's container network."""
    return f"tether-{suffix}"


def kind_cluster_name(cluster: str, suffix: str) -> str:
    """Name that kind knows a cluster by.

    Raises:
        ValueError: the name does not leave room for the node's host name.
    """
    name = f"{cluster}-{suffix}"
    if len(name) > KIND_NAME_LIMIT:
        raise ValueError(f"kind cluster name {name} has {len(name)} characters, the limit is {KIND_NAME_LIMIT}")
    return name


def control_plane_host(kind_cluster: str) -> str:
    """Container and host name of a kind cluster's node; resolves inside its container network."""
    return f"{kind_cluster}{_CONTROL_PLANE}"


def node_addresses(containers: Sequence[Mapping[str, str]]) -> list[str]:
    """Addresses of a kind cluster's nodes, sorted as text.

    Args:
        containers: ``name`` and ``address`` of each; before several control planes kind puts a container that is no
            node (pkg/cluster/constants/constants.go, ExternalLoadBalancerNodeRoleValue).
    """
    return sorted(one["address"] for one in containers if not one["name"].endswith("-external-load-balancer"))


def internal_api_server(kind_cluster: str) -> str:
    """URL of a kind cluster's API server as pods of other clusters on the same container network reach it."""
    return f"https://{control_plane_host(kind_cluster)}:6443"


def belongs_to(name: str, suffix: str) -> bool:
    """Whether a kind cluster, container, network or volume name is one of this environment's."""
    return f"-{suffix}-" in f"{name}-"


def subnet_candidates(suffix: str) -> tuple[str, ...]:
    """Every /24 that an environment may take, in the order to try them.

    The order depends on the suffix, so that environments which start at the same time seldom want the same.
    """
    subnets = [str(subnet) for subnet in ipaddress.IPv4Network(ENVIRONMENT_NETWORKS).subnets(new_prefix=24)]
    start = int(suffix, 16) % len(subnets)
    return (*subnets[start:], *subnets[:start])


def ipv6_subnet(suffix: str) -> str:
    """The /64 of an environment with IPv6; 32 bits of the suffix are in it, so no other one has it."""
    first = int(ipaddress.IPv6Network(ENVIRONMENT_NETWORKS_IPV6).network_address)
    return str(ipaddress.IPv6Network((first | int(suffix, 16) % (1 << 32) << 80, 64)))


def gateway_address(subnet: str) -> str:
    """First address of a subnet: the one of the machine that runs the containers (``--gateway``)."""
    return str(ipaddress.ip_network(subnet).network_address + 1)


def container_range(subnet: str) -> str:
    """Lower half of a subnet: the addresses that the runtime may give to containers (``--ip-range``)."""
    lower, _ = _halves(subnet)
    return str(lower)


def address_pools(subnet: str) -> tuple[AddressPool, ...]:
    """Cut the upper half of a /24 or of a /64 into load balancer pools of one size.

    An IPv4 network's broadcast address is left out, and of IPv6 the addresses before the first pool: what ends
    with ``::`` would be a key in YAML, into which charts write addresses without quotes.

    Raises:
        ValueError: the subnet is no network, or too small for one pool.
    """
    _, upper = _halves(subnet)
    skipped = POOL_SIZE if upper.version == 6 else 0
    count = min((upper.num_addresses - skipped - 1) // POOL_SIZE, POOL_LIMIT)
    if count < 1:
        raise ValueError(f"subnet {subnet} is too small to hold a pool of {POOL_SIZE} addresses")
    starts = (upper.network_address + skipped + index * POOL_SIZE for index in range(count))
    return tuple(AddressPool(str(start), str(start + POOL_SIZE - 1)) for start in starts)


def pool_places(members: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """Give every cluster a pool, and leave those that have one alone.

    Args:
        members: Names of the clusters.
        before: Index of the pool by cluster, as it is now. What leaves may still announce its addresses while others
            come, so newcomers take its pool only where no other is free.

    Raises:
        ValueError: there are more clusters than pools.
    """
    places = {name: before[name] for name in members if name in before}
    used = set(places.values())
    free = [index for index in range(POOL_LIMIT) if index not in used]
    free.sort(key=lambda index: (index in before.values(), index))
    newcomers = [name for name in members if name not in places]
    if len(newcomers) > len(free):
        raise ValueError(f"{len(members)} kind clusters were asked for, there are addresses for {POOL_LIMIT}")
    return {**places, **dict(zip(newcomers, free, strict=False))}


def _halves(subnet: str) -> tuple[IpNetwork, IpNetwork]:
    network = ipaddress.ip_network(subnet)
    if network.num_addresses < 8:
        raise ValueError(f"subnet {subnet} is too small to hold containers and load balancers")
    lower, upper = network.subnets(prefixlen_diff=1)
    return lower, upper
