"""What a verification saw: requests between every two clusters, and what had to be refused or taken over."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = 1


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


def document(matrix: Matrix) -> dict[str, Any]:
    """The verification as JSON; ``read`` makes it a Matrix again."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "proved": matrix.is_proved,
        "mesh": {"stack": matrix.stack, "clusters": [_plain(party) for party in matrix.clusters]},
        "proofs": [str(proof) for proof in matrix.proofs],
        "requests": matrix.requests,
        "lost": matrix.lost,
        "seconds": matrix.seconds,
        "verifiedAt": matrix.verified_at,
        "wrong": matrix.wrong,
        "kept": matrix.kept,
        "complaints": list(matrix.complaints),
        "cells": [_plain(cell) for cell in matrix.cells],
        "outcomes": [_plain(outcome) for outcome in matrix.outcomes],
    }


def read(content: Mapping[str, Any]) -> Matrix:
    """Read what ``document`` wrote; sums and verdicts are taken from the parts, not from the document.

    Raises:
        MatrixError: it is of another version, or parts are missing.
    """
    if content.get("schemaVersion") != SCHEMA_VERSION:
        raise MatrixError(
            f"the verification has schema version {content.get('schemaVersion')}, {SCHEMA_VERSION} is needed. "
            "Make a new one with: tether verify --output json"
        )
    try:
        return Matrix(
            stack=content["mesh"]["stack"],
            clusters=tuple(Party(**party) for party in content["mesh"]["clusters"]),
            proofs=tuple(Proof(name) for name in content["proofs"]),
            cells=tuple(_cell(cell) for cell in content["cells"]),
            outcomes=tuple(_outcome(outcome) for outcome in content["outcomes"]),
            wrong=content["wrong"],
            seconds=content["seconds"],
            verified_at=content["verifiedAt"],
            kept=content["kept"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MatrixError(f"the verification cannot be read: {error}") from None


def _cell(raw: Mapping[str, Any]) -> Cell:
    fields = _snake(raw)
    return Cell(protocol=Protocol(fields.pop("protocol")), mode=Mode(fields.pop("mode")), **fields)


def _outcome(raw: Mapping[str, Any]) -> Outcome:
    fields = _snake(raw)
    return Outcome(proof=Proof(fields.pop("proof")), protocol=Protocol(fields.pop("protocol")), **fields)


def _plain(part: Party | Cell | Outcome) -> dict[str, Any]:
    return {_camel(name): str(value) if isinstance(value, StrEnum) else value for name, value in vars(part).items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _snake(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {"".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key): value
            for key, value in raw.items()}  # fmt: skip
