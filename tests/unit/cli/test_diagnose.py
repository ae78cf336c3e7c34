"""``tether diagnose`` where there is no mesh: what the checkout itself knows is collected all the same."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.archives import inside
from tests.unit.cli.workbench import checkout
from tether.cli.diagnose import without_ciphertext
from tether.cli.main import app
from tether.cli.project import Project

PASSPHRASE = "Gu7-planted-passphrase"
STACK = """\
config:
  tether:clusters:
    - {name: a, role: primary, network: n1}
    - {name: b, role: remote, network: n2, helmValues: {istiod: {env: {API_TOKEN: Gu7-planted-token}}}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = checkout(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: tether\nruntime: python\nstackConfigDir: stacks\n")
    made.stack_file.write_text(STACK)
    made.private.mkdir(exist_ok=True)
    (made.private / "passphrase").write_text(f"{PASSPHRASE}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_STACK", made.stack)
    return made


def record_state(place: Project) -> None:
    outputs = {"kubeconfig": {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": "v1:Gu7-planted-ciphertext"}}
    latest = {"resources": [{"urn": "urn:x", "outputs": outputs, "inputs": {"note": f"is {PASSPHRASE}"}}]}
    file = place.state / "stacks" / place.name / f"{place.stack}.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))


def run(out: Path) -> Result:
    return CliRunner().invoke(app, ["diagnose", "--out", str(out)])


def entries(held: Mapping[str, str]) -> Mapping[str, Any]:
    return {entry["name"]: entry for entry in json.loads(held["manifest.json"])["collectors"]}


def test_a_stack_without_a_mesh_is_collected_and_the_mesh_named_as_missing(place: Project, tmp_path: Path) -> None:
    record_state(place)
    out = tmp_path / "out.tar.gz"

    ran = run(out)

    assert ran.exit_code == 0, ran.output
    held = inside(out)
    assert {"stack/settings.json", "stack/state.json", "machine.json", "manifest.json"} <= set(held)
    assert "parts.json is missing" in entries(held)["clusters"]["error"]
    for name, content in held.items():
        assert "Gu7-planted" not in content, name


def test_settings_that_describe_no_mesh_are_a_reason_to_look_at_the_rest(place: Project, tmp_path: Path) -> None:
    place.stack_file.write_text("config:\n  tether:clusters: []\n")

    ran = run(tmp_path / "out.tar.gz")

    assert ran.exit_code == 0, ran.output
    assert entries(inside(tmp_path / "out.tar.gz"))["stack/settings"]["error"].startswith("SettingsError")


def test_a_file_that_cannot_be_written_is_told_with_what_mends_it(place: Project, tmp_path: Path) -> None:
    ran = run(tmp_path / "absent" / "out.tar.gz")

    assert ran.exit_code != 0
    problems = getattr(ran.exception, "problems", ())
    assert [problem.fix for problem in problems] == [f"mkdir -p {tmp_path / 'absent'}"]


def test_what_the_engine_encrypted_is_left_out() -> None:
    document = {"a": [{"ciphertext": "v1:x", "4dab": "1b"}], "b": {"secure": "v1:y"}, "c": {"d": 1}}
    assert without_ciphertext(document) == {"a": ["[secret]"], "b": "[secret]", "c": {"d": 1}}
