"""What the engine would do, read from what it tells machines while it makes a preview."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from tether.redact import redact

_COLOUR = re.compile(r"<\{%.*?%\}>")


_SAYS_NOTHING = frozenset({"preview failed", "update failed"})
"""The engine's last words after it has said why."""
_STACK = "pulumi:pulumi:Stack"
_PROVIDERS, _DEFAULT_PROVIDER = "pulumi:providers:", "default"
"""Begins the names of providers that nobody declared; like the stack, they say nothing of a mesh."""


class Action(StrEnum):
    """What would happen to a resource; the most drastic first."""

    REPLACE = "replace"
    DELETE = "delete"
    CREATE = "create"
    CHANGE = "change"


_ACTIONS = {
    "create": Action.CREATE,
    "import": Action.CREATE,
    "update": Action.CHANGE,
    "delete": Action.DELETE,
    "replace": Action.REPLACE,
    "create-replacement": Action.REPLACE,
    "delete-replaced": Action.REPLACE,
    "import-replacement": Action.REPLACE,
}
"""By the engine's own word (pulumi/pulumi sdk/go/common/apitype, OpType); what is not here changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that would not stay as it is."""

    action: Action
    name: str
    type: str
    urn: str
    properties: tuple[str, ...] = ()
    """Paths of the inputs that differ; values are not told, they may be secret."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A policy that a resource does not keep."""

    policy: str
    pack: str
    mandatory: bool
    resource: str
    """Last part of its type, and its name, the stack's too: ``Release cluster1``."""
    name: str
    """Of the resource; empty where the policy is about the whole stack."""
    message: str


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """A preview."""

    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    violations: tuple[Violation, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    complete: bool = False
    """Whether the engine came to the end; without it, there may be more changes than were seen."""

    @property
    def is_refused(self) -> bool:
        """Whether a policy forbids it."""
        return any(one.mandatory for one in self.violations)

    def count(self, action: Action) -> int:
        """How many resources an action would befall."""
        return sum(change.action is action for change in self.changes)


def read(log: Path) -> Foreseen:
    """Read the events of a preview (``pulumi preview --event-log``); an absent file tells nothing."""
    if not log.is_file():
        return Foreseen()
    return of_events(json.loads(line) for line in log.read_text().splitlines() if line.strip())


def of_events(events: Iterable[Mapping[str, Any]]) -> Foreseen:
    """Put a preview's events together (pulumi/pulumi sdk/go/common/apitype, EngineEvent)."""
    seen = list(events)
    summary = next((event["summaryEvent"] for event in reversed(seen) if "summaryEvent" in event), None)
    counted: dict[str, int] = dict(cast("Mapping[str, int]", summary.get("resourceChanges") or {})) if summary else {}
    told = list(_diagnostics(seen))
    return Foreseen(
        changes=_changes(event["resourcePreEvent"]["metadata"] for event in seen if "resourcePreEvent" in event),
        unchanged=counted.get("same", 0),
        violations=tuple(_violation(event["policyEvent"]) for event in seen if "policyEvent" in event),
        errors=tuple(text for severity, text in told if severity == "error" and text not in _SAYS_NOTHING),
        warnings=tuple(text for severity, text in told if severity == "warning"),
        complete=summary is not None,
    )


def _changes(steps: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """One change per resource: the engine tells of a replacement in three steps."""
    found: dict[str, Change] = {}
    for step in steps:
        action = _ACTIONS.get(step["op"])
        if action is None:
            continue
        urn = str(step["urn"])
        if _says_nothing(str(step["type"]), _name(urn)):
            continue
        before = found.get(urn)
        properties = set(before.properties if before else ()) | set(_paths(step))
        found[urn] = Change(
            action=min(action, before.action, key=list(Action).index) if before else action,
            name=_name(urn),
            type=str(step["type"]),
            urn=urn,
            properties=tuple(sorted(properties)),
        )
    return tuple(sorted(found.values(), key=lambda one: (list(Action).index(one.action), one.type, one.name)))


def _says_nothing(kind: str, name: str) -> bool:
    return kind == _STACK or (kind.startswith(_PROVIDERS) and name.startswith(_DEFAULT_PROVIDER))


def _paths(step: Mapping[str, Any]) -> Iterator[str]:
    """Inputs that differ; the detailed account where there is one, else the names of whole properties."""
    detailed = cast("Mapping[str, Any]", step.get("detailedDiff") or {})
    yield from detailed or cast("list[str]", step.get("diffs") or [])


def _violation(event: Mapping[str, Any]) -> Violation:
    urn = str(event.get("resourceUrn") or "::")
    *_, kind, name = urn.split("::")
    return Violation(
        policy=str(event.get("policyName", "")),
        pack=str(event.get("policyPackName", "")),
        mandatory=event.get("enforcementLevel") != "advisory",
        resource=f"{kind.rpartition('$')[2].rpartition(':')[2]} {name}",
        name=_name(urn),
        message=_text(event),
    )


def _diagnostics(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for event in events:
        told = event.get("diagnosticEvent")
        if told and not told.get("ephemeral"):
            where = _name(str(told.get("urn", "")))
            yield str(told.get("severity", "")), f"{where}: {_text(told)}" if where else _text(told)


def _text(event: Mapping[str, Any]) -> str:
    return redact(_COLOUR.sub("", str(event.get("message", ""))).strip(), fields=False)


def _name(urn: str) -> str:
    """The resource's own name; the stack itself has none that says anything."""
    head, _, name = urn.rpartition("::")
    return "" if head.endswith(_STACK) else name
