"""One mesh per run, shared by every test that leaves it as it was."""

import os
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


REUSE = "TETHER_E2E_STACK"
"""Name of a stack that stands already and is to stay: spares a developer the minute of every run."""


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    if name := os.environ.get(REUSE):
        standing = Environment(stack=name)
        yield Mesh(environment=standing, result=standing.up(), up_at=time.monotonic())
        return
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
    """Put what must come before the shared mesh first, and what needs it to have stood for a while last."""
    items.sort(key=lambda item: (item.get_closest_marker("first") is None, item.get_closest_marker("last") is not None))
