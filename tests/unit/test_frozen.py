"""What a runtime left frozen runs on, of the containers that are meant and of what runs inside them."""

from pathlib import Path

import pytest

from tether import frozen

OWN, OTHER = "a" * 64, "b" * 64


def cgroup(root: Path, name: str, state: str) -> Path:
    (root / name).mkdir(parents=True)
    file = root / name / "freezer.state"
    file.write_text(f"{state}\n")
    return file


def test_only_cgroups_of_the_containers_are_thawed(tmp_path: Path) -> None:
    node = cgroup(tmp_path, f"libpod_parent/libpod-{OWN}", "THAWED")
    pod = cgroup(tmp_path, f"libpod_parent/libpod-{OWN}/kubelet.slice/pod.scope", "FROZEN")
    half = cgroup(tmp_path, f"docker/{OWN}/pod.scope", "FREEZING")
    other = cgroup(tmp_path, f"libpod_parent/libpod-{OTHER}", "FROZEN")
    assert frozen.thaw([OWN], tmp_path) == 2
    assert [file.read_text().strip() for file in (node, pod, half, other)] == ["THAWED", "THAWED", "THAWED", "FROZEN"]


def test_where_no_freezer_is_there_nothing_is_done(tmp_path: Path) -> None:
    assert frozen.thaw([OWN], tmp_path / "none") == 0
    cgroup(tmp_path, OWN, "FROZEN")
    assert frozen.thaw([], tmp_path) == 0


def test_a_cgroup_that_may_not_be_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup(tmp_path, OWN, "FROZEN")

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(Path, "write_text", refuse)
    assert frozen.thaw([OWN], tmp_path) == 0
