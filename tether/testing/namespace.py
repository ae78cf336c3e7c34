"""A namespace of one test in every cluster: deploying into it, calling within it."""

import re
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tether import kube, workloads
from tether.errors import Problem
from tether.testing import calls, manifests
from tether.testing.calls import Calls
from tether.testing.manifests import Manifest
from tether.testing.mesh import Mesh
from tether.testing.waiting import WaitError, wait_for
from tether.verify import echo, reaper
from tether.verify.pods import ready_pod
from tether.workloads import Workload

CALLER = "caller"
"""Service account of pods that call, where no other is named."""
PREFIX = "test"
READY_SECONDS = 180.0
_LONGEST = 40
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_SLACK = 10.0
"""Seconds for the API server to start the client and to bring its words."""
_PROXY = {"sidecar.istio.io/proxyCPU": "10m", "sidecar.istio.io/proxyMemory": "64Mi"}
_GONE_SECONDS = 90.0


@dataclass(frozen=True)
class _Caller:
    cluster: str
    account: str
    has_proxy: bool

    @property
    def name(self) -> str:
        kind = CALLER if self.has_proxy else "outsider"
        return kind if self.account == CALLER else f"{kind}-{self.account}"


def name_for(test: str) -> str:
    """A name that tells the test and that no other run has."""
    words = _NOT_IN_NAMES.sub("-", test.lower().removeprefix("test")).strip("-")[:_LONGEST].strip("-")
    return "-".join(filter(None, (PREFIX, words, secrets.token_hex(4))))


class MeshNamespace:
    """A namespace with the same name in every cluster of a mesh, whose pods get a proxy."""

    def __init__(self, mesh: Mesh, name: str, root: Path) -> None:
        self.mesh = mesh
        self.name = name
        self._root = root
        self._kinds = {name: manifests.Kinds(mesh.api(name), name) for name in mesh.clusters}
        self._callers: dict[_Caller, str] = {}
        self._lock = threading.Lock()

    def deploy(
        self,
        manifest: Manifest,
        *,
        into: str | Iterable[str] | None = None,
        wait: bool = True,
        timeout: float = READY_SECONDS,
        **values: object,
    ) -> None:
        """Create what a manifest says, or change what is there already, and wait until it runs.

        `${cluster}`, `${namespace}` and `${trust_domain}` in the manifest are filled in, and so is every value that is
        given. Objects of Istio's own API groups go into the primary, whatever is said: istiod reads them nowhere else.
        Everything is checked before anything is created.

        Args:
            manifest: YAML, objects, or the path of a file or of a folder with files; relative to pytest's rootdir.
            into: name of a cluster, or names; all of them by default.
            wait: whether to wait for its Deployments, StatefulSets and DaemonSets.
            timeout: seconds to wait.
            values: by name, what to put in place of `${name}`.

        Raises:
            UsageError: the manifest cannot be used; carries everything that is wrong with it.
            KubeError: a cluster refuses an object.
            WaitError: it does not run in time, or never will.
        """
        __tracebackhide__ = True
        documents = self._read(manifest, self.mesh.chosen(into), values)
        planned: list[tuple[str, str, kube.Object]] = []
        problems: list[Problem] = []
        for cluster, document in documents:
            try:
                planned.append((cluster, self._kinds[cluster].collection(document, self.name), document))
            except LookupError as error:
                problems.append(manifests.unserved(document, str(error)))
        if problems:
            raise manifests.refused(problems)
        for cluster, collection, document in planned:
            self._put(cluster, collection, document)
        made = [
            Workload(cluster=cluster, kind=document["kind"], name=document["metadata"]["name"])
            for cluster, _, document in planned if document["kind"] in workloads.KINDS
        ]  # fmt: skip
        if wait and made:
            self._await(made, timeout)

    def await_ready(self, *, timeout: float = READY_SECONDS) -> None:
        """Wait until every Deployment, StatefulSet and DaemonSet of the namespace runs as it was last asked to.

        Args:
            timeout: seconds.

        Raises:
            WaitError: one does not run in time, or never will; says which and why.
        """
        __tracebackhide__ = True
        found = [one for name in self.mesh.clusters for one in workloads.listed(self.mesh.api(name), self.name, name)]
        self._await(found, timeout)

    def call(
        self,
        url: str,
        *,
        source: str,
        requests: int = 1,
        account: str = CALLER,
        proxy: bool = True,
        method: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5,
    ) -> Calls:
        """Send HTTP requests from a pod of a cluster, each on a connection of its own, and say what came of them.

        The pod is made by the first call from a cluster with a service account, and stays for the test. It is no error
        if nothing answers: configuration takes a moment to reach every proxy, so ask within `wait_for`.

        Args:
            url: a Service of the namespace by its name, `http://shop/basket`, or any other address.
            source: name of the cluster to call from.
            requests: how many, 50 a second.
            account: service account that the pod runs as, which is its identity.
            proxy: whether the pod has a proxy; without one it speaks plaintext and has no identity.
            method: HTTP method, GET by default.
            headers: HTTP headers.
            timeout: seconds that the answers may take, beyond the sending.

        Raises:
            UsageError: no cluster has the name.
            WaitError: the pod does not start.
        """
        __tracebackhide__ = True
        (cluster,) = self.mesh.chosen(source)
        pod = self._caller(_Caller(cluster, account, proxy))
        address = url if "://" in url else f"http://{url}"
        seconds = timeout + requests / calls.PER_SECOND
        words = calls.command(address, requests, seconds, method=method, headers=headers)
        try:
            done = self.mesh.api(cluster).execute(
                self.name, pod, words, container=echo.APP, timeout=seconds + _SLACK
            )  # fmt: skip
        except kube.KubeError as error:
            return Calls(url=address, source=cluster, requests=requests, failed=requests, error=str(error))
        return calls.of_execution(address, cluster, requests, done)

    def identity(self, account: str = CALLER) -> str:
        """SPIFFE identity of a service account of the namespace."""
        return f"spiffe://{self.mesh.trust_domain}/ns/{self.name}/sa/{account}"

    def create(self) -> None:
        """Create it in every cluster; the fixture does so."""
        body = echo.namespace_object(self.name, self.mesh.opened.revision)
        self._everywhere(lambda api: api.create("/api/v1/namespaces", body))

    def remove(self) -> None:
        """Remove it from every cluster, without waiting for Kubernetes to finish; the fixture does so."""
        self._everywhere(lambda api: reaper.remove(api, self.name))

    def keep(self) -> None:
        """Leave it for looking; `tether verify --clean` removes it then."""
        self._everywhere(lambda api: reaper.keep(api, self.name))

    def await_gone(self) -> None:
        """Wait until no cluster has it any more.

        Raises:
            WaitError: one still has it.
        """
        path = f"/api/v1/namespaces/{self.name}"
        wait_for(
            lambda: [name for name in self.mesh.clusters if self.mesh.api(name).find(path) is not None],
            lambda left: not left,
            timeout=_GONE_SECONDS, what=f"the end of namespace {self.name}",
            describe=lambda left: f"{', '.join(left)} still has it",
        )  # fmt: skip

    def lines(self, log_lines: int = 10) -> list[str]:
        """Its pods and the end of their logs in every cluster, for people."""
        found: list[str] = []
        for name in self.mesh.clusters:
            try:
                found += workloads.lines(self.mesh.api(name), self.name, name, log_lines)
            except kube.KubeError as error:
                found.append(f"{name}: its pods cannot be read: {error}")
        return found

    def _read(
        self, manifest: Manifest, clusters: Iterable[str], values: Mapping[str, object]
    ) -> list[tuple[str, kube.Object]]:
        """The objects of a manifest with the cluster that each goes into, in the order in which they are written."""
        texts = manifests.sources(manifest, self._root)
        found: list[tuple[str, kube.Object]] = []
        known = {"namespace": self.name, "trust_domain": self.mesh.trust_domain}
        primary = self.mesh.primary
        for cluster in dict.fromkeys((*clusters, primary)):
            filled = manifests.filled(texts, {**values, **known, "cluster": cluster}, values)
            for document in manifests.objects(filled, self.name):
                is_here = cluster == primary if manifests.belongs_to_primary(document) else cluster in clusters
                if is_here:
                    found.append((cluster, document))
        return found

    def _put(self, cluster: str, collection: str, document: kube.Object) -> None:
        """Create an object; one that is there is changed, as is what is created twice by two of a test's threads."""
        api = self.mesh.api(cluster)
        try:
            api.create(collection, document)
        except kube.KubeError as error:
            if error.status != HTTPStatus.CONFLICT:
                what = f"{document['kind']} {document['metadata']['name']}"
                raise kube.KubeError(f"{cluster} refuses {what}: {error}", error.status) from None
            api.patch(f"{collection}/{document['metadata']['name']}", document)

    def _await(self, wanted: list[Workload], timeout: float) -> None:
        __tracebackhide__ = True
        wait_for(
            lambda: [workloads.look(self.mesh.api(one.cluster), self.name, one) for one in wanted],
            lambda states: not any(state.seen for state in states),
            failed=lambda states: any(state.is_hopeless for state in states),
            timeout=timeout,
            what=f"what was deployed into {self.name}",
            describe=lambda states: "; ".join(f"{state.workload}: {state.seen}" for state in states if state.seen),
        )

    def _caller(self, wanted: _Caller) -> str:
        """Name of the pod that calls."""
        __tracebackhide__ = True
        with self._lock:
            if wanted not in self._callers:
                self._callers[wanted] = self._make_caller(wanted)
            return self._callers[wanted]

    def _make_caller(self, wanted: _Caller) -> str:
        __tracebackhide__ = True
        workload = echo.Workload(
            name=wanted.name, cluster=wanted.cluster, version=wanted.cluster, account=wanted.account,
            image=self.mesh.echo_image, has_proxy=wanted.has_proxy, annotations=_PROXY,
        )  # fmt: skip
        for collection, document in echo.workload_objects(self.name, workload):
            self._put(wanted.cluster, collection, document)
        self._await([Workload(cluster=wanted.cluster, kind="Deployment", name=wanted.name)], READY_SECONDS)
        pod, why = ready_pod(self.mesh.api(wanted.cluster), self.name, f"app={wanted.name}")
        if not pod:
            raise WaitError(f"the pod that calls from {wanted.cluster} is not ready: {why}")
        return pod

    def _everywhere(self, action: Callable[[kube.Api], object]) -> None:
        with ThreadPoolExecutor(len(self.mesh.clusters)) as pool:
            list(pool.map(action, [self.mesh.api(name) for name in self.mesh.clusters]))
