"""The mesh that tests run on."""

import contextlib
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from tether import kube, kubeconfig, parts, scratch
from tether import mesh as meshes
from tether.cli import private_file, target
from tether.errors import NotFoundError, TetherError, UsageError
from tether.removal import reach
from tether.testing.place import Place
from tether.verify import reaper


class Mesh:
    """A mesh of a primary and its remotes. Clusters are named as in the settings."""

    def __init__(self, place: Place, opened: meshes.Mesh, folder: Path) -> None:
        self.place = place
        self.opened = opened
        self._folder = folder
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Of the environment or the stack, for `tether` commands."""
        return self.place.name

    @property
    def clusters(self) -> tuple[str, ...]:
        """Names of all clusters, the primary first."""
        return tuple(cluster.name for cluster in self.opened.clusters)

    @property
    def primary(self) -> str:
        """Name of the cluster that runs istiod, and in which Istio's configuration lies."""
        return self.opened.primary.name

    @property
    def remotes(self) -> tuple[str, ...]:
        """Names of the other clusters."""
        return self.clusters[1:]

    @property
    def trust_domain(self) -> str:
        """First part of every identity: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`."""
        return self.opened.blueprint.trust_domain

    @cached_property
    def echo_image(self) -> str:
        """Image of Istio's echo application, which every node has: a service to test with that needs no registry."""
        return parts.read(self.place.folder / parts.FILE).images.echo

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with one context for each cluster, named like it; gone after the run."""
        file = self._folder / "kubeconfig"
        with self._lock:
            if not file.exists():
                contents = {one.name: one.member.kubeconfig for one in self.opened.clusters}
                private_file.write(file, kubeconfig.merged(contents))
        return file

    def api(self, cluster: str) -> kube.Api:
        """A cluster's API server: get, find, create, patch, delete, text and execute, JSON in and JSON out.

        Raises:
            UsageError: no cluster has the name.
        """
        return next(one.api for one in self.opened.clusters if one.name in self.chosen(cluster))

    def chosen(self, names: str | Iterable[str] | None) -> tuple[str, ...]:
        """Names of clusters, checked; all where none is given.

        Raises:
            UsageError: no cluster has one of the names; says all that are wrong.
        """
        wanted = self.clusters if names is None else (names,) if isinstance(names, str) else tuple(names)
        if unknown := [name for name in wanted if name not in self.clusters]:
            raise UsageError(
                f"Mesh {self.name} has no cluster {', '.join(unknown)}. It has: {', '.join(self.clusters)}."
            )
        return wanted


@contextlib.contextmanager
def opened(place: Place, remotes: int = 1) -> Generator[Mesh]:
    """Open a mesh for the length of a block, see that it can be used, and remove what killed runs left in it.

    Raises:
        TetherError: it is not up, has too few remotes, or a cluster does not answer.
    """
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(meshes.connect(target.of_stack(place.project)))
        except kube.KubeconfigError as error:
            raise UsageError(f"A kubeconfig of {place.name} cannot be used: {error}") from None
        if len(found.remotes) < remotes:
            raise NotFoundError(
                f"Mesh {place.name} has {len(found.remotes)} of the remotes and the tests want {remotes} "
                f"(--mesh-remotes): make one that has as many: tether env up NAME --remotes {remotes}"
            )
        with ThreadPoolExecutor(len(found.clusters)) as pool:
            silent = [why for why in pool.map(_silence, found.clusters) if why]
            if silent:
                raise TetherError(
                    f"Mesh {place.name} cannot be tested on: {'; '.join(silent)}. See why: "
                    f"cd {place.folder} && tether doctor --stack {place.name}"
                )
            list(pool.map(_clean, found.clusters))
        yield Mesh(place, found, stack.enter_context(scratch.folder()))


def _silence(cluster: meshes.Cluster) -> str:
    silence = reach.silence(cluster.api)
    return silence and f"{cluster.name} does not answer ({silence})"


def _clean(cluster: meshes.Cluster) -> None:
    with contextlib.suppress(kube.KubeError):
        reaper.reap(cluster.api)
