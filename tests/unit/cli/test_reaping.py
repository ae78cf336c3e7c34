"""Whole runs of ``tether env reap``: what is over goes, however it is found, and nothing else."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.env_desk import NAME, Desk, entry_of
from tests.unit.cli.workbench import SUFFIX
from tests.unit.environments.making import dead, living
from tether.cli import environments, reaping
from tether.environments import labels, lifetime
from tether.environments.registry import Phase


@pytest.mark.parametrize("why", ["expired", "its process", "cut off"])
def test_the_reaper_takes_what_is_over_after_saying_so(desk: Desk, capfd: pytest.CaptureFixture[str], why: str) -> None:
    desk.type("up", NAME)
    desk.type("up", "pr-2")
    changes: dict[str, dict[str, Any]] = {
        "expired": {"expires": lifetime.now()},
        "its process": {"owner": dead()},
        "cut off": {"worker": dead(), "phase": Phase.MAKING},
    }
    desk.change(**changes[why])
    capfd.readouterr()
    assert desk.type("reap", "--dry-run", "-o", "json") == 0
    (found,) = json.loads(capfd.readouterr().out)["environments"]
    assert (found["name"], found["foundBy"], found["outcome"]) == (NAME, "file", "would be removed")
    assert why in found["why"]
    assert desk.known.find(NAME) is not None
    assert desk.type("reap") == 0
    assert [entry.name for entry in desk.known.entries()] == ["pr-2"]


def test_the_reaper_leaves_alone_what_a_live_run_works_on(desk: Desk) -> None:
    desk.type("up", NAME)
    desk.change(expires=lifetime.now(), worker=dataclasses.replace(living(), process=os.getppid(), started=""))
    assert desk.type("reap") == 0
    assert desk.known.find(NAME) is not None


def test_without_its_file_an_environment_is_found_by_its_labels(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    desk.type("up", NAME)
    entry = entry_of(desk)
    desk.put("container", "node", labels.of(dataclasses.replace(entry, expires=lifetime.now())))
    desk.put(
        "container",
        "kept",
        labels.of(dataclasses.replace(entry, name="pr-9", folder=desk.known.folder_of("pr-9"), expires=None)),
    )
    desk.known.forget(NAME)
    capfd.readouterr()
    assert desk.type("list", "-o", "json") == 0
    listed = {one["name"]: one["phase"] for one in json.loads(capfd.readouterr().out)["environments"]}
    assert listed == {NAME: "lost", "pr-9": "lost"}
    assert desk.type("reap") == 0
    assert desk.there() == ["kept"]
    assert not entry.folder.exists()
    assert desk.type("down", "pr-9", "--yes") == 0
    assert desk.there() == []


def test_what_is_of_another_registry_of_the_same_user_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    desk.type("up", NAME)
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    for name in (NAME, "pr-7"):
        entry = dataclasses.replace(entry_of(desk), folder=treasure, expires=lifetime.now(), name=name)
        desk.put("container", f"node-of-{name}", labels.of(entry))
    assert desk.type("reap") == 0
    assert desk.type("down", NAME, "--yes") == 0
    assert desk.type("down", "pr-7", "--yes") == 6
    assert treasure.is_dir()
    assert desk.there() == ["node-of-pr-1", "node-of-pr-7"]


def test_without_file_and_labels_it_is_found_by_its_folder_and_names(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.type("up", NAME)
    entry = entry_of(desk)
    desk.put("container", f"cluster1-{SUFFIX}-control-plane", {})
    desk.put("container", "cluster1-00000000-control-plane", {})
    desk.known.forget(NAME)
    capfd.readouterr()
    assert desk.type("reap", "-o", "json") == 0
    (found,) = json.loads(capfd.readouterr().out)["environments"]
    assert (found["foundBy"], found["outcome"]) == ("name", "removed")
    assert desk.there() == ["cluster1-00000000-control-plane"]
    assert not entry.folder.exists()


def test_a_checkout_that_is_gone_does_not_keep_an_environment(desk: Desk) -> None:
    desk.type("up", NAME)
    entry = entry_of(desk)
    desk.put("container", "node", labels.of(entry))
    desk.put("network", f"tether-{SUFFIX}", {})
    (entry.folder / ".tether" / "parts.json").unlink()
    assert desk.type("down", NAME, "--yes") == 0
    assert desk.there() == []
    assert not entry.folder.exists()


def test_a_runtime_that_does_not_answer_keeps_the_environment(desk: Desk) -> None:
    desk.type("up", NAME)
    (desk.things / "silent").touch()
    assert desk.type("down", NAME, "--yes") == 1
    assert entry_of(desk).phase is Phase.FAILED


def test_the_reaper_goes_on_after_one_that_cannot_be_removed(desk: Desk) -> None:
    for name in (NAME, "pr-2"):
        desk.type("up", name)
        desk.known.write(dataclasses.replace(environments.find(desk.known, name), expires=lifetime.now()))
    desk.put("container", "node", labels.of(entry_of(desk)))
    (desk.things / "stuck").touch()
    fates: dict[str, str] = {}

    def note(case: reaping.Case, fate: str) -> None:
        fates[case.entry.name] = fate

    assert not reaping.reap(desk.known, lifetime.now(), seconds=60, on_done=note)
    assert fates == {NAME: "failed", "pr-2": "removed"}
