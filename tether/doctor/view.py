"""What the checks look at: every fact is read once, whoever asks for it first."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from tether import kube
from tether.mesh import Cluster, Mesh
from tether.revision import Revision

Fact = TypeVar("Fact")


class Facts:
    """Values by key; the first to ask reads, the others wait for it. Errors are remembered like values."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[object, Future[Any]] = {}

    def once(self, key: object, read: Callable[[], Fact]) -> Fact:
        """Return the fact, reading it if nobody has; raises what the reading raised."""
        with self._lock:
            known = self._known.get(key)
            mine = known is None
            if known is None:
                known = self._known[key] = Future()
        if mine:
            try:
                known.set_result(read())
            except BaseException as error:  # noqa: BLE001 - kept for everyone who asks, and raised below
                known.set_exception(error)
        return cast("Fact", known.result())


class ClusterView:
    """One cluster as the checks see it."""

    def __init__(self, cluster: Cluster, mesh: Mesh) -> None:
        self.cluster = cluster
        self.mesh = mesh
        self.facts = Facts()

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.cluster.name

    @property
    def is_primary(self) -> bool:
        """Whether istiod runs here."""
        return self.cluster.is_primary

    @property
    def api(self) -> kube.Api:
        """The API server, unremembered; for what must be asked anew."""
        return self.cluster.api

    def get(self, path: str, query: Mapping[str, str] | None = None) -> kube.Object:
        """Read an object or list once; raises KubeError."""
        key = ("get", path, tuple(sorted((query or {}).items())))
        return self.facts.once(key, lambda: self.api.get(path, query))

    def find(self, path: str) -> kube.Object | None:
        """Read an object once, None where it does not exist; raises KubeError."""
        return self.facts.once(("find", path), lambda: self.api.find(path))

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[kube.Object]:
        """Objects of a list, read once; raises KubeError."""
        return kube.items(self.get(path, query))

    def glimpse(self, path: str, query: Mapping[str, str] | None = None) -> Sequence[kube.Object]:
        """Objects of a list, none where they may not be read: for what only adds to an answer."""
        try:
            return self.list(path, query)
        except kube.KubeError:
            return []

    def system(self, kind: str, name: str = "") -> str:
        """Path of a core object or list in Istio's namespace: ``system("secrets", "cacerts")``."""
        path = f"/api/v1/namespaces/{self.mesh.namespace}/{kind}"
        return f"{path}/{name}" if name else path


class MeshView:
    """The mesh as the checks see it; made anew for every round."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.facts = Facts()
        self.clusters = tuple(ClusterView(cluster, mesh) for cluster in mesh.clusters)

    @property
    def primary(self) -> ClusterView:
        """The cluster that runs istiod."""
        return self.clusters[0]

    @property
    def remotes(self) -> tuple[ClusterView, ...]:
        """The clusters that it serves."""
        return self.clusters[1:]

    @property
    def namespace(self) -> str:
        """Istio's namespace."""
        return self.mesh.namespace

    @property
    def revision(self) -> Revision:
        """Of the istiod that serves the remotes."""
        return self.mesh.revision
