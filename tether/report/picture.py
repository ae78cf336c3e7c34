"""What the topology picture shows, whatever it is drawn with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tether.topology import Role

_SHORT_FINGERPRINT = len("91:20:73:54:6F:39:47:7A")


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """One gateway's Service."""

    service: str
    """``namespace/name``."""
    network: str = ""
    """Network that it leads into; empty for an ingress gateway."""
    addresses: tuple[str, ...] = ()
    """IP addresses and host names; empty while it waits for one."""
    ports: tuple[int, ...] = ()
    """The gateway's own."""
    outside: Mapping[int, int] = field(default_factory=dict[int, int], hash=False)
    """By own port: the port to go to, where that is another: one of the nodes."""

    def entrance(self, port: int) -> int:
        """Port to go to for one of its own."""
        return self.outside.get(port, port)

    @property
    def address(self) -> str:
        """Its addresses in one line: ``10.89.3.128 +1``; empty where there is none."""
        return self.addresses[0] + self.more if self.addresses else ""

    @property
    def more(self) -> str:
        """How many addresses it has beside the first, as the end of a line: `` +1``; empty where it has no other."""
        return f" +{len(self.addresses) - 1}" if len(self.addresses) > 1 else ""


@dataclass(frozen=True, kw_only=True)
class RemoteSecret:
    """What istiod reads a remote with."""

    name: str
    """``namespace/name`` in the primary."""
    cluster_id: str
    """Data key: istiod's name for the cluster."""
    server: str
    """URL of the API server that it leads to."""
    state: str = ""
    """What istiod says of the cluster: ``synced``, ``syncing``, ``timeout``; empty where it says nothing."""


@dataclass(frozen=True, kw_only=True)
class Istiod:
    """The control plane."""

    host: str
    """Name that its certificate is valid for."""
    version: str = ""
    pods: int = 0
    ready: int = 0

    @property
    def service(self) -> str:
        """Its Service, of the same name in every cluster."""
        return self.host.partition(".")[0]

    @property
    def readiness(self) -> str:
        """How many of its pods are ready, in words."""
        return f"{self.ready} of {self.pods} pods ready"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster as it was seen."""

    name: str
    """What the user calls it."""
    role: Role
    cluster_id: str = ""
    network: str = ""
    api_server: str = ""
    """URL: as istiod reads it for a remote with a remote secret, else as this machine reaches it."""
    kubernetes: str = ""
    """Version of the API server; empty where it does not answer."""
    root: str = ""
    """SHA-256 fingerprint of the root that proxies are told to trust; empty where they are told none."""
    gateways: tuple[Gateway, ...] = ()
    """East-west gateways."""
    ingress: tuple[Gateway, ...] = ()
    """Gateways for clients outside of the mesh."""
    istiod_addresses: tuple[str, ...] = ()
    """Where a remote's Service istiod leads to."""
    secret: RemoteSecret | None = None
    """The remote secret that leads here."""
    gaps: tuple[str, ...] = ()
    """What could not be read, and why; secrets masked."""

    @property
    def is_primary(self) -> bool:
        """Whether istiod runs here."""
        return self.role is Role.PRIMARY

    @property
    def gateway_addresses(self) -> tuple[str, ...]:
        """Addresses of all east-west gateways."""
        return tuple(address for gateway in self.gateways for address in gateway.addresses)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A whole mesh as it was seen."""

    stack: str = ""
    """Stack that made it; empty where it is not Tether's."""
    mesh_id: str = ""
    trust_domain: str = ""
    root_until: str = ""
    """Day on which the root ends, ISO 8601; empty where there is no root."""
    istiod: Istiod
    clusters: tuple[Cluster, ...]
    """The primary first."""

    @property
    def primary(self) -> Cluster:
        """The cluster that runs istiod."""
        return self.clusters[0]

    @property
    def remotes(self) -> tuple[Cluster, ...]:
        """The clusters that it serves."""
        return self.clusters[1:]

    @property
    def root(self) -> str:
        """Fingerprint of the root that the mesh trusts: the primary's."""
        return self.primary.root

    @property
    def name(self) -> str:
        """What to call it in a title."""
        return f"Mesh {self.mesh_id}" if self.mesh_id else f"Mesh of {self.primary.name}"

    def trusts_the_root(self, cluster: Cluster) -> bool:
        """Whether a cluster's proxies are told the root of the mesh."""
        return bool(self.root) and cluster.root == self.root

    @property
    def sharers(self) -> tuple[Cluster, ...]:
        """The clusters that trust the root of the mesh."""
        return tuple(cluster for cluster in self.clusters if self.trusts_the_root(cluster))

    def finds_istiod(self, remote: Cluster) -> bool:
        """Whether a remote's Service istiod leads to the primary's gateway; host names are taken on trust."""
        wanted = self.primary.gateway_addresses
        named = any(any(letter.isalpha() for letter in address) and ":" not in address for address in wanted)
        return bool(remote.istiod_addresses) and (named or set(remote.istiod_addresses) <= set(wanted))


def short(fingerprint: str) -> str:
    """First eight bytes of a fingerprint: enough to tell two roots apart by eye."""
    return fingerprint[:_SHORT_FINGERPRINT]
