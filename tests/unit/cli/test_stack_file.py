"""With a real git: the salt stays in the checkout, and edits still show."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.workbench import SALT, STACK_YAML, checkout
from tether.cli import stack_file
from tether.cli.project import Project


def git(place: Project, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", "-C", str(place.root), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def place(tmp_path: Path) -> Project:
    place = checkout(tmp_path)
    (tmp_path / ".gitattributes").write_text("stacks/Pulumi.kind.yaml filter=tether-salt\n")
    git(place, "init", "--quiet")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "first")
    return place


def add_salt(place: Project) -> None:
    place.stack_file.write_text(place.stack_file.read_text() + SALT)


def test_a_salt_does_not_make_the_checkout_dirty(place: Project) -> None:
    add_salt(place)
    assert git(place, "status", "--porcelain") != ""
    stack_file.keep_salt_out_of_git(place)
    assert git(place, "status", "--porcelain") == ""
    assert SALT in place.stack_file.read_text()


def test_an_edit_beside_the_salt_shows_and_is_not_staged(place: Project) -> None:
    place.stack_file.write_text(f"{STACK_YAML}  tether:verify: false\n{SALT}")
    stack_file.keep_salt_out_of_git(place)
    assert git(place, "status", "--porcelain") == " M stacks/Pulumi.kind.yaml\n"
    assert "encryptionsalt" not in git(place, "diff")


def test_a_commit_never_holds_the_salt(place: Project) -> None:
    stack_file.keep_salt_out_of_git(place)
    place.stack_file.write_text(f"{STACK_YAML}  tether:verify: false\n{SALT}")
    git(place, "commit", "--quiet", "--all", "--message", "second")
    committed = git(place, "show", "HEAD:stacks/Pulumi.kind.yaml")
    assert "verify" in committed
    assert "encryptionsalt" not in committed


def test_a_stack_file_that_git_does_not_know_is_not_added(place: Project) -> None:
    git(place, "rm", "--quiet", "--cached", "stacks/Pulumi.kind.yaml")
    before = git(place, "status", "--porcelain")
    stack_file.keep_salt_out_of_git(place)
    assert git(place, "status", "--porcelain") == before


def test_a_stack_that_is_shared_keeps_its_salt(place: Project) -> None:
    (place.root / ".gitattributes").write_text("")
    add_salt(place)
    stack_file.keep_salt_out_of_git(place)
    stack_file.forget_salt(place)
    assert SALT in place.stack_file.read_text()
    assert "filter" not in git(place, "config", "--local", "--list")


def test_outside_of_git_nothing_happens(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    add_salt(place)
    stack_file.keep_salt_out_of_git(place)
    stack_file.forget_salt(place)
    assert SALT in place.stack_file.read_text()


def test_a_salt_that_nothing_needs_any_more_goes(place: Project) -> None:
    add_salt(place)
    stack_file.forget_salt(place)
    assert place.stack_file.read_text() == STACK_YAML
    assert git(place, "status", "--porcelain") == ""


def test_a_salt_that_secrets_need_stays(place: Project) -> None:
    place.stack_file.write_text(f"{STACK_YAML}  tether:meshId:\n    secure: v1:xyz\n{SALT}")
    stack_file.forget_salt(place)
    assert SALT in place.stack_file.read_text()
