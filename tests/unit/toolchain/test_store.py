import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from toolchain import shell
from toolchain.places import Cache
from toolchain.store import Artefact, Store, Workshop


def write(text: str):
    def make(workshop: Workshop) -> None:
        (workshop.draft / "content").write_text(text)

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(tmp_path / "cache"))


def names(store: Store) -> list[str]:
    return sorted(path.name for path in store.cache.artefacts.iterdir())


def test_an_artefact_is_built_once_and_found_afterwards(store: Store):
    built: list[str] = []

    def make(workshop: Workshop) -> None:
        built.append(workshop.draft.name)
        (workshop.draft / "content").write_text("x")

    artefact = Artefact(name="thing", make=make)
    assert not store.has(artefact)
    assert (store.obtain(artefact) / "content").read_text() == "x"
    assert store.obtain(artefact) == store.path(artefact)
    assert len(built) == 1


def test_every_input_decides_the_digest(tmp_path: Path):
    recipe = tmp_path / "recipe"
    recipe.write_text("one")

    def digest(name: str = "a", flag: str = "1", need: str = "n") -> str:
        needed = Artefact(name="need", make=write(""), inputs={"x": need})
        return Artefact(name=name, make=write(""), inputs={"flag": flag}, files=(recipe,), needs=(needed,)).digest

    first = digest()
    others = {digest(name="b"), digest(flag="2"), digest(need="m")}
    recipe.write_text("two")
    others.add(digest())
    assert first not in others
    assert len(others) == 4
    recipe.write_text("one")
    assert digest() == first


def test_inputs_that_only_join_to_the_same_text_are_not_the_same():
    one = Artefact(name="a", make=write(""), inputs={"k": "1", "l": "2"})
    other = Artefact(name="a", make=write(""), inputs={"k": "1\nl=2"})
    assert one.digest != other.digest


def test_the_digest_does_not_depend_on_where_the_checkout_lies(tmp_path: Path):
    digests: set[str] = set()
    for clone in ("here", "there"):
        folder = tmp_path / clone / "recipes"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").write_text("same")
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "file").write_text(clone)
        digests.add(Artefact(name="a", make=write(""), files=(folder,)).digest)
    assert len(digests) == 1


def test_moving_a_file_inside_a_recipe_folder_changes_the_digest(tmp_path: Path):
    (tmp_path / "one").write_text("same")
    before = Artefact(name="a", make=write(""), files=(tmp_path,)).digest
    (tmp_path / "one").rename(tmp_path / "two")
    assert Artefact(name="a", make=write(""), files=(tmp_path,)).digest != before


def test_a_failed_build_leaves_nothing_and_the_next_one_succeeds(store: Store):
    def fail(workshop: Workshop) -> None:
        (workshop.draft / "half").write_text("half")
        workshop.run("sh", "-c", "echo the cause; exit 7")

    with pytest.raises(shell.CommandError, match="the cause") as caught:
        store.obtain(Artefact(name="thing", make=fail))
    assert caught.value.code == 7
    assert names(store) == []
    good = Artefact(name="thing", make=write("whole"))
    assert [path.name for path in store.obtain(good).iterdir()] == ["content"]


PROGRAM = """
import os, sys, time
from pathlib import Path
from toolchain.places import Cache
from toolchain.store import Artefact, Store

root, mode = Path(sys.argv[1]), sys.argv[2]

def make(workshop):
    with (root / "builds").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    (workshop.draft / "half").write_text("half")
    print("building", flush=True)
    while mode == "hang" or not (root / "go on").exists():
        time.sleep(0.02)
    (workshop.draft / "content").write_text("whole")

Store(Cache(root / "cache")).obtain(Artefact(name="thing", make=make), lambda: print("waiting", flush=True))
print("got it", flush=True)
"""


def start(tmp_path: Path, mode: str) -> "subprocess.Popen[str]":
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAM))
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), mode],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )


def test_two_processes_at_once_build_once_and_share_the_result(tmp_path: Path):
    first = start(tmp_path, "race")
    assert first.stdout
    assert first.stdout.readline() == "building\n"
    second = start(tmp_path, "race")
    assert second.stdout
    assert second.stdout.readline() == "waiting\n"
    (tmp_path / "go on").touch()
    assert second.communicate(timeout=30)[0] == "got it\n"
    assert first.communicate(timeout=30)[0] == "got it\n"
    assert (tmp_path / "builds").read_text().split() == [str(first.pid)]


def test_a_killed_build_lets_go_of_its_lock_and_its_draft_is_swept(tmp_path: Path, store: Store):
    killed = start(tmp_path, "hang")
    assert killed.stdout
    assert killed.stdout.readline() == "building\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    artefact = Artefact(name="thing", make=write("whole"))
    assert names(store) == [f".draft-{artefact.folder_name}"]
    assert not store.has(artefact)
    assert [path.name for path in store.obtain(artefact).iterdir()] == ["content"]
    assert names(store) == [artefact.folder_name]


def test_removing_keeps_what_is_wanted_and_takes_drafts_along(store: Store):
    kept, gone = Artefact(name="kept", make=write("1")), Artefact(name="gone", make=write("2"))
    store.obtain(kept)
    store.obtain(gone)
    (store.cache.artefacts / ".draft-left-over").mkdir()
    removed = store.remove(keep=lambda name: name == kept.folder_name)
    assert set(removed) == {gone.folder_name, "left-over"}
    assert names(store) == [kept.folder_name]


def test_a_tree_with_read_only_folders_can_be_removed(tmp_path: Path):
    deep = tmp_path / "module" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    deep.chmod(0o500)
    (tmp_path / "module").chmod(0o500)
    shell.remove_tree(tmp_path / "module")
    assert not (tmp_path / "module").exists()
