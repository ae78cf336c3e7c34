"""Whole runs of ``tether env`` with a stand-in for the engine and for the container runtime."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.env_desk import NAME, Desk, entry_of
from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import SALT, STACK_YAML, SUFFIX, calls, cluster, exported, random_id, stack
from tests.unit.environments.making import dead, living
from tether.cli import environments, project, up
from tether.cli.engine import Engine
from tether.cli.project import Project
from tether.environments import labels, lifetime
from tether.environments.registry import Phase
from tether.errors import SettingsError


def test_an_environment_has_a_state_of_its_own_and_is_written_down(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    assert desk.type("up", NAME, "--ttl", "90m", "--owner", str(os.getpid())) == 0
    entry = entry_of(desk)
    assert (entry.phase, entry.worker, entry.clusters, entry.owner.process) == (Phase.STANDING, None, 2, os.getpid())
    assert entry.expires is not None
    assert (entry.expires - entry.created).total_seconds() == 5400
    assert (entry.folder / ".tether/state/.pulumi/stacks/tether/pr-1.json").is_file()
    assert not desk.bench.place.state.exists()
    assert f"tether env down {NAME}" in capfd.readouterr().out


def test_its_kubeconfig_is_one_file_with_a_context_for_each_cluster(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.type("up", NAME)
    capfd.readouterr()
    assert desk.type("kubeconfig", NAME) == 0
    file = Path(capfd.readouterr().out.strip())
    assert file == entry_of(desk).folder / "kubeconfig"
    assert file.stat().st_mode & 0o777 == 0o600
    document = yaml.safe_load(file.read_text())
    assert [one["name"] for one in document["contexts"]] == ["cluster1", "cluster2"]
    assert document["current-context"] == "cluster1"
    assert desk.type("kubeconfig", NAME, "-o", "json") == 0
    assert json.loads(capfd.readouterr().out)["contexts"] == ["cluster1", "cluster2"]


def test_the_number_of_remotes_is_written_into_its_own_settings(desk: Desk) -> None:
    four = (cluster(f"cluster{number}") for number in range(1, 5))
    desk.bench.after_up(exported(stack(**OUTPUTS), random_id(), *four))
    assert desk.type("up", NAME, "--remotes", "3") == 0
    entry = entry_of(desk)
    listed = yaml.safe_load((entry.folder / "stacks" / "Pulumi.pr-1.yaml").read_text())["config"]["tether:clusters"]
    assert len(listed) == entry.clusters == 4
    assert desk.bench.place.stack_file.read_text() == STACK_YAML


def test_it_is_written_down_how_many_clusters_there_are_now(desk: Desk) -> None:
    """Observed: after `tether remote remove` in its folder it was still listed with three."""
    assert desk.type("up", NAME) == 0
    desk.change(clusters=3)
    place = environments.place_of(entry_of(desk))
    up.remember(place, Engine(place, project.full_environment(place)))
    assert entry_of(desk).clusters == 2


def test_without_a_name_one_is_made_up(desk: Desk) -> None:
    assert desk.type("up") == 0
    (entry,) = desk.known.entries()
    assert entry.name.startswith("env-")


def test_everything_that_is_wrong_with_the_options_is_told_at_once(
    desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.yaml").write_text("- a\n")
    words = ["Pr_1", "--ttl", "2", "--remotes", "0", "--settings", "list.yaml", "--timeout", "x"]
    gone = dead().process
    assert desk.type("up", *words, "--owner", str(gone)) == 2
    said = capfd.readouterr().err
    assert "6 options cannot be used; nothing was made." in said
    for subject in ("NAME", "--ttl", "--remotes", "--settings", "--timeout", "--owner"):
        assert f"{subject} = " in said
    assert desk.known.entries() == []


def test_settings_that_are_no_mesh_leave_nothing_behind(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(STACK_YAML.replace("network2", "network1"))
    assert desk.type("up", NAME, "--settings", "bad.yaml") == 2
    assert desk.known.entries() == []
    assert [path.name for path in desk.known.root.iterdir()] == [".lock"]


def test_a_machine_whose_memory_is_promised_refuses_and_says_how_much_is_needed(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        assert desk.type("up", name) == 0
    desk.known.write(
        dataclasses.replace(
            environments.find(desk.known, "b"), clusters=8, phase=Phase.MAKING, worker=living()
        )
    )  # fmt: skip
    capfd.readouterr()
    assert desk.type("up", NAME) == 3
    said = capfd.readouterr().err
    assert "2 kind clusters need 2.4 GiB, beside 7.2 GiB for what is coming up: b" in said
    assert desk.known.find(NAME) is None


def test_a_failed_run_keeps_what_was_made_for_the_next_one_or_the_removal(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    (desk.bench.bin / "fail").touch()
    assert desk.type("up", NAME) == 1
    assert entry_of(desk).phase is Phase.FAILED
    assert f"tether env up {NAME}" in capfd.readouterr().err
    (desk.bench.bin / "fail").unlink()
    before = entry_of(desk)
    assert desk.type("up", NAME) == 0
    assert entry_of(desk).expires == before.expires


def test_what_is_refused_before_anything_is_changed_leaves_a_standing_environment_as_it_is(
    desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Observed: settings with a mistake took the place of those that it stands with, and it was called failed."""
    desk.type("up", NAME, "--ttl", "90m")
    before = entry_of(desk)
    own = before.folder / "stacks" / "Pulumi.pr-1.yaml"
    written = own.read_text()
    (tmp_path / "bad.yaml").write_text(STACK_YAML.replace("network2", "network1"))
    capfd.readouterr()
    assert desk.type("up", NAME, "--settings", "bad.yaml", "--ttl", "3h", "--remotes", "1") == 2
    assert entry_of(desk) == before
    assert own.read_text() == written
    said = capfd.readouterr().err
    given, steps = tmp_path / "bad.yaml", f'cd {before.folder} && eval "$(.venv/bin/tether env)"\n'
    assert f"Edit {given}, or have pulumi do it as shown, once after: {steps}" in said
    assert f"pulumi config set --config-file {given} --path 'tether:clusters[1].network'" in said


def test_a_longer_life_given_meanwhile_is_not_taken_back(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.type("up", NAME, "--ttl", "90m")
    later = lifetime.now() + lifetime.of_environment("5h")

    def given_meanwhile(place: Project) -> None:
        desk.change(expires=later)
        raise SettingsError("no mesh")

    monkeypatch.setattr(up, "checked_settings", given_meanwhile)
    assert desk.type("up", NAME) == 2
    assert (entry_of(desk).expires, entry_of(desk).phase) == (later, Phase.STANDING)


def test_the_own_settings_of_an_environment_and_those_of_the_checkout_are_mended_where_they_are(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    own, checkout = desk.known.folder_of(NAME) / "stacks" / "Pulumi.pr-1.yaml", desk.bench.place.stack_file
    checkout.write_text(STACK_YAML.replace("network2", "network1"))
    assert desk.type("up", NAME) == 2
    said = capfd.readouterr().err
    assert 'eval "$(make env)" && pulumi stack select --create kind\n' in said
    assert "Edit stacks/Pulumi.kind.yaml" in said
    checkout.write_text(STACK_YAML)
    desk.type("up", NAME)
    own.write_text(STACK_YAML.replace("network2", "network1"))
    capfd.readouterr()
    assert desk.type("up", NAME) == 2
    said = capfd.readouterr().err
    assert f"Edit {own}, or" in said
    assert "Fix: pulumi config set --path 'tether:clusters[1].network'" in said


def test_a_name_of_another_checkout_or_one_in_use_is_refused(desk: Desk, tmp_path: Path) -> None:
    desk.type("up", NAME)
    desk.change(worker=living(), phase=Phase.REMOVING)
    assert desk.type("up", NAME) == 4
    assert desk.type("down", NAME, "--yes") in (0, 4)
    desk.type("up", NAME)
    desk.change(checkout=tmp_path / "other", worker=None)
    assert desk.type("up", NAME) == 2
    desk.change(checkout=desk.bench.place.root, phase=Phase.PAUSED)
    assert desk.type("up", NAME) == 2


def test_down_removes_state_things_with_its_label_things_with_its_name_folder_and_entry(desk: Desk) -> None:
    desk.type("up", NAME)
    entry = entry_of(desk)
    marks = labels.of(entry)
    desk.put("container", "marked", marks)
    desk.put("network", f"tether-{SUFFIX}", {})
    desk.put("volume", "labelled", marks)
    desk.put("container", "foreign", {})
    desk.put("container", "neighbour", {**marks, "tether-env.name": "pr-2", "tether-env.folder": "/pr-2"})
    desk.put("container", "of-another-user", {**marks, "tether-env.user": "somebody"})
    assert desk.type("down", NAME, "--yes") == 0
    assert desk.there() == ["foreign", "neighbour", "of-another-user"]
    assert desk.known.find(NAME) is None
    assert not entry.folder.exists()
    assert desk.bench.place.stack_file.is_file()
    assert "destroy" in [call.split()[0] for call in calls(desk.bench.bin)]


def test_down_asks_first_and_changes_nothing_on_a_dry_run(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    desk.type("up", NAME)
    desk.put("container", "marked", labels.of(entry_of(desk)))
    capfd.readouterr()
    assert desk.type("down", NAME) == 2
    assert "container marked" in capfd.readouterr().err
    assert desk.type("down", NAME, "--dry-run", "-o", "json") == 0
    document = json.loads(capfd.readouterr().out)
    assert document["schemaVersion"] == 1
    assert "container marked" in document["things"]
    assert desk.there() == ["marked"]


def test_what_cannot_be_removed_keeps_the_state_and_tells_the_commands(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.type("up", NAME)
    desk.put("container", "node-1", labels.of(entry_of(desk)))
    (desk.things / "stuck").touch()
    assert desk.type("down", NAME, "--yes") == 1
    said = capfd.readouterr().err
    assert said.count("podman rm --force --volumes node-1") == 1
    assert "pulumi destroy --yes" in said
    assert entry_of(desk).phase is Phase.FAILED
    (desk.things / "stuck").unlink()
    assert desk.type("down", NAME, "--yes") == 0


def test_down_of_nothing_is_not_found(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    assert desk.type("down", "nothing", "--yes") == 6
    assert "There are: none" in capfd.readouterr().err


def test_more_time_and_no_end_can_both_be_undone(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    desk.type("up", NAME, "--owner", str(os.getpid()))
    before = entry_of(desk).expires
    assert before is not None
    assert desk.type("extend", NAME, "30m") == 0
    assert entry_of(desk).expires == before + lifetime.of_environment("30m")
    assert desk.type("keep", NAME) == 0
    assert (entry_of(desk).expires, entry_of(desk).owner.process) == (None, None)
    capfd.readouterr()
    assert desk.type("extend", NAME, "1h", "-o", "json") == 0
    assert 3590 < json.loads(capfd.readouterr().out)["environment"]["secondsLeft"] <= 3600
    assert desk.type("extend", NAME, "soon") == 2


def test_list_and_show_tell_people_and_machines_the_same(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    assert desk.type("list") == 0
    assert "There is no environment" in capfd.readouterr().err
    desk.type("up", NAME)
    capfd.readouterr()
    assert desk.type("list") == 0
    assert NAME in (text := capfd.readouterr().out)
    assert "standing" in text
    assert desk.type("show", NAME) == 0
    assert str(entry_of(desk).folder) in (text := capfd.readouterr().out).replace("\n", "")
    assert "east-west gateway" in text
    assert desk.type("show", NAME, "--output", "json") == 0
    document = json.loads(capfd.readouterr().out)
    assert document["environment"]["phase"] == "standing"
    assert document["endpoints"] == OUTPUTS["endpoints"]


def test_the_timer_runs_this_very_program(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    assert desk.type("timer", "-o", "json") == 0
    document = json.loads(capfd.readouterr().out)
    assert document["cron"].endswith(f"{Path(sys.argv[0]).absolute()} env reap >/dev/null 2>&1")
    assert desk.type("timer") == 0
    script = capfd.readouterr().out
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0


def test_pausing_what_does_not_stand_and_resuming_what_is_not_paused_is_refused(desk: Desk) -> None:
    desk.type("up", NAME)
    assert desk.type("resume", NAME) == 2
    desk.change(phase=Phase.FAILED)
    assert desk.type("pause", NAME) == 2


def test_settings_of_a_stack_that_stands_are_taken_without_its_salt(desk: Desk, tmp_path: Path) -> None:
    own = desk.bench.place.stack_file
    own.write_text(STACK_YAML + SALT)
    other = tmp_path / "other.yaml"
    other.write_text(SALT + STACK_YAML)
    assert desk.type("up", NAME) == desk.type("up", "pr-2", "--settings", str(other)) == 0
    for name in (NAME, "pr-2"):
        folder = environments.find(desk.known, name).folder
        assert (folder / "stacks" / f"Pulumi.{name}.yaml").read_text() == STACK_YAML
    assert own.read_text() == STACK_YAML + SALT


def test_settings_with_secrets_are_taken_with_salt_and_passphrase(desk: Desk) -> None:
    text = STACK_YAML + "  tether:certificateAuthority:\n    secure: v1:abc:def\n" + SALT
    desk.bench.place.stack_file.write_text(text)
    (desk.bench.place.private / "passphrase").write_text("of the checkout")
    desk.type("up", NAME)
    folder = entry_of(desk).folder
    assert (folder / "stacks" / f"Pulumi.{NAME}.yaml").read_text() == text
    assert (folder / ".tether" / "passphrase").read_text() == "of the checkout"
