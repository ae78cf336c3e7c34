import dataclasses
import json
from pathlib import Path

import pytest

from tests.unit.cli.engine_bench import always
from tests.unit.cli.workbench import checkout, exported, stack, write_state
from tether.cli import project, records
from tether.errors import NotFoundError, SettingsError, UsageError
from tether.settings import read


def test_the_project_is_found_from_any_folder_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    checkout(tmp_path)
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    found = project.find(inside)
    assert (found.root, found.name, found.stack) == (tmp_path, "tether", "kind")
    assert found.stack_file == tmp_path / "stacks" / "Pulumi.kind.yaml"


def test_the_stack_is_the_one_named_before_the_one_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout(tmp_path)
    monkeypatch.setenv("PULUMI_STACK", "three-remotes")
    assert project.find(tmp_path).stack == "three-remotes"
    assert project.find(tmp_path, "other").stack == "other"


def test_only_in_an_environment_the_users_passphrase_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the user")
    monkeypatch.setattr(project, "environment", always({"PULUMI_STACK": "pr-1"}))
    place = checkout(tmp_path)
    assert project.full_environment(place)["PULUMI_CONFIG_PASSPHRASE"] == "of the user"
    assert "PULUMI_CONFIG_PASSPHRASE" not in project.full_environment(dataclasses.replace(place, environment="pr-1"))


def test_outside_of_a_project_one_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"No Pulumi\.yaml"):
        project.find(tmp_path)


def test_a_stack_name_with_a_path_in_it_is_refused(tmp_path: Path) -> None:
    checkout(tmp_path)
    with pytest.raises(UsageError, match="is no stack name"):
        project.find(tmp_path, "../other")


def test_a_stack_without_settings_lists_those_that_have_some(tmp_path: Path) -> None:
    checkout(tmp_path)
    with pytest.raises(NotFoundError, match="Stacks with settings: kind"):
        project.written_settings(project.find(tmp_path, "nope"))


def test_a_stack_file_that_is_no_yaml_is_a_settings_error(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    place.stack_file.write_text("config: [")
    with pytest.raises(SettingsError, match="no valid YAML"):
        project.written_settings(place)


def test_settings_are_read_as_the_engine_gives_them_and_secrets_stay_hidden(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    place.stack_file.write_text(
        """
config:
  meshId: east
  tether:trustDomain: {secure: AAAB}
  tether:verify: false
  tether:createTimeoutSeconds: 60
  tether:clusters:
    - {name: a, role: primary, network: n1}
    - name: b
      role: remote
      network: n2
      platform: existing
      apiServer: https://b.example.org
      kubeconfig: {secure: AAAC}
"""
    )
    raw = project.written_settings(place)
    assert "tether:trustDomain" not in raw
    assert "AAAC" not in raw["tether:clusters"]
    settings = read(raw)
    assert (settings.mesh_id, settings.verify, settings.create_timeout_seconds) == ("east", False, 60)
    assert settings.clusters[1].kubeconfig is not None


def test_the_state_is_read_from_its_file_as_an_export_would_be(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    assert place.read_state() is None
    document = exported(stack(a=1))
    write_state(place, document)
    assert place.read_state() == document


def test_an_unreadable_state_is_left_to_the_engine(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    write_state(place, exported())
    (place.state / "stacks" / "tether" / "kind.json").write_text("{")
    assert place.read_state() is None


def test_changes_are_those_of_the_last_run(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    assert place.last_changes() == 0
    folder = place.state / "history" / "tether" / "kind"
    folder.mkdir(parents=True)
    (folder / "kind-1.history.json").write_text(json.dumps({"resourceChanges": {"create": 44}}))
    (folder / "kind-2.history.json").write_text(json.dumps({"resourceChanges": {"same": 42, "update": 1, "delete": 2}}))
    assert place.last_changes() == 3


def test_a_state_that_machines_share_is_not_looked_for_in_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = checkout(tmp_path)
    write_state(place, exported(stack()))
    assert place.read_state() is not None
    monkeypatch.setenv("TETHER_BACKEND_URL", "s3://bucket")
    assert place.read_state() is None


def test_the_changes_of_a_run_on_a_shared_state_are_those_that_the_engine_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = checkout(tmp_path)
    place.history.mkdir(parents=True)
    (place.history / "kind-1.history.json").write_text('{"resourceChanges": {"create": 9}}')
    monkeypatch.setenv("TETHER_BACKEND_URL", "s3://bucket")
    assert place.last_changes() == 0
    place.events.mkdir(parents=True)
    event = {"summaryEvent": {"resourceChanges": {"create": 2, "same": 40}}}
    (place.events / "20261128T000000-up.jsonl").write_text(f'{{"preludeEvent": {{}}}}\n{json.dumps(event)}\n')
    assert place.last_changes() == 2


def test_what_stacks_of_one_name_leave_behind_is_kept_apart_by_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = checkout(tmp_path)
    records.add(place, ["0badcafe"], 2)
    own = (place.record, place.events, place.removals)
    for url in ("s3://bucket/one", "s3://bucket/two"):
        monkeypatch.setenv("TETHER_BACKEND_URL", url)
        assert records.read(place).suffixes == set()
        assert not {*own} & {place.record, place.events, place.removals}
        assert place.records_elsewhere == [own[0]], "not one that nobody made"
    records.add(place, ["0badc0de"], 2)
    monkeypatch.delenv("TETHER_BACKEND_URL")
    assert records.read(place).suffixes == {"0badcafe"}
    assert len(place.records_elsewhere) == 1


@pytest.mark.parametrize(
    ("url", "is_seen"), [("file:///shared/state", True), ("file:///a%20b", True), ("s3://bucket", False)]
)
def test_locks_in_a_folder_that_is_shared_are_seen(
    url: str, is_seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = checkout(tmp_path)
    monkeypatch.setenv("TETHER_BACKEND_URL", url)
    assert str(place.locks).startswith(("/shared/state/.pulumi/locks/", "/a b/.pulumi/locks/")) is is_seen
