"""A record as Mermaid text."""

import re
from collections.abc import Iterator

from tether.addresses import with_port
from tether.trace import text
from tether.trace.record import Outcome, Record, Step

_ALIASES = {"pod": "P", "proxy": "T", "api-server": "A", "gateway": "G", "istiod": "I"}
_NOT_ALLOWED = re.compile(r"[;#<>{}\"]")
_ENTITIES = {";": "#59;", "#": "#35;", "<": "#60;", ">": "#62;", "{": "#123;", "}": "#125;", '"': "#34;"}
_NOTE_LIMIT = 200


def write(record: Record) -> str:
    """The text of a sequence diagram; what failed is in a red box with the server's words and the doctor's finding."""
    lines = ["sequenceDiagram", f"    accTitle: {_escaped(text.headline(record))}",
             f"    accDescr: {_escaped(text.verdict(record))}", "    autonumber"]  # fmt: skip
    for cluster in dict.fromkeys(one.cluster for one in record.participants):
        role = "primary" if cluster == record.primary else f"remote, {record.network}"
        lines.append(f"    box {_escaped(cluster)} ({_escaped(role)})")
        lines += [f"        participant {_ALIASES[one.actor]} as {_escaped(one.name)}<br/>{_escaped(one.detail)}"
                  for one in record.participants if one.cluster == cluster]  # fmt: skip
        lines.append("    end")
    for step in record.steps:
        if not step.inside:
            lines += [f"    {line}" for line in _step(record, step)]
    return "\n".join(lines) + "\n"


def _step(record: Record, step: Step) -> Iterator[str]:
    source, target = _ALIASES[step.source], _ALIASES[step.target]
    if step.outcome in (Outcome.SKIPPED, Outcome.UNSEEN, Outcome.NO_WAY):
        note = f"{_escaped(step.title)}<br/>{step.outcome}: {_escaped(step.message)}"
        yield f"Note over {_between(source, target)}: {note}"
        return
    if step.outcome is Outcome.FAILED:
        yield "rect rgba(220, 40, 40, 0.18)"
    through = f" through {_escaped(_passer(record, step))}" if step.via else ""
    address = f"<br/>{with_port(step.address, step.port)}{through}" if step.port else ""
    yield f"{source}->>{target}: {_escaped(step.title)}{address}{_lines(step.call, step.credential)}"
    for inner in record.steps:
        if inner.inside == step.id:
            yield from _step(record, inner)
    arrow = "--x" if step.outcome is Outcome.FAILED else "-->>"
    if source != target:
        yield f"{target}{arrow}{source}: {_escaped(step.answer) or 'no answer'} ({text.milliseconds(step.seconds)})"
    if step.message:
        yield f"Note over {_between(source, target)}: {_escaped(step.source_of_message)}: {_escaped(step.message)}"
    if step is record.failed and record.diagnosis:
        found = record.diagnosis
        yield (
            f"Note over {_between(source, target)}: tether doctor {found.check} {_escaped(found.subject)}: "
            f"not so: {_escaped(found.title)}<br/>{_escaped(found.seen)}"
        )
    if step.outcome is Outcome.FAILED:
        yield "end"


def _passer(record: Record, step: Step) -> str:
    return next((one.name for one in record.participants if one.actor is step.via), "")


def _between(source: str, target: str) -> str:
    return source if source == target else f"{source},{target}"


def _lines(*parts: str) -> str:
    return "".join(f"<br/>{_escaped(part)}" for part in parts if part)


def _escaped(words: str) -> str:
    """Text without the characters that end a statement or begin a tag (Mermaid, entity codes)."""
    short = words if len(words) <= _NOTE_LIMIT else words[: _NOTE_LIMIT - 1] + "…"
    return _NOT_ALLOWED.sub(lambda match: _ENTITIES[match[0]], " ".join(short.split()))
