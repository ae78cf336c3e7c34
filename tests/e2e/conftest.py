"""One mesh per process, shared by every test that leaves it as it was."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.e2e.environment import Environment, standing
from tests.e2e.program import Program, bare_clusters


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """The shared mesh and what ``tether up`` said when it was made."""

    environment: Environment
    result: dict[str, Any]
    up_at: float
    """On the monotonic clock."""


OWN_CLUSTERS = frozenset(
    {
        "test_cloud_traits.py",
        "test_environments.py",
        "test_existing_clusters.py",
        "test_interruptions.py",
        "test_istio_line.py",
        "test_node_image.py",
        "test_pipeline_environments.py",
        "test_policy.py",  # makes none, but there must be room for them before policies are asked
        "test_reader_rights.py",
        "test_remote_removal.py",
        "test_revision.py",
        "test_ways_in.py",
    }
)
"""What makes clusters of its own, up to three. They come first and one after the other, in one process, while another
tests its mesh: five nodes are what fits into the inotify instances that Linux gives a user by default. So a module that
keeps a mesh for its tests has none of them make clusters beside it."""
REUSE = "TETHER_E2E_STACK"
"""Name of a stack that stands already and is to stay: spares a developer the minute of every run in one process."""


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    if name := os.environ.get(REUSE):
        kept = Environment(stack=name)
        yield Mesh(environment=kept, result=kept.up(), up_at=time.monotonic())
        return
    environment = Environment()
    with standing(environment) as result:
        yield Mesh(environment=environment, result=result, up_at=time.monotonic())


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Program]:
    """Two clusters of somebody else's, for one test."""
    state = tmp_path / "state"
    state.mkdir()
    with bare_clusters(state, ("east", "west")) as clusters:
        yield clusters


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what makes clusters of its own first, module by module, and last what leaves no mesh or needs one of age."""
    modules = list(dict.fromkeys(item.path.name for item in items))

    def order(item: pytest.Item) -> tuple[bool, int, bool]:
        name = item.path.name
        own = name in OWN_CLUSTERS
        return not own, modules.index(name) if own else 0, bool(item.get_closest_marker("last"))

    items.sort(key=order)


class InOrder(LoadScopeScheduling):
    """Gives each process the next test, or all at once that make clusters of their own."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0].rpartition("/")[2]
        return "own clusters" if module in OWN_CLUSTERS else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> InOrder:
    """Have tests go to processes in their order (pytest-xdist 3.8's own groups do nothing under pytest 9.2)."""
    config.option.loadscopereorder = False
    return InOrder(config, log)
