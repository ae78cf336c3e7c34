import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.cli.workbench import checkout
from tether.cli import project
from tether.cli.main import app
from tether.cli.project import Project
from tether.cli.settings import Source, effective
from tether.errors import SettingsError
from tether.settings import json_schema
from tether.settings.wording import MASK

PULUMI_YAML = """\
name: tether
runtime: python
stackConfigDir: stacks
config:
  meshId: {type: string, default: of-the-project}
  trustDomain: {type: string, default: example.org}
  certificateAuthority:
    type: object
    default: {algorithm: rsa-4096, rootDays: 2000}
  labels: {type: object, default: {}}
"""
STACK = """\
config:
  tether:meshId: east
  tether:certificateAuthority: {rootDays: 4000}
  tether:labels: '{"team": "mesh"}'
  tether:istioNamespace: {secure: AAAB}
  tether:clusters:
    - {name: a, role: primary, network: n1}
    - name: b
      role: remote
      network: n2
      platform: existing
      context: west
      kubeconfig: {secure: AAAC}
      apiServer: https://b.example.org
      helmValues:
        istiod: {env: {API_TOKEN: t0ken, PLAIN: shown, QUIET: {secure: AAAD}}}
"""


def place(folder: Path, stack: str = STACK) -> Project:
    made = checkout(folder)
    (folder / "Pulumi.yaml").write_text(PULUMI_YAML)
    made.stack_file.write_text(stack)
    return made


def shown(folder: Path, stack: str = STACK) -> dict[str, tuple[Any, Source]]:
    return {one.key.removeprefix("tether:"): (one.value, one.source) for one in effective(place(folder, stack))}


def test_every_value_says_where_it_comes_from(tmp_path: Path) -> None:
    found = shown(tmp_path)
    assert found["meshId"] == ("east", Source.STACK)
    assert found["trustDomain"] == ("example.org", Source.PROJECT)
    assert found["verify"] == (True, Source.BUILT_IN)
    assert found["labels.team"] == ("mesh", Source.STACK)
    assert found["clusters[1].context"] == ("west", Source.STACK)
    assert found["clusters[0].platform"] == ("kind", Source.BUILT_IN)
    assert found["helmValues"] == ({}, Source.BUILT_IN)


def test_an_object_of_the_stack_file_replaces_that_of_the_project_as_it_does_in_the_engine(tmp_path: Path) -> None:
    found = shown(tmp_path)
    assert found["certificateAuthority.rootDays"] == (4000, Source.STACK)
    assert found["certificateAuthority.algorithm"] == ("ecdsa-p256", Source.BUILT_IN)
    other = shown(tmp_path / "other", "config: {}\n")
    assert other["certificateAuthority.algorithm"] == ("rsa-4096", Source.PROJECT)


def test_a_default_of_the_project_is_in_force_and_not_only_shown(tmp_path: Path) -> None:
    wrong = PULUMI_YAML.replace("example.org", "Not A Domain")
    made = place(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text(wrong)
    with pytest.raises(SettingsError, match="trustDomain"):
        effective(made)


def test_the_stack_file_of_a_renamed_project_is_named_and_not_the_default_that_it_beats(tmp_path: Path) -> None:
    place(tmp_path)
    declared = {"meshId": {"type": "string", "default": "mesh1"}}
    (tmp_path / "Pulumi.yaml").write_text(json.dumps({"name": "shop", "stackConfigDir": "stacks", "config": declared}))
    (found,) = [one for one in effective(project.find(tmp_path, "kind")) if one.key == "shop:meshId"]
    assert (found.value, found.source) == ("east", Source.STACK)


def test_secrets_are_masked_wherever_they_are(tmp_path: Path) -> None:
    found = shown(tmp_path)
    assert found["istioNamespace"] == (MASK, Source.STACK)
    assert found["clusters[1].kubeconfig"] == (MASK, Source.STACK)
    environment = {key.rpartition(".")[2]: value for key, (value, _) in found.items() if ".env." in key}
    assert environment == {"API_TOKEN": MASK, "PLAIN": "shown", "QUIET": MASK}


def test_a_kubeconfig_in_the_open_is_masked_too(tmp_path: Path) -> None:
    stack = STACK.replace("{secure: AAAC}", "'token: abc123'")
    assert "abc123" not in repr(shown(tmp_path, stack))


def test_the_command_shows_a_table_or_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path)
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["settings", "show", "--stack", "kind"], env={"COLUMNS": "160"})
    assert ran.exit_code == 0, ran.output
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("tether:meshId")]
    assert line.split() == ["tether:meshId", "east", "stack", "file"]
    ran = CliRunner().invoke(app, ["settings", "show", "--stack", "kind", "--output", "json"])
    document = json.loads(ran.stdout)
    assert (document["schemaVersion"], document["stack"]) == (1, "kind")
    assert {"key": "tether:meshId", "value": "east", "source": "stack file"} in document["settings"]


def test_mistakes_are_told_as_up_tells_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path, STACK.replace("tether:meshId", "tether:meshID"))
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, ["settings", "show", "--stack", "kind"])
    assert isinstance(ran.exception, SettingsError)
    assert "did you mean meshId?" in str(ran.exception)


def test_the_schema_is_printed_or_written(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["schema"]).stdout == json_schema.render()
    file = tmp_path / "schema.json"
    assert CliRunner().invoke(app, ["schema", "--out", str(file)]).exit_code == 0
    assert json.loads(file.read_text()) == json_schema.document()
