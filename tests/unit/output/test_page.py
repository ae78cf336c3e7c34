"""The reference page and the schemas say what the code says."""

import re

import pytest

from tests.unit.output.test_option import ROOT
from tether.cli import page, schema
from tether.cli.documents import COMMANDS, MODELS
from tether.document import Document
from tether.document import schema as schema_of
from tether.errors import ExitCode
from tether.kinds import Kind

ANEW = "write it anew: python -m tether.cli.page"


def test_the_page_is_written_from_the_code() -> None:
    assert (ROOT / page.PAGE).read_text() == page.render(), ANEW


def test_there_is_one_schema_of_every_kind_and_no_other() -> None:
    written = {file.stem: file.read_text() for file in (ROOT / page.SCHEMAS).iterdir()}
    assert written == {str(kind): schema.text(kind) for kind in Kind}, ANEW


def test_every_exit_code_is_in_the_table_with_its_meaning() -> None:
    rows = re.findall(r"^\| (\d+) \| `([\w-]+)` \|", page.render(), re.MULTILINE)
    assert rows == [(str(code.value), code.name.lower().replace("_", "-")) for code in ExitCode]
    assert set(page.MEANINGS) == set(ExitCode)


def test_every_link_on_the_page_leads_somewhere() -> None:
    for path in re.findall(r"\]\(([^)#]+)\)", page.render()):
        assert (ROOT / page.FOLDER / path).is_file(), path


@pytest.mark.parametrize("kind", Kind)
def test_every_field_of_a_document_is_required_and_described(kind: Kind) -> None:
    whole = schema_of(MODELS[kind])
    assert whole["properties"]["kind"]["const"] == kind
    assert whole["properties"]["schemaVersion"]["const"] == 1
    assert set(whole["required"]) == set(whole["properties"])
    for name, entry in whole["properties"].items():
        assert entry.get("description") or "$ref" in entry or name == "kind", name
    for name, part in whole.get("$defs", {}).items():
        assert part.get("description"), name


def test_every_model_is_of_one_kind() -> None:
    assert len(MODELS) == len(COMMANDS) == len(Kind)
    assert all(issubclass(model, Document) for model in COMMANDS)
