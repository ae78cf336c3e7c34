"""One mesh per run, shared by every test that leaves it as it was."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.environment import Environment, things_of


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """The shared mesh and what ``tether up`` said when it was made."""

    environment: Environment
    result: dict[str, Any]
    up_at: float
    """On the monotonic clock."""


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    environment = Environment()
    suffix = ""
    try:
        result = environment.up()
        suffix = environment.suffix
        yield Mesh(environment=environment, result=result, up_at=time.monotonic())
    finally:
        environment.remove()
    assert things_of(suffix) == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the mesh to have stood for a while comes last, whatever the order of the rest."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
