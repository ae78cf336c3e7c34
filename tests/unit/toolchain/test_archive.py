import json
import tarfile
from pathlib import Path

import pytest

from toolchain import archive
from toolchain.archive import Entry, Image


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF")
    return path


def layer(goal: Path, program: Path) -> Path:
    archive.write_layer(
        goal,
        [
            Entry(path="/usr/local/bin/kubernetes", source=program),
            Entry(path="/usr/local/bin/etcd", link="/usr/local/bin/kubernetes"),
            Entry(path="/etc/settings", source=program, mode=0o644),
        ],
    )
    return goal


def test_a_layer_holds_files_links_and_the_folders_above_them_owned_by_root(tmp_path: Path, program: Path):
    with tarfile.open(layer(tmp_path / "layer.tar", program)) as packed:
        members = {member.name: member for member in packed}
    assert list(members) == [
        "usr", "usr/local", "usr/local/bin", "usr/local/bin/kubernetes", "usr/local/bin/etcd", "etc", "etc/settings",
    ]  # fmt: skip
    assert members["usr/local/bin/kubernetes"].mode == 0o755
    assert members["etc/settings"].mode == 0o644
    assert members["usr/local/bin/etcd"].linkname == "/usr/local/bin/kubernetes"
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}


def write(tmp_path: Path, name: str, *images: Image) -> tuple[Path, dict[str, str]]:
    goal = tmp_path / name
    return goal, archive.write_archive(goal, images, "amd64")


def test_the_same_contents_give_the_same_image_wherever_and_whenever_they_are_packed(tmp_path: Path, program: Path):
    (tmp_path / "other").mkdir()
    one, other = layer(tmp_path / "one.tar", program), layer(tmp_path / "other" / "two.tar", program)
    first, first_ids = write(tmp_path, "a.tar", Image(reference="r:1", layers=(one,), user="1337"))
    second, second_ids = write(tmp_path, "b.tar", Image(reference="r:1", layers=(other,), user="1337"))
    assert first_ids == second_ids
    assert first.read_bytes() == second.read_bytes()
    _, changed = write(tmp_path, "c.tar", Image(reference="r:1", layers=(one,), user="0"))
    assert changed != first_ids


def test_layers_that_images_share_are_stored_once(tmp_path: Path, program: Path):
    base = layer(tmp_path / "base.tar", program)
    own = tmp_path / "own.tar"
    archive.write_layer(own, [Entry(path="/own", source=program)])
    goal, _ = write(
        tmp_path, "images.tar", Image(reference="a:1", layers=(base,)), Image(reference="b:1", layers=(base, own))
    )
    with tarfile.open(goal) as packed:
        names = packed.getnames()
        manifest = json.loads(packed.extractfile("manifest.json").read())  # type: ignore[union-attr]
        config = json.loads(packed.extractfile(manifest[1]["Config"]).read())  # type: ignore[union-attr]
    assert sum(name.endswith(".tar") for name in names) == 2
    assert [entry["RepoTags"] for entry in manifest] == [["a:1"], ["b:1"]]
    assert manifest[1]["Layers"] == [f"{archive.digest(base)}.tar", f"{archive.digest(own)}.tar"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{archive.digest(path)}" for path in (base, own)]


def test_an_image_starts_as_it_was_told(tmp_path: Path, program: Path):
    image = Image(
        reference="n:1",
        layers=(layer(tmp_path / "layer.tar", program),),
        entrypoint=("/sbin/init",),
        environment={"container": "docker"},
        stop_signal="SIGRTMIN+3",
    )
    goal, ids = write(tmp_path, "image.tar", image)
    with tarfile.open(goal) as packed:
        config = json.loads(packed.extractfile(f"{ids['n:1'].removeprefix('sha256:')}.json").read())  # type: ignore[union-attr]
    assert config["config"]["Entrypoint"] == ["/sbin/init"]
    assert config["config"]["StopSignal"] == "SIGRTMIN+3"
    assert "container=docker" in config["config"]["Env"]
