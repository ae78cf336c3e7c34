"""A preview for programs: of what ``tether up`` would do, and of what drifted."""

from typing import Generic, Literal, TypeVar

from tether.cli.foreseen import Action, Foreseen
from tether.document import Document, Kind, Part

KindT = TypeVar("KindT", bound=Kind)


class AmountsPart(Part):
    """How many resources would be befallen by what."""

    replace: int
    """Removed and made anew."""
    delete: int
    """Removed."""
    create: int
    """Made."""
    change: int
    """Changed where they are."""
    unchanged: int
    """Left as they are."""


class ChangePart(Part):
    """One resource that would not stay as it is."""

    action: Action
    """What would happen to it."""
    name: str
    """Its own name."""
    type: str
    """Its type token."""
    urn: str
    """The engine's name for it."""
    properties: tuple[str, ...]
    """Paths of the inputs that differ; values are not told, they may be secret."""


class ViolationPart(Part):
    """A policy that a resource does not keep."""

    policy: str
    """Name of the policy."""
    pack: str
    """Name of the pack that it is in."""
    level: Literal["mandatory", "advisory"]
    """Whether it forbids, or only advises."""
    name: str
    """Of the resource; empty where the policy is about the whole stack."""
    message: str
    """What the policy says."""


class _ForeseenDocument(Document, Generic[KindT]):
    kind: KindT
    stack: str
    """Name of the stack."""
    verdict: str
    """All of it in one line."""
    complete: bool
    """Whether the engine came to the end; without it, there may be more changes than were seen."""
    counts: AmountsPart
    """How many resources."""
    changes: tuple[ChangePart, ...]
    """The most drastic first."""
    violations: tuple[ViolationPart, ...]
    """Policies that are not kept."""
    errors: tuple[str, ...]
    """What the engine says against it."""
    warnings: tuple[str, ...]
    """What the engine warns of."""


class PreviewDocument(_ForeseenDocument[Literal[Kind.PREVIEW]]):
    """What `tether up` would do."""

    kind: Literal[Kind.PREVIEW] = Kind.PREVIEW


class DriftDocument(_ForeseenDocument[Literal[Kind.DRIFT]]):
    """What is not as `tether up` left it."""

    kind: Literal[Kind.DRIFT] = Kind.DRIFT


def document(foreseen: Foreseen, stack: str, headline: str, *, drift: bool = False) -> PreviewDocument | DriftDocument:
    """The preview for programs.

    Args:
        foreseen: the preview.
        stack: its stack.
        headline: all of it in one line (tether.cli.foreseen_forms.verdict).
        drift: whether it tells of what somebody did by hand.
    """
    model = DriftDocument if drift else PreviewDocument
    return model(
        stack=stack,
        verdict=headline,
        complete=foreseen.complete,
        counts=AmountsPart(
            replace=foreseen.count(Action.REPLACE),
            delete=foreseen.count(Action.DELETE),
            create=foreseen.count(Action.CREATE),
            change=foreseen.count(Action.CHANGE),
            unchanged=foreseen.unchanged,
        ),
        changes=tuple(
            ChangePart(action=one.action, name=one.name, type=one.type, urn=one.urn, properties=one.properties)
            for one in foreseen.changes
        ),
        violations=tuple(
            ViolationPart(
                policy=one.policy,
                pack=one.pack,
                level="mandatory" if one.mandatory else "advisory",
                name=one.name,
                message=one.message,
            )
            for one in foreseen.violations
        ),
        errors=foreseen.errors,
        warnings=foreseen.warnings,
    )
