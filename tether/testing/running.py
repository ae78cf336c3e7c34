"""What the fixtures do: find or make the mesh, give each test its namespace."""

import contextlib
import sys
from collections.abc import Callable, Generator
from typing import Any, cast

import pytest

from tether import kube
from tether.errors import TetherError
from tether.parts import PartsMissingError
from tether.testing import attaching, environment, place, run, sharing
from tether.testing import mesh as meshes
from tether.testing.mesh import Mesh
from tether.testing.namespace import MeshNamespace, name_for
from tether.testing.options import KEEP, KEEP_FAILED, REMOTES, REUSE
from tether.testing.place import Place
from tether.testing.waiting import WaitError

_LEAVING = pytest.StashKey[list[MeshNamespace]]()
"""Namespaces that were removed and may still be ending."""


@contextlib.contextmanager
def mesh(request: pytest.FixtureRequest) -> Generator[Mesh]:
    """The mesh of the run, for the length of a block; a process of its own opens it for itself."""
    config = request.config
    remotes: int = config.getoption(REMOTES.key) or 1
    with contextlib.ExitStack() as stack:
        with _told(), _uncaptured(config) as tell:
            found = stack.enter_context(meshes.opened(_place(config, remotes, tell), remotes))
        attachments = attaching.Attachments(found, request.getfixturevalue("tmp_path_factory"))
        config.pluginmanager.register(attachments)
        stack.callback(config.pluginmanager.unregister, attachments)
        config.stash[_LEAVING] = []
        yield found
        if config.getoption(REUSE.key) or config.getoption(KEEP.key):
            with _told():
                for one in config.stash[_LEAVING]:
                    one.await_gone()


@contextlib.contextmanager
def namespace(mesh: Mesh, request: pytest.FixtureRequest) -> Generator[MeshNamespace]:
    """A namespace for one test, for the length of a block."""
    if not isinstance(cast("Any", mesh), Mesh):
        pytest.fail(
            f"mesh_namespace needs the fixture mesh of tether.testing, but another fixture of that name, which gives a "
            f"{type(mesh).__name__}, is nearer to the test. Call that one otherwise.",
            pytrace=False,
        )
    item = cast("pytest.Item", request.node)
    found = MeshNamespace(mesh, name_for(item.name), request.config.rootpath)
    try:
        with _told():
            found.create()
        item.stash[attaching.NAMESPACE] = found
        yield found
    finally:
        if request.config.getoption(KEEP_FAILED.key) and item.stash.get(attaching.FAILED, False):
            found.keep()
        else:
            found.remove()
            request.config.stash[_LEAVING].append(found)


def _place(config: pytest.Config, remotes: int, tell: Callable[[str], None]) -> Place:
    root = place.checkout(config.rootpath)
    if name := cast("str | None", config.getoption(REUSE.key)):
        return place.find(root, name)
    return sharing.take(
        run.folder(config),
        lambda: environment.begin(root),
        lambda record, started: environment.make(record, remotes, run.owner(config), tell, started),
    )


@contextlib.contextmanager
def _told() -> Generator[None]:
    """An expected failure is one message, without a traceback through Tether."""
    try:
        yield
    except (TetherError, PartsMissingError, kube.KubeError, WaitError) as error:
        pytest.fail(str(error), pytrace=False)


@contextlib.contextmanager
def _uncaptured(config: pytest.Config) -> Generator[Callable[[str], None]]:
    """Talk to people, whatever pytest captures: making a mesh takes its time, and says how it goes on."""
    manager: Any = config.pluginmanager.getplugin("capturemanager")
    with manager.global_and_fixture_disabled() if manager else contextlib.nullcontext():
        yield tell


def tell(line: str) -> None:
    """Say a line to people."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - processes of pytest-xdist have no other way
