"""The end-to-end tests go to their processes in an order that wastes no time."""

import ast
from pathlib import Path
from typing import cast

import pytest

from tests.e2e import conftest


class Item:
    """As much of a test as the order depends on."""

    def __init__(self, module: str, name: str, mark: str = "") -> None:
        self.path, self.name, self.mark = Path(f"test_{module}.py"), name, mark

    def get_closest_marker(self, name: str) -> str:
        return self.mark if name == self.mark else ""


def test_what_needs_a_mesh_of_age_comes_between_the_tests_of_the_shared_mesh() -> None:
    own = sorted(conftest.OWN_CLUSTERS)[0].removeprefix("test_").removesuffix(".py")
    items = [
        Item("up", "aged", "aged"), Item("doctor", "a"), Item(own, "last", "last"), Item("doctor", "b"),
        Item(own, "first"), Item("trace", "c"), Item("up", "d"),
    ]  # fmt: skip
    conftest.pytest_collection_modifyitems(cast("list[pytest.Item]", items))
    assert [item.name for item in items] == ["first", "last", "a", "b", "aged", "c", "d"]


def test_it_comes_alone_where_nothing_else_is_asked_for() -> None:
    items = [Item("up", "aged", "aged")]
    conftest.pytest_collection_modifyitems(cast("list[pytest.Item]", items))
    assert [item.name for item in items] == ["aged"]


@pytest.mark.parametrize("name", sorted(conftest.OWN_CLUSTERS))
def test_what_makes_clusters_of_its_own_takes_no_mesh_that_would_stand_beside_them(name: str) -> None:
    """A module's own fixture of that name ends with it."""
    tree = ast.parse((Path(conftest.__file__).parent / name).read_text())
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    taking = [found for found, node in functions.items() if "mesh" in [argument.arg for argument in node.args.args]]
    assert "mesh" in functions or not taking
