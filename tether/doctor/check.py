"""What a check is, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tether.doctor.view import ClusterView, MeshView

DOCS = "docs/reference/doctor.md"


class Family(StrEnum):
    """Where in the life of a mesh a check belongs, in the order in which things must work."""

    BEFORE = "before"
    LINK = "link"
    INJECT = "inject"
    DATA = "data"
    AFTER = "after"


class Severity(StrEnum):
    """What a finding means for the mesh."""

    ERROR = "error"
    WARNING = "warning"


class Scope(StrEnum):
    """What a check is asked about."""

    MESH = "mesh"
    """Once, about the whole mesh; the subject is the primary."""
    CLUSTER = "cluster"
    """Once per cluster, the primary included."""
    REMOTE = "remote"
    """Once per remote."""


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WRONG = "wrong"
    MUTED = "muted"
    """Not asked, because a check that it depends on is wrong."""
    UNKNOWN = "unknown"
    """Could not be asked: a right or a way is missing."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a probe saw."""

    status: Status
    seen: str
    """The fact, in one sentence."""
    fix: str = ""
    """Commands to paste, one per line; empty unless wrong."""
    cause: str = ""
    """Likely cause where it is narrower than the check's own."""


def ok(seen: str) -> Answer:
    """Answer that all is well."""
    return Answer(status=Status.OK, seen=seen)


def wrong(seen: str, *, fix: str, cause: str = "") -> Answer:
    """Answer that something is wrong, with the commands that mend it."""
    return Answer(status=Status.WRONG, seen=seen, fix=fix, cause=cause)


def unknown(seen: str) -> Answer:
    """Answer that the question could not be asked; ``seen`` names the missing right or way."""
    return Answer(status=Status.UNKNOWN, seen=seen)


Probe = Callable[["MeshView", "ClusterView"], Answer]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One rule."""

    id: str
    """``D13``: the number that documents and tests use; never given to another rule."""
    title: str
    """What must hold, as a sentence without a full stop."""
    family: Family
    scope: Scope
    severity: Severity = Severity.ERROR
    symptom: str
    """What a user sees who does not know the cause."""
    cause: str
    """What it usually comes from."""
    remedy: str
    """What mends it, in one sentence; an answer has the commands."""
    needs: tuple[str, ...] = ()
    """Checks whose failure makes this one's answer worthless."""
    settles: bool = False
    """Whether what is wrong may pass by itself right after istiod has started."""
    probe: Probe

    @property
    def page(self) -> str:
        """Where our documents explain it."""
        return f"{DOCS}#{self.id.lower()}"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A check's answer about one cluster."""

    check: Check
    subject: str
    """Name of the cluster."""
    answer: Answer
    muted_by: tuple[str, ...] = ()
    """IDs of the wrong checks on which this one depends."""
    evidence: tuple[str, ...] = ()
    """Lines of istiod's and the proxies' logs that tell of the same thing, secrets masked."""

    @property
    def status(self) -> Status:
        """How it ended."""
        return self.answer.status
