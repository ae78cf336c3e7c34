"""The topology for programs: the same facts as in the picture."""

from typing import Literal

from tether.document import Document, Kind, Part
from tether.report.picture import Cluster, Gateway, Picture
from tether.topology import WEBHOOK_PORT, XDS_PORT, Role


class MeshPart(Part):
    """The mesh as a whole."""

    id: str
    """From the values of istiod's chart."""
    stack: str
    """Empty for a mesh that is not Tether's."""
    trust_domain: str
    """From the mesh configuration."""


class TrustPart(Part):
    """What the mesh trusts."""

    root_fingerprint: str
    """SHA-256 of what the primary's proxies are told."""
    root_until: str
    """Day on which the root ends, ISO 8601; empty where there is none."""
    shared_by: tuple[str, ...]
    """Clusters whose proxies are told the same."""


class IstiodPortsPart(Part):
    """Ports of istiod at the primary's east-west gateway."""

    xds: int
    """Certificates and configuration."""
    webhook: int
    """Injection and validation."""


class IstiodPart(Part):
    """The control plane."""

    cluster: str
    """The primary."""
    host: str
    """Name in its certificate."""
    version: str
    """Of istiod; empty where it does not say."""
    pods: int
    """How many there are."""
    ready: int
    """How many of them are ready."""
    ports: IstiodPortsPart
    """Where remotes reach it."""


class GatewayPart(Part):
    """One gateway's Service."""

    service: str
    """`namespace/name`."""
    network: str
    """Network that it leads into; empty for an ingress gateway."""
    addresses: tuple[str, ...]
    """IP addresses and host names; empty while it waits for one."""
    ports: tuple[int, ...]
    """The gateway's own."""
    node_ports: dict[str, int]
    """By own port: the nodes' port to go to, where the gateway is entered at nodes."""


class RemoteSecretPart(Part):
    """What istiod reads a remote with."""

    name: str
    """`namespace/name` in the primary."""
    cluster_id: str
    """Data key: istiod's name for the cluster."""
    reads: str
    """URL of the API server that it leads to."""
    state: str
    """Istiod's word: `synced`, `syncing`, `timeout`; empty where it does not know the cluster."""


class ClusterPart(Part):
    """One cluster as it was seen."""

    name: str
    """What the user calls it."""
    role: Role
    """What it is in the mesh."""
    cluster_id: str
    """Istio's name for it."""
    network: str
    """Istio's name for its network."""
    api_server: str
    """URL: as istiod reads it where there is a remote secret, else as this machine reaches it."""
    kubernetes: str
    """Version; empty where the API server does not answer."""
    root_fingerprint: str
    """SHA-256 of what its proxies are told."""
    trusts_the_root: bool
    """Whether that is the mesh's root."""
    east_west_gateways: tuple[GatewayPart, ...]
    """Gateways for other networks."""
    ingress_gateways: tuple[GatewayPart, ...]
    """Gateways for clients outside of the mesh."""
    istiod_addresses: tuple[str, ...]
    """Where a remote's Service istiod leads to."""
    remote_secret: RemoteSecretPart | None
    """The remote secret that leads here; null where there is none."""
    gaps: tuple[str, ...]
    """What could not be read, and why."""


class TopologyDocument(Document):
    """Clusters, networks, gateways, addresses and trust as they are."""

    kind: Literal[Kind.TOPOLOGY] = Kind.TOPOLOGY
    mesh: MeshPart
    """The mesh as a whole."""
    trust: TrustPart
    """What it trusts."""
    istiod: IstiodPart
    """The control plane."""
    clusters: tuple[ClusterPart, ...]
    """The primary first."""


def topology(picture: Picture) -> TopologyDocument:
    """Tell what the picture shows."""
    return TopologyDocument(
        mesh=MeshPart(id=picture.mesh_id, stack=picture.stack, trust_domain=picture.trust_domain),
        trust=TrustPart(
            root_fingerprint=picture.root,
            root_until=picture.root_until,
            shared_by=tuple(cluster.name for cluster in picture.sharers),
        ),
        istiod=IstiodPart(
            cluster=picture.primary.name,
            host=picture.istiod.host,
            version=picture.istiod.version,
            pods=picture.istiod.pods,
            ready=picture.istiod.ready,
            ports=IstiodPortsPart(xds=XDS_PORT, webhook=WEBHOOK_PORT),
        ),
        clusters=tuple(_cluster(picture, cluster) for cluster in picture.clusters),
    )


def _cluster(picture: Picture, cluster: Cluster) -> ClusterPart:
    secret = cluster.secret
    return ClusterPart(
        name=cluster.name,
        role=cluster.role,
        cluster_id=cluster.cluster_id,
        network=cluster.network,
        api_server=cluster.api_server,
        kubernetes=cluster.kubernetes,
        root_fingerprint=cluster.root,
        trusts_the_root=picture.trusts_the_root(cluster),
        east_west_gateways=tuple(map(_gateway, cluster.gateways)),
        ingress_gateways=tuple(map(_gateway, cluster.ingress)),
        istiod_addresses=cluster.istiod_addresses,
        remote_secret=secret
        and RemoteSecretPart(name=secret.name, cluster_id=secret.cluster_id, reads=secret.server, state=secret.state),
        gaps=cluster.gaps,
    )


def _gateway(gateway: Gateway) -> GatewayPart:
    return GatewayPart(
        service=gateway.service,
        network=gateway.network,
        addresses=gateway.addresses,
        ports=gateway.ports,
        node_ports={str(own): port for own, port in gateway.outside.items()},
    )
