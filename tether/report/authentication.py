"""A trace as the page shows it: the diagram, and the same steps in words."""

from tether.addresses import with_port
from tether.report.model import Authentication, Exchange
from tether.trace import diagram, text
from tether.trace.record import Actor, Outcome, Record, Step

_RIGHT = {Outcome.OK: True, Outcome.FAILED: False, Outcome.NO_WAY: False}


def of_record(record: Record) -> Authentication:
    """Show what a trace saw."""
    names = {participant.actor: participant.name for participant in record.participants}
    return Authentication(
        remote=record.remote,
        is_right=record.ok,
        headline=text.verdict(record),
        diagram=diagram.svg(record),
        exchanges=tuple(_exchange(step, names) for step in record.steps),
    )


def _exchange(step: Step, names: dict[Actor, str]) -> Exchange:
    return Exchange(
        title=step.title,
        who=_who(step, names),
        seconds=step.seconds,
        outcome=str(step.outcome),
        is_right=_RIGHT.get(step.outcome),
        seen=": ".join(filter(None, [step.source_of_message, step.message])) or step.answer,
        checked=tuple(f"{verdict.what}: {verdict.detail}" for verdict in step.verdicts),
    )


def _who(step: Step, names: dict[Actor, str]) -> str:
    """``gateway of cluster2 → istiod, at 10.89.3.128:15012, with a service-account token``."""
    source, target = (names.get(actor, str(actor)) for actor in (step.source, step.target))
    parts = [f"{source} → {target}"]
    if step.address:
        parts.append(f"at {with_port(step.address, step.port)}" if step.port else f"at {step.address}")
    if step.credential:
        parts.append(f"with {step.credential}")
    return ", ".join(parts)
