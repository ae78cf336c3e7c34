"""What others take from this repository: a project of their own, and the provider's schema; with the real engine."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.forge import PROJECT, clean, clone
from toolchain.environment import variables

SCHEMA = PROJECT / "docs" / "reference" / "provider.schema.json"
REPLACED = ("PROJECT", "DESCRIPTION")
"""What ``pulumi new`` replaces in every file, written ``${…}`` (pulumi/pulumi sdk/go/common/workspace)."""


class Outside:
    """A folder of somebody who has the engine and nothing of this checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.template = folder / "mine", clone(folder / "template")
        state = folder / "state"
        for one in (self.folder, state):
            one.mkdir()
        self.made: dict[str, tuple[bytes, bool]] = {}
        engine = variables(PROJECT)
        self.environment = {
            **clean(folder / "home"), "PATH": engine["PATH"], "PULUMI_HOME": str(folder / "pulumi"),
            "PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "mine",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }  # fmt: skip

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    found = Outside(tmp_path_factory.mktemp("outside"))
    found.run("pulumi", "new", str(found.template), "--generate-only", "--yes", "--name", "mine")
    # As it is now: other tests work in it.
    found.made = files(found.folder)
    return found


def files(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file() and not {".git", "__pycache__"} & set(path.relative_to(folder).parts)
    }


def test_pulumi_new_gives_a_project_that_is_called_otherwise_and_is_the_same_in_every_other_file(outside: Outside):
    made, template = dict(outside.made), files(outside.template)
    own = yaml.safe_load(made.pop("Pulumi.yaml")[0])
    assert own["name"] == "mine"
    assert own["plugins"]["providers"] == [{"name": "tether", "path": "./providers/tether"}]
    assert "template" not in own
    del template["Pulumi.yaml"]
    assert made == template


def test_no_file_has_what_pulumi_new_would_replace():
    for name in subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True).stdout.splitlines():
        content = (PROJECT / name).read_bytes() if (PROJECT / name).is_file() else b""
        assert not [word for word in REPLACED if f"${{{word}}}".encode() in content], name


@pytest.mark.timeout(600)
def test_a_project_that_pulumi_new_made_previews_a_mesh_as_its_own_commands_say(outside: Outside):
    for forced in ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        del outside.environment[forced]
    outside.environment["PATH"] = clean(outside.folder.parent / "home")["PATH"]
    outside.run("make", "--no-print-directory", "tools")
    preview = "pulumi stack select --create kind >&2; pulumi preview --json --non-interactive"
    said = outside.run("bash", "-ec", f'eval "$(make --no-print-directory env)"; {preview}')
    steps = json.loads(said[said.index("{") :])["steps"]
    assert {"urn:pulumi:kind::mine::tether:index:Mesh::mesh"} <= {step["urn"] for step in steps}


def test_the_schema_in_the_reference_is_the_one_that_the_engine_reads_from_the_provider(tmp_path: Path):
    environment = {**clean(tmp_path / "home"), **variables(PROJECT)}
    done = subprocess.run(
        ["pulumi", "package", "get-schema", str(PROJECT / "providers" / "tether")],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(SCHEMA.read_text()), (
        f"write it anew: pulumi package get-schema ./providers/tether > {SCHEMA.relative_to(PROJECT)}"
    )
