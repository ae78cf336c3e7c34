"""Pages that a command writes are what it writes."""

import subprocess
import sys
from pathlib import Path

import pytest

REFERENCE = Path("docs") / "reference"
PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("module", "page"),
    [
        ("tether.cli.commands_page", "commands.md"),
        ("tether.cli.outputs_page", "outputs.md"),
        ("tether.compatibility.page", "versions.md"),
        ("tether.doctor.page", "doctor.md"),
        ("tether.settings.page", "settings.md"),
        ("tether.testing.page", "testing.md"),
        ("tether_policy.page", "policies.md"),
    ],
)
def test_the_page_is_what_the_command_on_it_prints(module: str, page: str) -> None:
    done = subprocess.run([sys.executable, "-m", module], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (PROJECT / REFERENCE / page).read_text()


def test_the_page_of_results_and_every_schema_are_what_their_command_writes(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "tether.cli.page"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    written = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.*")}
    assert len(written) > 1
    assert written == {path: (PROJECT / path).read_text() for path in written}


def test_no_sentence_about_a_command_is_cut_off() -> None:
    page = (PROJECT / REFERENCE / "commands.md").read_text()
    listed = [line for line in page.splitlines() if line.startswith("* `") and "`: " in line]
    assert len(listed) > 20
    assert [line for line in listed if line.endswith("...")] == []
