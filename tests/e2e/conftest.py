"""One mesh per process, shared by every test that leaves it as it was."""

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.e2e.environment import PROJECT, Environment, standing
from tests.e2e.program import Program, bare_clusters
from tether.cli.project import DEFAULT_STACK


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


def default_stands() -> bool:
    """Whether ``make up`` has made the default mesh, with the settings that are committed.

    Then one process takes it instead of a mesh of its own, for which there may be no room beside it.
    """
    default = Environment(stack=DEFAULT_STACK)
    if not default.kubeconfig("cluster1").is_file():
        return False
    differs = ["git", "-C", PROJECT, "diff", "--quiet", "HEAD", "--", default.stack_file]
    return subprocess.run(differs, check=False).returncode == 0 and bool(default.state())


@contextlib.contextmanager
def claim(name: str) -> Generator[bool]:
    """Whether this process has a mesh for itself, for the length of a block."""
    file = PROJECT / ".tether" / "locks" / f"tests-of-{name}"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say whose mesh is broken and mended."""
    if hasattr(config, "workerinput") or os.environ.get(REUSE) or not default_stands():
        return []
    return [f"mesh: stack {DEFAULT_STACK} stands; one process breaks and mends it, and leaves it as it was"]


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    with contextlib.ExitStack() as stack:
        name = os.environ.get(REUSE)
        if not name and default_stands() and stack.enter_context(claim(DEFAULT_STACK)):
            name = DEFAULT_STACK
        if name:
            kept = Environment(stack=name)
            yield Mesh(environment=kept, result=kept.up(), up_at=time.monotonic())
            return
        yield stack.enter_context(own())


@contextlib.contextmanager
def own() -> Generator[Mesh]:
    """A mesh that nothing is left of."""
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
    """Put what makes clusters of its own first, module by module, and what needs a mesh of age between the others.

    At the end it might meet the mesh of the process that has just made one, after its clusters of its own.
    """
    modules = list(dict.fromkeys(item.path.name for item in items))

    def order(item: pytest.Item) -> tuple[bool, int, bool]:
        name = item.path.name
        own = name in OWN_CLUSTERS
        return not own, modules.index(name) if own else 0, bool(item.get_closest_marker("last"))

    items.sort(key=order)
    aged = [item for item in items if item.get_closest_marker("aged")]
    young = [item for item in items if item not in aged]
    own_first = sum(item.path.name in OWN_CLUSTERS for item in young)
    middle = (own_first + len(young)) // 2
    items[:] = [*young[:middle], *aged, *young[middle:]]


class InOrder(LoadScopeScheduling):
    """Gives each process the next test, or all at once that make clusters of their own."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0].rpartition("/")[2]
        return "own clusters" if module in OWN_CLUSTERS else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> InOrder:
    """Have tests go to processes in their order (pytest-xdist 3.8's own groups do nothing under pytest 9.2)."""
    config.option.loadscopereorder = False
    return InOrder(config, log)
