"""Whole runs of ``tether down`` with a stand-in for the engine: what is called, what is left, which exit code."""

import os
import sys
from pathlib import Path

import pytest

from tests.unit.cli.engine_bench import Bench, tether
from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import (
    SUFFIX,
    cluster,
    exported,
    random_id,
    resource,
    stack,
)  # fmt: skip
from tether.cli import project, records
from tether.cli.project import Project
from tether.parts import PartsMissingError


def test_down_destroys_removes_the_stack_and_leaves_no_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    (bench.bin / "calls").unlink()
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert bench.calls() == ["destroy", "stack rm"]
    assert "is gone" in capfd.readouterr().err
    left = sorted(
        str(path.relative_to(bench.place.private)) for path in bench.place.private.rglob("*") if path.is_file()
    )
    assert left == ["locks/kind.lock", "parts.json"]
    assert bench.place.stack_file.is_file()


def test_down_removes_what_the_state_does_not_know_and_nothing_of_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.add(bench.place, {SUFFIX}, 1)
    bench.things = {
        "ps": [f"cluster1-{SUFFIX}-control-plane", "cluster1-99998888-control-plane"],
        "network": [f"tether-{SUFFIX}", "podman"],
        "volume": [f"aaa|map[cluster1-{SUFFIX}-control-plane:]", "data|map[]"],
    }
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert bench.things == {
        "ps": ["cluster1-99998888-control-plane"],
        "network": ["podman"],
        "volume": ["data|map[]"],
    }


def test_down_twice_is_fine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tether(monkeypatch, ["up"])
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert tether(monkeypatch, ["down", "--yes"]) == 0


def test_down_in_a_fresh_checkout_has_nothing_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def missing(_: Project) -> None:
        raise PartsMissingError("parts.json is missing")

    monkeypatch.setattr(project, "full_environment", missing)
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert "Nothing to remove" in capfd.readouterr().err


@pytest.mark.parametrize("options", [["--yes"], ["--dry-run"]], ids=" ".join)
def test_down_of_a_stack_that_never_was_says_so_and_names_those_that_are(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], options: list[str]
) -> None:
    tether(monkeypatch, ["up"])
    capfd.readouterr()
    assert tether(monkeypatch, ["down", "--stack", "nonsense", *options]) == 0
    said = capfd.readouterr().err
    assert "Nothing to remove: this checkout has nothing of a stack nonsense. It has: kind." in said
    assert "is gone" not in said


def test_a_dry_run_lists_everything_and_removes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    bench.things["ps"] = [f"cluster1-{SUFFIX}-control-plane"]
    (bench.bin / "calls").unlink()
    capfd.readouterr()
    assert tether(monkeypatch, ["down", "--dry-run"]) == 0
    listed = capfd.readouterr().out.splitlines()
    assert cluster("cluster2")["urn"] in listed
    assert f"container cluster1-{SUFFIX}-control-plane" in listed
    assert bench.calls() == []
    assert bench.things["ps"]


def test_down_that_cannot_ask_removes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tether(monkeypatch, ["up"])
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert tether(monkeypatch, ["down"]) == 2
    assert "destroy" not in bench.calls()


def test_an_engine_that_cannot_destroy_does_not_keep_the_clusters(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    (bench.bin / "fail").touch()
    bench.things["ps"] = [f"cluster1-{SUFFIX}-control-plane"]
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert bench.things["ps"] == []
    assert "could not remove everything in good order" in capfd.readouterr().err


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--force"], 0)])
def test_objects_in_clusters_of_others_are_given_up_only_by_force(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int
) -> None:
    bench.after_up(exported(stack(**OUTPUTS), random_id(), resource("kubernetes:core/v1:Namespace", "istio-system")))
    tether(monkeypatch, ["up"])
    (bench.bin / "fail").touch()
    assert tether(monkeypatch, ["down", "--yes", *options]) == code
    assert ("stack rm" in bench.calls()) is (code == 0)
