"""One file, private, whole or not there; each collector fails by itself."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import contents
from tether.diagnosis import archive, collecting
from tether.diagnosis.collectors import Collector, Piece
from tether.diagnosis.masking import Masking

SECRET = "Gu7-planted-password"


def of_pieces(name: str, *pieces: Piece) -> Collector:
    return Collector(name=name, what=name, read=lambda: pieces)


def broken(name: str, *pieces: Piece) -> Collector:
    def read() -> Iterator[Piece]:
        yield from pieces
        raise RuntimeError(f"refused, password: {SECRET}")

    return Collector(name=name, what=name, read=read)


def test_an_archive_holds_what_was_put_in_below_one_folder_and_is_private(tmp_path: Path) -> None:
    out = tmp_path / "mesh.tar.gz"
    with archive.opened(out, Masking([SECRET]), 0) as made:
        collecting.collect([of_pieces("pods", ("json", "{}")), of_pieces("logs", ("a/b.log", f"said {SECRET}"))], made)

    assert contents(out) == {"mesh/pods.json": "{}", "mesh/logs/a/b.log": "said [secret]"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [out]


def test_an_archive_that_was_not_finished_leaves_nothing_and_keeps_the_older_one(tmp_path: Path) -> None:
    out = tmp_path / "mesh.tar.gz"
    out.write_text("older")

    with pytest.raises(KeyboardInterrupt), archive.opened(out, Masking(), 0):
        raise KeyboardInterrupt

    assert out.read_text() == "older"
    assert list(tmp_path.iterdir()) == [out]


def test_a_collector_that_fails_keeps_nothing_else_out_and_is_told_of_without_secrets(tmp_path: Path) -> None:
    out = tmp_path / "mesh.tar.gz"
    told: list[str] = []
    with archive.opened(out, Masking(), 0) as made:
        wanted = [broken("first", ("a.json", "1")), of_pieces("second", ("json", "2"))]
        found = collecting.collect(wanted, made, lambda one: told.append(one.collector.name))
        made.add(collecting.MANIFEST, collecting.manifest({"stack": "kind"}, found))

    held = contents(out)
    assert {"mesh/first/a.json", "mesh/second.json", "mesh/manifest.json"} == set(held)
    assert set(told) == {"first", "second"}
    manifest = json.loads(held["mesh/manifest.json"])
    assert manifest["stack"] == "kind"
    first, second = manifest["collectors"]
    assert first["files"] == ["first/a.json"]
    assert first["error"].startswith("RuntimeError: refused")
    assert SECRET not in held["mesh/manifest.json"]
    assert second["files"] == ["second.json"]
    assert "error" not in second
