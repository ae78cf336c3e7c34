"""The result of ``tether up`` for programs: the stack's outputs without the kubeconfigs, and how long they are good."""

from typing import Any, Literal, cast

from pydantic import ConfigDict

from tether.cli import summary
from tether.cli.summary import Outcome
from tether.document import Document, Kind, Part

OUTPUTS = ("endpoints", "clusters", "mesh", "credentials", "verification")
"""Those of the stack that the document holds."""


class _Output(Part):
    """An object of a stack output: absent where it does not apply, and open to more."""

    model_config = ConfigDict(extra="allow", json_schema_serialization_defaults_required=False)


class Address(_Output):
    """Where something is entered."""

    address: str
    """IP address, of two families the IPv4 one, or host name; of one of the nodes, where these are the way in."""
    ports: dict[str, int]
    """By what they are for; those of the nodes, where these are the way in."""


class Endpoint(_Output):
    """Where a cluster is reached."""

    cluster: str
    """Cluster ID."""
    role: Literal["primary", "remote"]
    """What it is in the mesh."""
    network: str
    """Istio's name for its network."""
    api_server: str
    """URL as other clusters' pods reach it."""
    east_west_gateway: Address | None
    """Entrance for other networks: `tls`, `status`."""
    ingress_gateway: Address | None = None
    """Entrance for clients outside of the mesh: `http`, `https`; null where there is none."""
    istiod: Address | None
    """Entrance for remotes, in the primary: `xds`, `webhook`; else null."""


class Mesh(_Output):
    """The mesh as a whole."""

    mesh_id: str
    """Istio's name for it."""
    trust_domain: str
    """First part of every identity."""
    revision: str = ""
    """Istio's revision, where the settings name one."""
    root_certificate_fingerprint: str
    """SHA-256."""
    root_certificate_expiry: str
    """ISO 8601."""
    intermediate_certificate_fingerprint: str = ""
    """SHA-256 of the certificate that istiod signs with."""
    intermediate_certificate_expiry: str = ""
    """ISO 8601."""
    certificate_authority: str = ""
    """`generated`, `provided`, `existing`."""
    istio_version: str
    """Of istiod."""
    envoy_version: str
    """Of the proxies."""
    data_plane: str
    """`istio`, `envoy`."""
    source: str
    """Where the parts come from: `installed`, `releases`, `packages`."""


class Credential(_Output):
    """What istiod reads a remote with; never the token itself."""

    cluster: str
    """The remote."""
    kind: str
    """`token-secret`, `bound`."""
    expiry: str | None = None
    """ISO 8601, UTC; null where the token has no end."""


class Verification(_Output):
    """What the requests between the clusters saw."""

    requests: int
    """How many were sent."""
    answers: dict[str, dict[str, int]]
    """By asking cluster: how many answers came from which."""
    identities: tuple[str, ...] = ()
    """SPIFFE identities that were seen across clusters."""
    seconds: float
    """How long it took."""
    verified_at: str = ""
    """ISO 8601, UTC."""


class DaysLeft(Part):
    """Whole days, as of the command; below zero where it has ended."""

    root: int | None
    """Of the root certificate."""
    intermediate: int | None
    """Of the certificate that istiod signs with."""
    credentials: dict[str, int]
    """By remote: of a token that ends."""


class MeshDocument(Document):
    """A mesh that is up."""

    kind: Literal[Kind.MESH] = Kind.MESH
    changes: int
    """Resources created, changed or removed by this run."""
    seconds: float
    """How long the run took."""
    kubeconfigs: str
    """Folder of the kubeconfig files, relative to the project."""
    endpoints: list[Endpoint] | None
    """One per cluster."""
    clusters: list[str] | None
    """Cluster IDs."""
    mesh: Mesh | None
    """The mesh as a whole."""
    credentials: list[Credential] | None
    """One per remote."""
    verification: Verification | None
    """The proof that requests cross; null with `tether:verify: false`."""
    days_left: DaysLeft
    """How long certificates and credentials are good."""


def document(outcome: Outcome) -> MeshDocument:
    """Tell what a run brought."""
    outputs = outcome.outputs
    left = summary.days_left(cast("dict[str, Any]", outputs.get("mesh") or {}))
    # Unchecked: outputs may be those of an earlier version, and a run that went well must not fail because of that.
    return MeshDocument.model_construct(
        changes=outcome.changes,
        seconds=round(outcome.seconds, 3),
        kubeconfigs=outcome.kubeconfigs,
        **{name: outputs.get(name) for name in OUTPUTS},
        days_left=DaysLeft(**left, credentials=summary.credential_days_left(outputs)),
    )
