from pathlib import Path

from tests.unit.cli.workbench import checkout
from tether.cli import event_log


def test_the_last_runs_are_kept_and_older_ones_make_room(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    place.events.mkdir(parents=True)
    for minute in range(10, 17):
        (place.events / f"20250101T10{minute}00-up.jsonl").touch()

    event_log.of_next_run(place, "destroy").touch()

    kept = [file.name for file in event_log.of(place)]
    assert len(kept) == 5
    assert kept[0] == "20250101T101300-up.jsonl"
    assert kept[-1].endswith("-destroy.jsonl")


def test_nobody_else_may_look_into_the_folder(tmp_path: Path) -> None:
    place = checkout(tmp_path)

    event_log.of_next_run(place, "up")

    assert place.events.stat().st_mode & 0o077 == 0
