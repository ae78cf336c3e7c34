"""Which checkout, stack or environment is meant."""

import json
import sys
from pathlib import Path

import pytest

from tether.errors import NotFoundError
from tether.testing import commands, place

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without stacks, and environments of the names pr-1 and pr-2."""
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    root = tmp_path / "checkout"
    (root / "stacks").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    program = tmp_path / "program.py"
    shown = json.dumps({"environment": {"name": "pr-1", "folder": "/environments/pr-1"}})
    program.write_text(
        f"import sys\nif sys.argv[1:] != 'env show pr-1 --output json'.split():\n    sys.exit(6)\nprint({shown!r})\n"
    )
    monkeypatch.setattr(commands, "PROGRAM", (sys.executable, str(program)))
    return root


def bring_up(root: Path, stack: str) -> None:
    (root / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    (root / ".tether" / "kubeconfigs" / stack).mkdir(parents=True)
    (root / ".tether" / "kubeconfigs" / stack / "cluster1").touch()


def test_the_checkout_around_the_tests_is_taken(checkout: Path) -> None:
    inside = checkout / "deep" / "tests"
    inside.mkdir(parents=True)
    assert place.checkout(inside) == checkout


def test_away_from_a_checkout_that_of_the_package_is_taken_though_there_is_another_pulumi_project(
    tmp_path: Path,
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    assert place.checkout(tmp_path) == ROOT


def test_a_stack_that_is_up_is_found_before_an_environment(checkout: Path) -> None:
    bring_up(checkout, "pr-1")
    assert place.find(checkout, "pr-1") == place.Place(name="pr-1", folder=checkout, is_environment=False)


def test_an_environment_is_found_where_no_stack_is_up(checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.pr-1.yaml").write_text("config: {}\n")
    found = place.find(checkout, "pr-1")
    assert found == place.Place(name="pr-1", folder=Path("/environments/pr-1"), is_environment=True)


def test_a_name_of_neither_is_refused_with_the_commands_that_list_and_make_one(checkout: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no environment of this name, and no stack") as error:
        place.find(checkout, "pr-3")
    assert "tether env list" in str(error.value)
    assert "tether env up pr-3" in str(error.value)
