"""What a verification saw: requests between every two clusters, and what had to be refused or taken over."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import ValidationError

from tether.document import Document, Kind, Part, first_fault


class Proof(StrEnum):
    """What can be proved; the names that ``--only`` takes."""

    HTTP = "http"
    GRPC = "grpc"
    TCP = "tcp"
    STRICT = "strict"
    AUTHORIZATION = "authorization"
    FAILOVER = "failover"


class Protocol(StrEnum):
    """What the requests speak."""

    HTTP = "http"
    GRPC = "grpc"
    TCP = "tcp"


class Mode(StrEnum):
    """What the answering side takes (PeerAuthentication of the namespace)."""

    PERMISSIVE = "permissive"
    """mTLS and plaintext; a mesh's own default. Requests between clusters are mTLS all the same."""
    STRICT = "strict"
    """mTLS only."""


class MatrixError(ValueError):
    """The document is not one of this version of Tether."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Requests of one cluster to another, over one protocol, in one mode: the last round of them."""

    source: str
    destination: str
    protocol: Protocol
    mode: Mode
    requests: int
    """How many were sent; 0 where it was not tried."""
    lost: int
    """How many of them were not answered by the destination."""
    p50_ms: float | None = None
    """Milliseconds that half of the answered requests took at most; None where none was answered or timed."""
    p95_ms: float | None = None
    max_ms: float | None = None
    client: str = ""
    """SPIFFE identity of the asking side as the answering side's proxy saw it; empty where it saw none."""
    server: str = ""
    """SPIFFE identity of the answering side."""
    rounds: int = 0
    """How many rounds it took; earlier ones meet proxies that do not know every endpoint yet."""
    wrong: str = ""
    """Why this is no proof, in one sentence; empty where it is one."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Something that had to come true besides answered requests: a refusal, or another cluster's help."""

    proof: Proof
    source: str
    """Cluster that asked."""
    destination: str
    """Cluster that was asked or, for a failover, those that answered."""
    protocol: Protocol
    expectation: str
    """What had to come true, as a sentence."""
    requests: int
    """How many were sent in the last round; 0 where it was not tried."""
    fulfilled: int
    """How many of them ended as expected."""
    seen: str
    """How they ended, in words."""
    early: int = 0
    """Requests of earlier rounds that ended otherwise, while a change was on its way to the proxies."""
    lost: int = 0
    """Requests of all rounds that nobody answered although an answer was due: what a failover cost."""
    seconds: float = 0
    """From the change until it came true."""
    wrong: str = ""
    """Why this is no proof, in one sentence; empty where it is one."""


@dataclass(frozen=True, kw_only=True)
class Party:
    """One cluster of the mesh."""

    name: str
    role: str
    """``primary`` or ``remote``."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A whole verification."""

    stack: str
    """Name of the stack; empty for a mesh that is not Tether's."""
    clusters: tuple[Party, ...]
    """The primary first."""
    proofs: tuple[Proof, ...]
    """Those that were asked for."""
    cells: tuple[Cell, ...]
    outcomes: tuple[Outcome, ...] = ()
    wrong: str = ""
    """Why nothing could be proved at all, for example where the echo application does not start; else empty."""
    seconds: float = 0
    verified_at: str = ""
    """ISO 8601, UTC."""
    kept: str = ""
    """Namespace that was left for looking; empty where nothing was left."""

    @property
    def complaints(self) -> tuple[str, ...]:
        """Everything that is not proved, in one sentence each."""
        found = [self.wrong, *(cell.wrong for cell in self.cells), *(outcome.wrong for outcome in self.outcomes)]
        return tuple(dict.fromkeys(sentence for sentence in found if sentence))

    @property
    def is_proved(self) -> bool:
        """Whether all that was asked for came true; a verification that saw nothing proves nothing."""
        return not self.complaints and bool(self.cells or self.outcomes)

    @property
    def requests(self) -> int:
        """How many requests the proofs rest on."""
        return sum(cell.requests for cell in self.cells) + sum(outcome.requests for outcome in self.outcomes)

    @property
    def lost(self) -> int:
        """How many of the requests between clusters were not answered."""
        return sum(cell.lost for cell in self.cells)


class MeshPart(Part):
    """The mesh that was verified."""

    stack: str
    """Name of the stack; empty for a mesh that is not Tether's."""
    clusters: tuple[Party, ...]
    """The primary first."""


class VerificationDocument(Document):
    """What a verification saw."""

    kind: Literal[Kind.VERIFICATION] = Kind.VERIFICATION
    proved: bool
    """Whether all that was asked for came true."""
    mesh: MeshPart
    """Which mesh was verified."""
    proofs: tuple[Proof, ...]
    """Those that were asked for."""
    requests: int
    """How many requests the proofs rest on: those of the last rounds."""
    lost: int
    """How many of those between clusters were not answered."""
    seconds: float
    """Of the whole verification, the removal left out."""
    verified_at: str
    """ISO 8601, UTC."""
    wrong: str
    """Why nothing more could be proved; else empty."""
    kept: str
    """Namespace that was left for looking; else empty."""
    complaints: tuple[str, ...]
    """Everything that is not proved, in one sentence each."""
    cells: tuple[Cell, ...]
    """Requests between clusters."""
    outcomes: tuple[Outcome, ...]
    """Refusals, denials and failovers."""


def document(matrix: Matrix) -> VerificationDocument:
    """The verification for programs; ``read`` makes it a Matrix again."""
    return VerificationDocument(
        proved=matrix.is_proved,
        mesh=MeshPart(stack=matrix.stack, clusters=matrix.clusters),
        proofs=matrix.proofs,
        requests=matrix.requests,
        lost=matrix.lost,
        seconds=matrix.seconds,
        verified_at=matrix.verified_at,
        wrong=matrix.wrong,
        kept=matrix.kept,
        complaints=matrix.complaints,
        cells=matrix.cells,
        outcomes=matrix.outcomes,
    )


def read(content: Mapping[str, Any]) -> Matrix:
    """Read what a document holds; sums and verdicts are taken from the parts, not from the document.

    Raises:
        MatrixError: it is of another version, or parts are missing.
    """
    known = VerificationDocument.model_fields["schema_version"].default
    if content.get("schemaVersion") != known:
        raise MatrixError(
            f"the verification has schema version {content.get('schemaVersion')}, {known} is needed. "
            "Make a new one with: tether verify --output json"
        )
    try:
        found = VerificationDocument.model_validate(content)
    except ValidationError as error:
        raise MatrixError(f"the verification cannot be read: {first_fault(error)}") from None
    return Matrix(
        stack=found.mesh.stack,
        clusters=found.mesh.clusters,
        proofs=found.proofs,
        cells=found.cells,
        outcomes=found.outcomes,
        wrong=found.wrong,
        seconds=found.seconds,
        verified_at=found.verified_at,
        kept=found.kept,
    )
