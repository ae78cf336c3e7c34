from pathlib import Path

import pytest

from tether.cli import report, topology
from tether.cli.delivery import deliver
from tether.cli.forms import Drawn
from tether.cli.target import Target
from tether.errors import UsageError


def test_without_a_file_the_result_is_printed(capsys: pytest.CaptureFixture[str]):
    deliver("one\n", None)
    deliver("two\n", Path("-"))
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_file_is_replaced_and_named_and_nothing_else_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "mesh.svg"
    file.write_text("old")
    deliver("new", file)
    assert capsys.readouterr().out == f"{file}\n"
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("mesh.svg", "new")]


def test_a_folder_that_is_not_there_is_one_message_with_the_command(tmp_path: Path):
    with pytest.raises(UsageError, match=f"mkdir -p {tmp_path}/no"):
        deliver("text", tmp_path / "no" / "mesh.svg")


@pytest.mark.parametrize(
    ("name", "drawn"), [("a.svg", Drawn.SVG), ("a.JSON", Drawn.JSON), ("a.mmd", Drawn.MERMAID), ("a", Drawn.MERMAID)]
)
def test_the_files_name_says_what_it_is_to_hold(name: str, drawn: Drawn):
    assert topology.by_suffix(Path(name)) is drawn
    assert topology.by_suffix(None) is Drawn.MERMAID


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schemaVersion": 99}'])
def test_a_file_that_holds_no_verification_is_refused_with_the_command_that_makes_one(tmp_path: Path, text: str):
    file = tmp_path / "verify.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"tether verify --output json > .*verify.json"):
        report.read_matrix(file)


def test_a_new_verification_and_an_older_one_exclude_each_other():
    with pytest.raises(UsageError, match="--verify makes a new"):
        report.report(Target(), report.Wish(out=Path("x"), verify=True, matrix=Path("y")))
