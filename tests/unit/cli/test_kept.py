from pathlib import Path

import pytest

from tests.unit.cli.workbench import STACK_YAML, checkout
from tether.cli import project, remnants
from tether.cli.kept import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(checkout(tmp_path), "cluster2")


def test_the_file_as_it_was_is_read_like_any_stack_file(kept: Kept) -> None:
    kept.begin("token", "config: {}\n")
    assert kept.place.stack_file.read_text() == "config: {}\n"
    assert project.stack_config(kept.before) == project.stack_config(checkout(kept.place.root / "other"))
    assert kept.is_under_way


def test_the_credential_is_for_its_owner_alone_and_goes_at_the_end(kept: Kept) -> None:
    kept.begin("token", "config: {}\n")
    assert kept.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert kept.folder.stat().st_mode & 0o777 == 0o700
    kept.end()
    assert [path.name for path in kept.folder.iterdir()] == ["Pulumi.kind.yaml"]
    assert not kept.is_under_way


def test_what_is_taken_back_was_never_there(kept: Kept) -> None:
    kept.begin("token", "config: {}\n")
    kept.take_back()
    assert kept.place.stack_file.read_text() == STACK_YAML
    assert not kept.folder.exists()


def test_what_is_kept_goes_with_the_stack(kept: Kept) -> None:
    kept.begin("token", "config: {}\n")
    assert kept.place.removals in remnants.state_files(kept.place)
