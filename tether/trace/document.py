"""A record as JSON, and back."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, cast

from tether.trace.record import Actor, Diagnosis, Outcome, Participant, Record, Step, Verdict

SCHEMA_VERSION = 1


class DocumentError(ValueError):
    """The JSON is no record of a trace, or one of a later version."""


def document(record: Record) -> dict[str, Any]:
    """The record as JSON: every field by its name in camel case, with ``ok`` and ``identity``."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "ok": record.ok,
        "identity": record.identity,
        **cast("dict[str, Any]", _plain(record)),
    }


def write(record: Record) -> str:
    """The record as indented JSON text."""
    return json.dumps(document(record), indent=2, ensure_ascii=False)


def read(text: str) -> Record:
    """A record out of its JSON.

    Raises:
        DocumentError: it is none, or of a schema that this version does not know.
    """
    try:
        found: Any = json.loads(text)
        if not isinstance(found, dict):
            raise DocumentError("a record of a trace is a JSON object")
        entries = cast("dict[str, Any]", found)
        if entries.get("schemaVersion") != SCHEMA_VERSION:
            raise DocumentError(
                f"the record has schema version {entries.get('schemaVersion')}; this tether reads {SCHEMA_VERSION}"
            )
        return _record(entries)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"this is no record of a trace: {error!r}") from None


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_camel(one.name): _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in cast("tuple[Any, ...]", value)]
    return str(value) if isinstance(value, Actor | Outcome) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _fields(kind: type[Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: entry[_camel(one.name)] for one in dataclasses.fields(kind)}


def _record(entry: Mapping[str, Any]) -> Record:
    found = _fields(Record, entry)
    found["participants"] = tuple(_participant(one) for one in found["participants"])
    found["steps"] = tuple(_step(one) for one in found["steps"])
    diagnosis = found["diagnosis"]
    found["diagnosis"] = Diagnosis(**_fields(Diagnosis, diagnosis)) if diagnosis else None
    return Record(**found)


def _participant(entry: Mapping[str, Any]) -> Participant:
    found = _fields(Participant, entry)
    return Participant(**{**found, "actor": Actor(found["actor"])})


def _step(entry: Mapping[str, Any]) -> Step:
    found = _fields(Step, entry)
    found["source"], found["target"] = Actor(found["source"]), Actor(found["target"])
    found["via"] = Actor(found["via"]) if found["via"] else None
    found["outcome"] = Outcome(found["outcome"])
    found["verdicts"] = tuple(Verdict(**_fields(Verdict, one)) for one in found["verdicts"])
    return Step(**found)
