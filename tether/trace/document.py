"""A record as JSON, and back."""

import dataclasses
import json
from typing import Any, Literal, cast

from pydantic import ValidationError

from tether.document import Document, Kind, first_fault
from tether.trace.record import Diagnosis, Participant, Record, Step


class DocumentError(ValueError):
    """The JSON is no record of a trace, or one of a later version."""


class TraceDocument(Document):
    """What a trace saw: the record, with its verdict."""

    kind: Literal[Kind.TRACE] = Kind.TRACE
    ok: bool
    """No step failed; what could not be seen speaks neither for nor against."""
    identity: str
    """SPIFFE identity that the proxy is to get."""
    mesh: str
    """The stack, or the names of the clusters."""
    primary: str
    """Name of the cluster with istiod."""
    remote: str
    """Name of the cluster with the proxy."""
    cluster_id: str
    """That the proxy claims to be in, as the remote's webhook tells it."""
    network: str
    """That the remote's webhook tells a new proxy."""
    namespace: str
    """Of the proxy."""
    service_account: str
    """Of the proxy."""
    trust_domain: str
    """Of the proxy."""
    began_at: str
    """ISO 8601, UTC."""
    seconds: float
    """The whole trace, without the doctor."""
    participants: tuple[Participant, ...]
    """Left to right."""
    steps: tuple[Step, ...]
    """In the order in which their requests were sent."""
    diagnosis: Diagnosis | None
    """The doctor's first finding; null where it has none."""
    diagnosed: bool
    """Whether the doctor was asked."""


_FIELDS = [one.name for one in dataclasses.fields(Record)]


def document(record: Record) -> TraceDocument:
    """The record for programs."""
    recorded = {name: getattr(record, name) for name in _FIELDS}
    return TraceDocument(ok=record.ok, identity=record.identity, **recorded)


def write(record: Record) -> str:
    """The record as JSON text."""
    return document(record).text()


def read(text: str) -> Record:
    """A record out of its JSON.

    Raises:
        DocumentError: it is none, or of a schema that this version does not know.
    """
    known = TraceDocument.model_fields["schema_version"].default
    try:
        found: Any = json.loads(text)
        if not isinstance(found, dict):
            raise DocumentError("a record of a trace is a JSON object")
        version = cast("dict[str, Any]", found).get("schemaVersion")
        if version != known:
            raise DocumentError(f"the record has schema version {version}; this tether reads {known}")
        trace = TraceDocument.model_validate(found)
    except json.JSONDecodeError as error:
        raise DocumentError(f"this is no record of a trace: {error}") from None
    except ValidationError as error:
        raise DocumentError(f"this is no record of a trace: {first_fault(error)}") from None
    return Record(**{name: getattr(trace, name) for name in _FIELDS})
