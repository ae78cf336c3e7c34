import dataclasses
import datetime
import multiprocessing
import os
from pathlib import Path

import pytest

from tests.unit.environments.making import NOON, dead, entry, living
from tether.environments import registry
from tether.environments.registry import Phase, Registry


@pytest.fixture
def known(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "environments")


def test_what_is_written_is_read_again(known: Registry, tmp_path: Path) -> None:
    one = known.write(entry(tmp_path, owner=living(), worker=living(), phase=Phase.MAKING))
    assert known.find("pr-1") == one
    assert known.write(dataclasses.replace(one, expires=None, worker=None)) == known.find("pr-1")
    assert [path.name for path in known.root.iterdir()] == ["pr-1.json"]


def test_entries_come_by_age_and_broken_files_are_none(known: Registry, tmp_path: Path) -> None:
    for name, minutes in (("b", 2), ("c", 1), ("a", 2)):
        known.write(entry(tmp_path, name, created=NOON + datetime.timedelta(minutes=minutes)))
    (known.root / "broken.json").write_text("{")
    (known.root / "other.json").write_text("[]")
    assert [one.name for one in known.entries()] == ["c", "a", "b"]
    assert known.find("broken") is None


def test_a_registry_that_was_never_written_is_empty(known: Registry) -> None:
    assert (known.entries(), known.find("x"), known.strays()) == ([], None, [])


def test_its_folder_is_private_and_lies_where_the_xdg_specification_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found = registry.of_user()
    assert found.root == tmp_path / "tether" / "environments"
    found.write(entry(tmp_path))
    assert found.root.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert registry.of_user().root == Path.home() / ".local" / "state" / "tether" / "environments"


def test_an_environment_is_abandoned_once_its_process_or_that_at_work_is_gone(tmp_path: Path) -> None:
    assert entry(tmp_path, owner=living(), worker=living()).why_abandoned == ""
    gone = dead()
    assert entry(tmp_path, owner=gone).why_abandoned == f"its process {gone.process} has ended"
    cut_off = entry(tmp_path, worker=gone, phase=Phase.PAUSED).why_abandoned
    assert cut_off == f"was cut off while paused: its process {gone.process} has ended"


def test_a_later_process_of_the_same_number_is_not_the_owner(tmp_path: Path) -> None:
    other = dataclasses.replace(living(), started="another boot/1")
    assert "has ended" in entry(tmp_path, owner=other).why_abandoned


def test_of_processes_on_other_hosts_nothing_is_known(tmp_path: Path) -> None:
    elsewhere = dataclasses.replace(dead(), host="elsewhere")
    assert entry(tmp_path, owner=elsewhere, worker=elsewhere).why_abandoned == ""
    assert not elsewhere.is_me


def test_memory_is_promised_to_what_comes_up_and_was_asked_for_before(tmp_path: Path) -> None:
    entries = [
        entry(tmp_path, "standing"),
        entry(tmp_path, "first", phase=Phase.MAKING, worker=living()),
        entry(tmp_path, "dead", phase=Phase.MAKING, worker=dead()),
        entry(tmp_path, "asking", phase=Phase.MAKING, worker=living()),
        entry(tmp_path, "later", phase=Phase.MAKING, worker=living()),
    ]
    assert list(registry.promised(entries, "asking")) == ["first"]
    assert list(registry.promised(entries)) == ["first", "asking", "later"]


def test_what_killed_runs_left_is_found_and_what_live_ones_write_is_not(known: Registry, tmp_path: Path) -> None:
    known.write(entry(tmp_path))
    gone = dead().process
    left = [known.root / f".pr-1.{gone}.draft", known.root / "orphan"]
    left[0].touch()
    left[1].mkdir()
    (known.root / "pr-1").mkdir()
    (known.root / f".pr-1.{os.getpid()}.draft").touch()
    assert sorted(known.strays()) == sorted(left)


def count_alone(root: Path) -> None:
    counter = root / "counter"
    for _ in range(20):
        with Registry(root).alone():
            counter.write_text(str(int(counter.read_text()) + 1))


def test_one_process_at_a_time_holds_it(known: Registry) -> None:
    known.root.mkdir()
    (known.root / "counter").write_text("0")
    running = [multiprocessing.get_context("spawn").Process(target=count_alone, args=(known.root,)) for _ in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert (known.root / "counter").read_text() == "60"


@pytest.mark.parametrize("name", ["pr-1", "a", "0", "a" * 40])
def test_names_are_dns_labels(name: str) -> None:
    assert registry.NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a_b", "a" * 41, "../a", "a b"])
def test_other_names_are_none(name: str) -> None:
    assert not registry.NAME.fullmatch(name)
