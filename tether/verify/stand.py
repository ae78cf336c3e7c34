"""The echo applications of a verification in every cluster, from their namespace to its removal."""

import contextlib
import re
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from tether import kube, wait
from tether.mesh import Cluster, Mesh
from tether.verify import connections, echo, policies, reaper
from tether.verify.client import Asker
from tether.verify.matrix import Mode, Protocol
from tether.verify.pods import ready_pod

Result = TypeVar("Result")
Thing = TypeVar("Thing")

PREFIX = "tether-verify"
STRANGER = "stranger"
"""Asks with a proxy and an identity of its own."""
OUTSIDER = "outsider"
"""Asks without a proxy, in plaintext."""

_START_SECONDS = 180.0
"""For images that are pulled and proxies that start on a busy node."""
_PROXY = {"sidecar.istio.io/proxyCPU": "10m", "sidecar.istio.io/proxyMemory": "64Mi"}
"""Little is asked of the nodes: a verification must fit beside everything that is there."""
_REGION = "istio-locality"
"""Pod label that says where a pod is, whatever its node says (istio/istio pkg/model/proxy.go, LocalityLabel)."""
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_LONGEST = 30


class StandError(Exception):
    """The echo applications could not be set up; the text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What is to be deployed."""

    image: str
    protocols: tuple[Protocol, ...]
    stranger: bool = False
    outsider: bool = False
    failover: bool = False

    @property
    def workloads(self) -> tuple[str, ...]:
        """Names of the deployments in every cluster."""
        return (echo.APP, *([STRANGER] if self.stranger else ()), *([OUTSIDER] if self.outsider else ()))


class Stand:
    """A namespace with the same name in every cluster, and what runs in it.

    The echo application of every cluster has a Service of its own, known in all of them, so that a request is
    meant for one cluster and a lost one is missed there; and all have one Service in common, for the failover.
    """

    def __init__(
        self,
        mesh: Mesh,
        needs: Needs,
        *,
        trust_domain: str,
        cancel: threading.Event,
        on_change: Callable[[str], None] = lambda _: None,
        clock: wait.Clock = wait.SYSTEM_CLOCK,
    ) -> None:
        self.mesh = mesh
        self.needs = needs
        self.trust_domain = trust_domain
        self.cancel = cancel
        self.on_change = on_change
        self.clock = clock
        self.namespace = f"{PREFIX}-{secrets.token_hex(4)}"
        self._names = labels([cluster.name for cluster in mesh.clusters])
        self._pods: dict[tuple[str, str], str] = {}

    def build(self) -> None:
        """Deploy everything and wait until it runs.

        Raises:
            StandError: something could not be created or does not start.
            tether.wait.WaitCancelledError: cancelled.
        """
        self.on_change("deploying the echo applications")
        self.everywhere(lambda cluster: self._create(cluster, [self._namespace()]))
        # First the configuration: a proxy that starts with it need not change while requests are under way.
        self._create(self.mesh.primary, self._configuration())
        self.everywhere(lambda cluster: self._create(cluster, self._objects(cluster)))
        self.on_change("waiting for the echo applications to start")
        pairs = [(cluster, workload) for cluster in self.mesh.clusters for workload in self.needs.workloads]
        _together(lambda pair: self.await_pod(*pair), pairs)

    def remove(self) -> None:
        """Remove everything; Kubernetes finishes it, pods end at once."""
        self.on_change("removing the echo applications")
        self.everywhere(lambda cluster: reaper.remove(cluster.api, self.namespace))

    def keep(self) -> None:
        """Leave everything for looking; only ``tether verify --clean`` removes it then."""

        def mark(cluster: Cluster) -> None:
            with contextlib.suppress(kube.KubeError):
                reaper.keep(cluster.api, self.namespace)

        self.everywhere(mark)

    def everywhere(self, action: Callable[[Cluster], Result]) -> list[Result]:
        """Do something in every cluster at once."""
        return _together(action, self.mesh.clusters)

    def configure(self, path_and_body: tuple[str, kube.Object]) -> None:
        """Create an object of Istio's configuration, which lies in the primary; raises StandError."""
        self._create(self.mesh.primary, [path_and_body])

    def set_mode(self, mode: Mode) -> None:
        """Say whether plaintext is taken; raises StandError."""
        _, body = policies.peer_authentication(self.namespace, mode)
        with self._explained(self.mesh.primary, "changed"):
            self.mesh.primary.api.patch(policies.peer_authentication_path(self.namespace), {"spec": body["spec"]})

    def withdraw(self, path_and_body: tuple[str, kube.Object]) -> None:
        """Delete an object of Istio's configuration; raises StandError."""
        path, body = path_and_body
        with self._explained(self.mesh.primary, "deleted"):
            self.mesh.primary.api.delete(f"{path}/{body['metadata']['name']}")

    def scale(self, cluster: Cluster, replicas: int) -> None:
        """Set how many copies of the echo application a cluster has; raises StandError."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{echo.APP}"
        with self._explained(cluster, "scaled"):
            cluster.api.patch(path, {"spec": {"replicas": replicas}})

    def asker(self, cluster: Cluster, workload: str = echo.APP) -> Asker:
        """A workload of a cluster as the one that asks."""
        pod = self._pods[cluster.name, workload]
        return Asker(api=cluster.api, namespace=self.namespace, pod=pod, cancel=self.cancel)

    def service(self, cluster: Cluster) -> str:
        """Name of the Service that only this cluster's echo application answers."""
        return f"{echo.APP}-{self._names[cluster.name]}"

    def account(self, cluster: Cluster, workload: str = echo.APP) -> str:
        """Service account of a workload."""
        return f"{workload}-{self._names[cluster.name]}"

    def identity(self, cluster: Cluster, workload: str = echo.APP) -> str:
        """SPIFFE identity of a workload."""
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.account(cluster, workload)}"

    def await_pod(self, cluster: Cluster, workload: str = echo.APP) -> None:
        """Wait until a workload serves.

        Raises:
            StandError: it does not in time; says why.
            tether.wait.WaitCancelledError: cancelled.
        """

        def probe() -> tuple[str, str]:
            try:
                return ready_pod(cluster.api, self.namespace, f"app={workload}")
            except kube.KubeError as error:
                return "", str(error)

        try:
            found = wait.wait(
                probe,
                ready=lambda state: bool(state[0]),
                timeout=_START_SECONDS,
                what=f"{workload} of {cluster.name}",
                describe=lambda state: "" if state[0] else f"{workload} of {cluster.name} is not ready: {state[1]}",
                cancel=self.cancel,
                clock=self.clock,
            )
        except wait.WaitTimeoutError as error:
            raise StandError(str(error)) from None
        self._pods[cluster.name, workload] = found[0]

    def _namespace(self) -> tuple[str, kube.Object]:
        return "/api/v1/namespaces", echo.namespace_object(self.namespace, self.mesh.revision)

    def _configuration(self) -> list[tuple[str, kube.Object]]:
        found = [
            policies.peer_authentication(self.namespace, Mode.PERMISSIVE),
            policies.end_idle_connections(self.namespace),
        ]
        if Protocol.TCP in self.needs.protocols:
            found.append(connections.access_log(self.namespace))
        if self.needs.failover:
            found.append(policies.prefer_own_locality(self.namespace, echo.APP))
        return found

    def _objects(self, here: Cluster) -> Iterable[tuple[str, kube.Object]]:
        yield echo.service(self.namespace, echo.APP, {"app": echo.APP}, self.needs.protocols)
        for cluster in self.mesh.clusters:
            selector = {"app": echo.APP, "version": self._names[cluster.name]}
            yield echo.service(self.namespace, self.service(cluster), selector, self.needs.protocols)
        for name in self.needs.workloads:
            yield from echo.workload_objects(self.namespace, self._workload(here, name))

    def _workload(self, cluster: Cluster, name: str) -> echo.Workload:
        version = self._names[cluster.name]
        return echo.Workload(
            name=name,
            cluster=cluster.name,
            version=version,
            account=self.account(cluster, name),
            image=self.needs.image,
            protocols=self.needs.protocols,
            has_proxy=name != OUTSIDER,
            labels={_REGION: version},
            annotations=_PROXY,
        )

    def _create(self, cluster: Cluster, objects: Iterable[tuple[str, kube.Object]]) -> None:
        for path, body in objects:
            with self._explained(cluster, "created"):
                cluster.api.create(path, body)

    @contextlib.contextmanager
    def _explained(self, cluster: Cluster, done: str) -> Generator[None]:
        try:
            yield
        except kube.KubeError as error:
            raise StandError(f"what the verification needs could not be {done} in {cluster.name}: {error}") from None


def labels(names: Sequence[str]) -> dict[str, str]:
    """For every cluster a name that Kubernetes takes for a Service; a kubeconfig context may be called anything."""
    found: dict[str, str] = {}
    for number, name in enumerate(names):
        plain = _NOT_IN_NAMES.sub("-", name.lower()).strip("-")
        if plain != name or len(plain) > _LONGEST:
            # Two dashes: no name that was taken over as it is holds them.
            plain = f"{plain[:_LONGEST].strip('-')}--{number}".lstrip("-")
        found[name] = plain
    return found


def _together(action: Callable[[Thing], Result], things: Sequence[Thing]) -> list[Result]:
    with ThreadPoolExecutor(max(1, len(things))) as pool:
        return list(pool.map(action, things))
