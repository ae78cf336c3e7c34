"""Pulumi.yaml and the settings say the same; every committed stack file can be used."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tether.cli import project
from tether.settings import Settings, json_schema, read
from tether.settings.stack import of_project

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
SCHEMA = ROOT / "docs/reference/settings.schema.json"
STACKS = [path.name.split(".")[1] for path in (ROOT / "stacks").glob("Pulumi.*.yaml")]


def schema_type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema["type"]


def test_the_config_schema_has_exactly_the_settings_with_types_defaults_and_descriptions() -> None:
    schema = json.loads(SCHEMA.read_text())
    defaults = json.loads(Settings().model_dump_json(by_alias=True, exclude_none=True))
    # Defaults of a single cluster and of a chart's values are not repeated in the project file.
    for cluster in defaults["clusters"]:
        for key in ("platform", "kindConfig", "helmValues", "exposure", "remoteCredential"):
            del cluster[key]
    defaults["helmValues"] = {}
    expected = {
        key: {
            "type": schema_type(value, schema["$defs"]),
            "description": value["description"],
            "default": defaults[key],
        }
        for key, value in schema["properties"].items()
    }
    expected["clusters"]["items"] = {"type": "object"}
    assert PROJECT["config"] == expected


def test_the_published_schema_is_written_from_the_settings() -> None:
    assert SCHEMA.read_text() == json_schema.render(), f"write it anew: tether schema --out {SCHEMA.relative_to(ROOT)}"


def test_the_published_schema_knows_no_other_keys_than_the_reader() -> None:
    document = json_schema.document()
    for definition in (document, *document["$defs"].values()):
        if definition["type"] == "object":
            assert definition["additionalProperties"] is False, definition["title"]


def test_the_defaults_of_the_project_file_read_back_as_the_default_settings() -> None:
    raw = {
        f"tether:{key}": entry["default"] if isinstance(entry["default"], str) else json.dumps(entry["default"])
        for key, entry in PROJECT["config"].items()
    }
    assert read(raw) == Settings()


def test_the_template_asks_for_settings_that_exist_with_their_own_defaults() -> None:
    for key, entry in PROJECT["template"]["config"].items():
        assert entry == {name: PROJECT["config"][key][name] for name in ("description", "default")}


def test_the_provider_is_found_in_the_checkout() -> None:
    assert PROJECT["plugins"]["providers"] == [{"name": "tether", "path": "./providers/tether"}]
    assert (ROOT / "providers/tether/PulumiPlugin.yaml").is_file()


def test_no_committed_stack_file_carries_the_salt_of_somebodys_passphrase() -> None:
    found = subprocess.run(
        ["git", "grep", "--cached", "--files-with-matches", "^encryptionsalt:", "--", "*.yaml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.stdout, found.stderr) == ("", "")


@pytest.mark.parametrize("stack", sorted(STACKS))
def test_every_committed_stack_has_valid_settings(stack: str) -> None:
    assert read(project.written_settings(project.find(ROOT, stack))).clusters


def test_the_default_stack_is_the_default_settings() -> None:
    assert read(project.written_settings(project.find(ROOT, "kind"))) == Settings()


def test_defaults_that_the_engine_fills_in_do_not_hide_the_stack_file_of_a_renamed_project() -> None:
    filled = {f"shop:{key}": entry["default"] if isinstance(entry["default"], str) else json.dumps(entry["default"])
              for key, entry in PROJECT["config"].items()}  # fmt: skip
    written = project.written_settings(project.find(ROOT, "three-remotes"))

    settings = read(of_project({**filled, **written}, "shop"), "shop")

    assert [cluster.name for cluster in settings.clusters] == ["cluster1", "cluster2", "cluster3", "cluster4"]


def test_a_project_that_pulumi_new_renamed_keeps_the_settings_of_its_stack_files() -> None:
    raw = of_project({"tether:meshId": "east", "shop:meshId": "west", "tether:trustDomain": "example.org"}, "shop")
    settings = read(raw, "shop")
    assert (settings.mesh_id, settings.trust_domain) == ("west", "example.org")
