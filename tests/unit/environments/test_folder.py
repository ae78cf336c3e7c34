import json
from pathlib import Path

import pytest

from tests.unit.cli.workbench import PULUMI_YAML
from tests.unit.environments.making import entry
from tether.cli import project
from tether.environments import folder
from tether.environments.registry import Entry


@pytest.fixture
def one(tmp_path: Path) -> Entry:
    made = entry(tmp_path)
    for name in (".tether/bin", ".tether/state", ".tether/pulumi/plugins", ".git", ".venv/bin", "stacks", "secrets"):
        (made.checkout / name).mkdir(parents=True)
    (made.checkout / "Pulumi.yaml").write_text(PULUMI_YAML)
    (made.checkout / ".tether" / "parts.json").write_text("{}")
    (made.checkout / ".tether" / "passphrase").write_text("of the checkout")
    (made.checkout / "secrets" / "ca.pem").write_text("pem")
    return made


def test_it_is_the_checkout_in_small_with_nothing_private_of_it(one: Entry) -> None:
    folder.make(one)
    assert (one.folder / "secrets" / "ca.pem").read_text() == "pem"
    assert (one.folder / ".venv" / "bin").is_dir()
    for own in (".git", ".tether/state", ".tether/passphrase"):
        assert not (one.folder / own).exists(), own
    for own in ("", "stacks", ".tether", ".tether/pulumi"):
        assert not (one.folder / own).is_symlink(), own
    assert one.folder.stat().st_mode & 0o777 == 0o700
    assert folder.has_tools(one)


def test_commands_work_in_it_and_take_the_environment_for_their_stack(
    one: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    folder.make(one)
    place = project.find(one.folder)
    assert (place.root, place.stack, place.environment) == (one.folder, "pr-1", "pr-1")
    assert place.stack_file == one.folder / "stacks" / "Pulumi.pr-1.yaml"
    assert place.down_command == "tether env down pr-1"
    assert project.find(one.checkout).down_command == "make down"


def test_it_says_what_containers_are_to_be_labelled_with(one: Entry) -> None:
    folder.make(one)
    assert json.loads(folder.container_labels(one.folder))["tether-env.name"] == "pr-1"
    assert folder.container_labels(one.checkout) == ""


def test_made_again_it_follows_the_checkout_and_keeps_its_own(one: Entry) -> None:
    folder.make(one)
    (one.folder / "stacks" / "Pulumi.pr-1.yaml").write_text("config: {}")
    (one.checkout / "new.py").touch()
    (one.folder / "own.pem").touch()
    (one.checkout / "own.pem").touch()
    folder.make(one)
    assert (one.folder / "new.py").is_symlink()
    assert not (one.folder / "own.pem").is_symlink()
    assert (one.folder / "stacks" / "Pulumi.pr-1.yaml").is_file()


def test_the_passphrase_is_taken_over_once_and_stays_private(one: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    folder.make(one)
    folder.take_passphrase(one)
    own = one.folder / ".tether" / "passphrase"
    assert own.read_text() == "of the checkout"
    assert own.stat().st_mode & 0o777 == 0o600
    (one.checkout / ".tether" / "passphrase").write_text("another")
    folder.take_passphrase(one)
    assert own.read_text() == "of the checkout"


def test_the_passphrase_of_the_variable_wins_as_it_does_for_the_engine(
    one: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the user")
    folder.make(one)
    folder.take_passphrase(one)
    assert (one.folder / ".tether" / "passphrase").read_text() == "of the user"


def test_its_removal_leaves_the_checkout_alone(one: Entry) -> None:
    folder.make(one)
    folder.remove(one.folder)
    assert not one.folder.exists()
    assert (one.checkout / "secrets" / "ca.pem").is_file()
    assert (one.checkout / ".tether" / "bin").is_dir()


def test_without_its_checkout_there_are_no_tools(one: Entry) -> None:
    folder.make(one)
    (one.checkout / ".tether" / "parts.json").unlink()
    assert not folder.has_tools(one)
