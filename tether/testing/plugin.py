"""The pytest plugin: options and fixtures.

It is loaded in every pytest run of whoever installed Tether. What costs anything is imported by the fixtures.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tether.testing import run
from tether.testing.options import KEEP, OPTIONS, REMOTES, REUSE

if TYPE_CHECKING:
    from tether.testing.mesh import Mesh
    from tether.testing.namespace import MeshNamespace


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("mesh", "a mesh of several clusters (tether)")
    for option in OPTIONS:
        if not option.metavar:
            group.addoption(option.name, action="store_true", help=option.help)
        else:
            kind: type[int] | type[str] = int if option.is_number else str
            group.addoption(option.name, metavar=option.metavar, type=kind, help=option.help)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that make no sense, before anything is made."""
    remotes: int | None = config.getoption(REMOTES.key)
    reuse: str | None = config.getoption(REUSE.key)
    wrong: list[str] = []
    if remotes is not None and remotes < 1:
        wrong.append(f"{REMOTES.name} = {remotes}: a mesh has one remote at least. Give for example: {REMOTES.name} 1")
    if reuse is not None and not reuse.replace("-", "").replace("_", "").replace(".", "").isalnum():
        wrong.append(
            f"{REUSE.name} = {reuse!r} is no name of an environment or a stack, so no mesh can be found by it. "
            "Names are listed by: tether env list"
        )
    if reuse is not None and config.getoption(KEEP.key):
        wrong.append(
            f"{KEEP.name} is about a mesh that the run makes, but {REUSE.name} has it make none; a mesh that is reused "
            f"always stays. Leave {KEEP.name} out"
        )
    if wrong:
        raise pytest.UsageError("\n".join(wrong))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist by which folder the mesh is shared."""
    node.workerinput.update(run.for_worker(node.config))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Have the last process of a run take the mesh down."""
    if not run.is_worker(session.config) and run.folder(session.config).is_dir():
        from tether.testing import ending

        ending.finish(session, run.folder(session.config))


@pytest.fixture(scope="session")
def mesh(request: pytest.FixtureRequest) -> "Iterator[Mesh]":
    """A mesh of a primary and its remotes, proved and ready: one for the whole run, shared by all of its processes.

    It is an environment (`tether env`) that this run makes when the first test wants it and takes down at its end, or
    one that is there already (`--mesh-reuse`).
    """
    from tether.testing import running

    with running.mesh(request) as found:
        yield found


@pytest.fixture
def mesh_namespace(mesh: "Mesh", request: pytest.FixtureRequest) -> "Iterator[MeshNamespace]":
    """A namespace of this test alone, with the same name in every cluster, whose pods get a proxy; gone afterwards."""
    from tether.testing import running

    with running.namespace(mesh, request) as found:
        yield found
