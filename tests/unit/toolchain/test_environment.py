import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from tether import parts
from tether.environments import labels
from tether.parts import Images, Parts, PartsMissingError
from toolchain import environment
from toolchain.places import Checkout


def chosen(source: str = "packages") -> Parts:
    return Parts(
        source=source,
        why="because",
        container_runtime="podman",
        data_plane="envoy",
        istio_version="1.31",
        envoy_version="1.39.3",
        kubernetes_version="1.34.4",
        images=Images(node="n", pilot="p", proxy="x", echo="e", metallb_controller="c", metallb_speaker="s"),
        charts={},
        tools={},
        environment={"KIND_EXPERIMENTAL_PROVIDER": "podman"},
    )


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    project = Checkout(tmp_path / "a project")
    parts.write(chosen(), project.parts)
    return project


def test_state_tools_and_secrets_stay_in_the_project(clone: Checkout):
    found = environment.variables(clone.root)
    private = str(clone.private)
    assert found["PULUMI_HOME"].startswith(private)
    assert found["PULUMI_CONFIG_PASSPHRASE_FILE"].startswith(private)
    assert found["PULUMI_BACKEND_URL"] == f"file://{private}/state".replace(" ", "%20")
    assert found["PATH"].split(os.pathsep)[0] == f"{private}/bin"
    assert found["KIND_EXPERIMENTAL_PROVIDER"] == "podman"


def test_the_passphrase_is_made_once_and_readable_by_its_owner_only(clone: Checkout):
    environment.variables(clone.root)
    first = clone.passphrase.read_text()
    environment.variables(clone.root)
    assert clone.passphrase.read_text() == first
    assert len(first) >= 40
    assert stat.S_IMODE(clone.passphrase.stat().st_mode) == 0o600
    assert stat.S_IMODE(clone.state.stat().st_mode) == 0o700


def test_the_passphrase_itself_is_in_no_variable(clone: Checkout):
    lines = environment.export_lines(clone.root)
    assert clone.passphrase.read_text() not in lines


def test_a_stack_that_the_user_chose_stays(clone: Checkout, monkeypatch: pytest.MonkeyPatch):
    assert environment.variables(clone.root)["PULUMI_STACK"] == "kind"
    monkeypatch.setenv("PULUMI_STACK", "three-remotes")
    assert environment.variables(clone.root)["PULUMI_STACK"] == "three-remotes"


def test_evaluating_twice_does_not_grow_the_path(clone: Checkout, monkeypatch: pytest.MonkeyPatch):
    once = environment.variables(clone.root)["PATH"]
    monkeypatch.setenv("PATH", once)
    assert environment.variables(clone.root)["PATH"] == once


def test_plugins_are_downloaded_only_where_they_are_not_built_here(clone: Checkout):
    name = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
    assert environment.variables(clone.root)[name] == "true"
    parts.write(chosen("releases"), clone.parts)
    assert name not in environment.variables(clone.root)


def test_a_shell_reads_back_exactly_the_variables(clone: Checkout):
    wanted = environment.variables(clone.root)
    script = f"eval {shlex.quote(environment.export_lines(clone.root))}; env -0"
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in shown.split("\0") if "=" in line)
    assert {name: found[name] for name in wanted} == wanted


def test_without_chosen_tools_the_command_that_chooses_them_is_named(tmp_path: Path):
    with pytest.raises(PartsMissingError, match="make tools"):
        environment.variables(tmp_path)


def test_the_state_is_where_the_machines_that_share_it_have_it(clone: Checkout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///of-another-checkout")
    assert environment.variables(clone.root)["PULUMI_BACKEND_URL"].endswith("/.tether/state")
    monkeypatch.setenv("TETHER_BACKEND_URL", "s3://bucket")
    assert environment.variables(clone.root)["PULUMI_BACKEND_URL"] == "s3://bucket"


def test_an_environment_has_a_state_of_its_own_whatever_machines_share(
    clone: Checkout, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TETHER_BACKEND_URL", "s3://bucket")
    assert environment.shared_state(clone.root) == "s3://bucket"
    (clone.private / "container-labels.json").write_text(labels.encode({labels.NAME_LABEL: "hour"}))
    assert environment.shared_state(clone.root) == ""
    assert environment.variables(clone.root)["PULUMI_BACKEND_URL"].endswith("/.tether/state")
