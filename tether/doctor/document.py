"""The doctor's results for programs: an examination, the checks, the rights that it needs."""

from collections.abc import Sequence
from typing import Any, Literal

from tether.doctor import rendering, rights
from tether.doctor.check import Check, Family, Finding, Severity, Status
from tether.doctor.examination import Examination
from tether.document import Document, Kind, Part
from tether.mesh import Mesh
from tether.topology import Role


class CheckPart(Part):
    """A check, without an answer."""

    id: str
    """`D13`; never given to another check."""
    title: str
    """What must hold."""
    family: Family
    """Where in the life of a mesh it belongs."""
    severity: Severity
    """What it means for the mesh if it does not hold."""
    symptom: str
    """What a user sees who does not know the cause."""
    cause: str
    """What it usually comes from; in a finding the likely cause here."""
    remedy: str
    """What mends it, in one sentence."""
    needs: tuple[str, ...]
    """Checks whose failure makes this one's answer worthless."""
    page: str
    """Where more is said."""


class FindingPart(CheckPart):
    """What came of a check."""

    subject: str
    """Name of the cluster."""
    status: Status
    """How it ended; `muted` where a check that it needs failed, `unknown` where it could not be asked."""
    seen: str
    """The fact, in one sentence."""
    fix: str
    """Commands to paste, one per line; empty unless wrong."""
    muted_by: tuple[str, ...]
    """Checks at the root that muted it."""
    evidence: tuple[str, ...]
    """Lines of logs that say the same."""


class ClusterPart(Part):
    """A cluster of the mesh."""

    name: str
    """What the user calls it."""
    role: Role
    """What it is in the mesh."""


class MeshPart(Part):
    """The mesh that was examined."""

    stack: str
    """Name of the stack; empty for a mesh that is not Tether's."""
    clusters: tuple[ClusterPart, ...]
    """The primary first."""

    @classmethod
    def of(cls, mesh: Mesh) -> "MeshPart":
        """Name it."""
        clusters = (ClusterPart(name=one.name, role=one.member.role) for one in mesh.clusters)
        return cls(stack=mesh.blueprint.stack, clusters=tuple(clusters))


class ExaminationDocument(Document):
    """What the doctor found."""

    kind: Literal[Kind.EXAMINATION] = Kind.EXAMINATION
    mesh: MeshPart
    """Which mesh was examined."""
    healthy: bool
    """Whether no error was found."""
    verdict: str
    """The whole in one line."""
    seconds: float
    """How long it took."""
    wrong: tuple[FindingPart, ...]
    """What is wrong, causes first."""
    findings: tuple[FindingPart, ...]
    """Every finding, in the order of the checks."""


class ChecksDocument(Document):
    """Every check of the doctor."""

    kind: Literal[Kind.CHECKS] = Kind.CHECKS
    checks: tuple[CheckPart, ...]
    """In the order in which a mesh comes to be."""


class RightsDocument(Document):
    """What the doctor may do in a cluster."""

    kind: Literal[Kind.RIGHTS] = Kind.RIGHTS
    objects: tuple[dict[str, Any], ...]
    """Kubernetes objects, for `kubectl apply`."""


def of_examination(mesh: Mesh, examination: Examination, seconds: float) -> ExaminationDocument:
    """Tell an examination."""
    return ExaminationDocument(
        mesh=MeshPart.of(mesh),
        healthy=examination.is_healthy(),
        verdict=rendering.verdict(examination),
        seconds=round(seconds, 2),
        wrong=tuple(map(_finding, examination.wrong)),
        findings=tuple(map(_finding, examination.findings)),
    )


def of_checks(checks: Sequence[Check]) -> ChecksDocument:
    """Tell what the doctor asks."""
    return ChecksDocument(checks=tuple(CheckPart(**_check(check)) for check in checks))


def of_rights(namespace: str) -> RightsDocument:
    """Tell which rights the doctor needs, with an account in a namespace."""
    return RightsDocument(objects=tuple(rights.documents(namespace)))


def _finding(finding: Finding) -> FindingPart:
    check: dict[str, Any] = {**_check(finding.check), "cause": finding.answer.cause or finding.check.cause}
    return FindingPart(
        **check,
        subject=finding.subject,
        status=finding.status,
        seen=finding.answer.seen,
        fix=finding.answer.fix,
        muted_by=tuple(finding.muted_by),
        evidence=tuple(finding.evidence),
    )


def _check(check: Check) -> dict[str, Any]:
    return {
        "id": check.id, "title": check.title, "family": check.family, "severity": check.severity,
        "symptom": check.symptom, "cause": check.cause, "remedy": check.remedy, "needs": check.needs,
        "page": check.page,
    }  # fmt: skip
