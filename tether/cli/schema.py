"""``tether schema``: what settings may say, and what each kind of result says, as JSON schemas."""

from pathlib import Path
from typing import Any

from tether.cli.delivery import deliver
from tether.cli.documents import MODELS, SchemaDocument
from tether.cli.forms import Form
from tether.document import Kind, schema, write
from tether.settings import json_schema


def show(of: Kind | None, output: Form, out: Path | None) -> None:
    """Print a schema, or write it to a file.

    Args:
        of: A kind of result; None for the settings.
        output: As it is, or inside of a document.
        out: A file; None for standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    deliver(SchemaDocument(of=of, json_schema=_schema(of)).text() if output is Form.JSON else text(of), out)


def text(of: Kind | None) -> str:
    """A schema as it is committed."""
    return write(_schema(of))


def _schema(of: Kind | None) -> dict[str, Any]:
    return json_schema.document() if of is None else schema(MODELS[of])
