"""The reference page says what the code does."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main
from typer.testing import CliRunner

from tests.unit.verify.test_matrix import matrix
from tether.cli.main import app
from tether.verify.matrix import document
from tether.verify.proving import TITLES

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "verify.md").read_text()


def fields(heading: str) -> set[str]:
    """Names in the first column of the table after some words."""
    rows = PAGE.partition(heading)[2].partition("|---|---|\n")[2].partition("\n\n")[0]
    return {name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_proof_is_described_in_the_words_of_the_command() -> None:
    for proof, title in TITLES.items():
        assert f"| `{proof}` | {title} |" in PAGE


def test_every_field_of_the_document_is_described_and_no_other() -> None:
    written = document(matrix()).plain()

    assert fields("milliseconds where") == set(written)
    assert fields("One of `cells`") == set(written["cells"][0])
    assert fields("One of `outcomes`:") == set(written["outcomes"][0])


def test_every_option_is_described_and_no_other() -> None:
    command = cast("Any", typer.main.get_command(app)).commands["verify"]
    known = {name for option in command.params for name in option.opts if name.startswith("--")}
    table = PAGE.partition("## Options")[2].partition("Exit codes")[0]
    first_columns = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]

    assert {name for column in first_columns for name in re.findall(r"`(--[\w-]+)`", column)} == known


@pytest.mark.parametrize("words", ["--only", "namespace of its own", "Exit code 7"])
def test_the_help_says_so_too(words: str) -> None:
    ran = CliRunner().invoke(app, ["verify", "--help"], env={"COLUMNS": "200", "TERM": "dumb"})

    assert words in ran.stdout
