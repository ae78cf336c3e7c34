"""Stops the containers of an environment and has them go on, with the mesh healthy again."""

import contextlib
import datetime
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from tether import kube, mesh, mesh_probe, parts, topology, wait
from tether.cli import environments, node_scripts, project, records, room, runtime_call, target
from tether.cli.progress import Progress
from tether.cli.project import Project
from tether.cli.remnants import Machine
from tether.cli.state import State
from tether.cli.talk import say, warn
from tether.environments.registry import Entry, Phase, Registry
from tether.errors import ExitCode, NotFoundError, PreflightError, TetherError, TimedOutError, UsageError
from tether.mesh import Mesh
from tether.preflight import Need
from tether.settings import ContainerRuntime
from tether.verify import run as proof

_STOP_SECONDS = 10
"""How long a node may take to end its containers before it is killed."""
_RUNTIME_SECONDS = 120.0
_REQUESTS = 10
"""Per cluster: one in four would be enough to be answered by both of two clusters; the rest is for certainty."""
_ADDRESSES = "addresses.json"


class UnhealthyError(TetherError):
    """The containers run, and the mesh does not prove itself."""

    exit_code = ExitCode.UNHEALTHY


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """An environment that goes on."""

    entry: Entry
    seconds: float
    """Until requests had crossed."""
    healthy_seconds: float
    """Until istiod and every gateway were ready again: a gateway is once istiod has signed for it."""
    proof: proof.Report


def pause(known: Registry, name: str) -> Entry:
    """Stop the nodes of an environment; what is in them stays.

    Raises:
        UsageError: it does not stand, or has clusters that are not on this machine.
        TetherError: the runtime refuses.
    """
    found = environments.find(known, name)
    if found.phase is Phase.PAUSED and not found.worker:
        return found
    if found.phase is not Phase.STANDING:
        raise UsageError(
            f"Environment {name} is {found.phase}, so there is nothing to pause. See: tether env show {name}"
        )
    with environments.at_work(known, name, Phase.PAUSED, failed=Phase.STANDING) as entry:
        place = environments.place_of(entry)
        runtime = _Runtime(place)
        nodes = runtime.nodes()
        (entry.folder / _ADDRESSES).write_text(json.dumps({node: runtime.addresses(node) for node in nodes}))
        say(f"stopping {', '.join(nodes)}")
        runtime.inside(nodes, node_scripts.SETTLE)
        runtime.stop(nodes)
    return environments.settle(known, entry, Phase.PAUSED)


def resume(known: Registry, name: str, *, seconds: float) -> Resumed:
    """Start the nodes of a paused environment, with the addresses that they had, and prove the mesh.

    Args:
        known: the environments of this machine.
        name: its name.
        seconds: how long it may take.

    Raises:
        UsageError: it is not paused.
        PreflightError: the machine has no room for it.
        UnhealthyError: its mesh does not prove itself.
        TimedOutError: its clusters do not come back.
    """
    began, since = time.monotonic(), datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    found = environments.find(known, name)
    if found.phase is not Phase.PAUSED:
        raise UsageError(f"Environment {name} is {found.phase}, not paused. See: tether env show {name}")
    with environments.at_work(known, name, Phase.PAUSED, failed=Phase.PAUSED) as entry:
        place = environments.place_of(entry)
        runtime = _Runtime(place)
        _check_room(known, entry, place, began + seconds)
        nodes = _start(runtime, entry)
        say(f"started {', '.join(nodes)}; waiting for their pods")
        with mesh.connect(target.of_stack(place)) as standing, Progress() as progress:
            back = _Return(standing=standing, since=since, deadline=began + seconds, on_change=progress.say)
            healthy = 0.0

            def await_gateways() -> float:
                nonlocal healthy
                back.await_pods(standing.namespace)
                healthy = time.monotonic() - began
                return back.left

            # The proof's pods need the primary first of all; what else was still starting is there by the end of it.
            back.await_pods(standing.namespace, [standing.primary])
            back.await_injection()
            report = _prove(back, place, await_gateways)
            back.await_pods()
    settled = environments.settle(known, entry, Phase.STANDING)
    return Resumed(entry=settled, seconds=time.monotonic() - began, healthy_seconds=healthy, proof=report)


def _check_room(known: Registry, entry: Entry, place: Project, deadline: float) -> None:
    chosen = parts.read(place.root / parts.FILE)
    wanted = Need(clusters=records.read(place).clusters, runtime=ContainerRuntime(chosen.container_runtime))
    findings = room.look(known, wanted, chosen.environment, deadline=deadline)
    if problems := room.fatal(findings):
        raise PreflightError(f"This machine cannot carry {entry.name}; it stays paused.", problems)


def _start(runtime: "_Runtime", entry: Entry) -> list[str]:
    """Start the nodes; a runtime would give them whatever addresses are free now, of which the clusters know nothing.

    What depends on them: the API server's certificate, etcd, and with IPv6 the addresses by which clusters know
    each other.
    """
    try:
        known: dict[str, dict[str, dict[str, str]]] = json.loads((entry.folder / _ADDRESSES).read_text())
    except (OSError, ValueError):
        known = {}
    nodes = runtime.nodes()

    def restore(node: str) -> None:
        runtime.restore(node, known.get(node, {}))

    _side_by_side(restore, nodes)
    runtime.call("start", *nodes)
    runtime.inside(nodes, node_scripts.WAKE)
    return nodes


def _side_by_side(do: Callable[[str], None], nodes: Sequence[str]) -> None:
    with ThreadPoolExecutor(max(1, len(nodes))) as pool:
        list(pool.map(do, nodes))


class _Runtime:
    """The container runtime, about the nodes of one environment."""

    def __init__(self, place: Project) -> None:
        self._name = parts.read(place.root / parts.FILE).container_runtime
        self._environment = dict(project.full_environment(place))
        self._machine = Machine(self._name, self._environment)
        written = place.read_state()
        self._clusters = State(written).clusters() if written else []
        if not self._clusters:
            raise NotFoundError(f"Environment {place.environment} has no cluster on this machine.")

    def nodes(self) -> list[str]:
        """Containers of its clusters, running or not."""
        return sorted(name for cluster in self._clusters for name in self._machine.of_cluster(cluster).containers)

    def addresses(self, node: str) -> dict[str, dict[str, str]]:
        """By network: addresses of a node that runs, ``ip`` and ``ip6``."""
        told = json.loads(self.call("inspect", "--format", "{{json .NetworkSettings.Networks}}", node))
        return {
            name: {"ip": one.get("IPAddress") or "", "ip6": one.get("GlobalIPv6Address") or ""}
            for name, one in cast("dict[str, dict[str, Any]]", told).items()
        }

    def stop(self, nodes: Sequence[str]) -> None:
        """Ask nodes to end, and kill those that do not."""
        # The long form is --time with podman and Docker 27, and --timeout with Docker 28.
        self.call("stop", "-t", str(_STOP_SECONDS), *nodes)

    def restore(self, node: str, addresses: Mapping[str, Mapping[str, str]]) -> None:
        """Give a stopped node the addresses that it had, for good."""
        for network, known in addresses.items():
            options = [
                part for option, value in known.items() if value for part in (f"--{option}", value)
            ]  # fmt: skip
            if not options:
                continue
            # A resume that was killed in between has disconnected it already.
            with contextlib.suppress(TetherError):
                self.call("network", "disconnect", network, node)
            self.call("network", "connect", *options, network, node)

    def inside(self, nodes: Sequence[str], script: str) -> None:
        """Run a script in every node, side by side. It makes things faster, and nothing depends on its success."""

        def run(node: str) -> None:
            try:
                self.call("exec", node, "bash", "-c", script)
            except TetherError as error:
                warn(str(error))

        _side_by_side(run, nodes)

    def call(self, *arguments: str) -> str:
        """Run the runtime's program and return its standard output.

        Raises:
            TetherError: it failed.
        """
        try:
            done = runtime_call.call([self._name, *arguments], self._environment, _RUNTIME_SECONDS)
        except subprocess.TimeoutExpired:
            raise TetherError(f"{self._name} {arguments[0]} did not end in {_RUNTIME_SECONDS:.0f} s") from None
        if done.returncode:
            raise TetherError(f"{self._name} {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout


@dataclass(frozen=True, kw_only=True)
class _Return:
    """A mesh whose nodes were started, on its way back."""

    standing: Mesh
    since: datetime.datetime
    """When they were; what the API servers say at first is from before the pause."""
    deadline: float
    """On the monotonic clock."""
    on_change: Callable[[str], None]

    @property
    def left(self) -> float:
        """Seconds that the proof may still take: enough to be told what is wrong in any case."""
        return max(10.0, self.deadline - time.monotonic())

    def await_pods(self, namespace: str = "", clusters: Sequence[mesh.Cluster] = ()) -> None:
        """Wait until every pod, or those of one namespace, have started anew; in all clusters, or in some."""
        ours = (self.standing.namespace, topology.LOAD_BALANCER_NAMESPACE)

        def of_cluster(one: mesh.Cluster) -> Iterable[str]:
            pods = kube.items(one.api.get("/api/v1/pods"))
            replace_waiting(one.api, [pod for pod in pods if _namespace(pod) in ours])
            return stale(pods, self.since, namespace)

        self._await_nothing(of_cluster, clusters or self.standing.clusters)

    def await_injection(self) -> None:
        """Wait until a pod made in any cluster would get a proxy."""

        def of_cluster(one: mesh.Cluster) -> Iterable[str]:
            found = mesh_probe.injected_environment(one.api, self.standing.namespace, self.standing.revision)
            return [] if found else ["pods get no proxy"]

        self._await_nothing(of_cluster, self.standing.clusters)

    def _await_nothing(
        self, of_cluster: Callable[[mesh.Cluster], Iterable[str]], clusters: Sequence[mesh.Cluster]
    ) -> None:
        """Wait until nothing is missing in any cluster; raises TimedOutError."""

        def named(one: mesh.Cluster) -> list[str]:
            try:
                return [f"{one.name}: {line}" for line in of_cluster(one)]
            except kube.KubeError as error:
                return [f"{one.name}: {error}"]

        def missing() -> list[str]:
            with ThreadPoolExecutor(len(clusters)) as pool:
                return [line for lines in pool.map(named, clusters) for line in lines]

        try:
            wait.wait(
                missing, ready=lambda lines: not lines, timeout=max(1.0, self.deadline - time.monotonic()),
                what="the mesh", describe=lambda lines: "; ".join(lines[:3]), on_change=self.on_change,
            )  # fmt: skip
        except wait.WaitTimeoutError as error:
            look = f"tether doctor --stack {self.standing.blueprint.stack}"
            raise TimedOutError(f"{error}. Look at it with: {look}") from None


def stale(pods: Iterable[kube.Object], since: datetime.datetime, namespace: str = "") -> Iterator[str]:
    """Pods, or those of one namespace, that have not come back since a moment."""
    for pod in pods:
        if namespace in ("", _namespace(pod)) and not _is_fresh(pod, since):
            yield f"{pod['metadata']['name']} is not ready"


def replace_waiting(api: kube.Api, pods: Iterable[kube.Object]) -> None:
    """Delete pods that failed and wait to be tried again, where something makes new ones: those start at once.

    A busy machine fails to start a container now and then; kubelet waits ten seconds after the first time.

    Raises:
        KubeError: one cannot be deleted.
    """
    for pod in pods:
        if _waits_for_another_try(pod) and _is_of_controller(pod):
            path = f"/api/v1/namespaces/{_namespace(pod)}/pods/{pod['metadata']['name']}"
            api.delete(path, {"gracePeriodSeconds": "0"})


def _namespace(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"].get("namespace", ""))


def _waits_for_another_try(pod: Mapping[str, Any]) -> bool:
    status: Mapping[str, Any] = pod.get("status") or {}
    containers: Sequence[Mapping[str, Any]] = status.get("containerStatuses") or []
    states = [cast("dict[str, dict[str, str]]", one.get("state") or {}) for one in containers]
    return any((state.get("waiting") or {}).get("reason") == "CrashLoopBackOff" for state in states)


def _is_of_controller(pod: Mapping[str, Any]) -> bool:
    owners: Sequence[Mapping[str, Any]] = pod["metadata"].get("ownerReferences") or []
    return any(owner.get("kind") in ("ReplicaSet", "DaemonSet") for owner in owners)


def _is_fresh(pod: Mapping[str, Any], since: datetime.datetime) -> bool:
    status: Mapping[str, Any] = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return True
    containers: Sequence[Mapping[str, Any]] = status.get("containerStatuses") or []
    return bool(containers) and all(one.get("ready") and _started(one) >= since for one in containers)


def _started(container: Mapping[str, Any]) -> datetime.datetime:
    running = cast("dict[str, dict[str, str]]", container.get("state") or {}).get("running") or {}
    began = running.get("startedAt")
    return datetime.datetime.fromisoformat(began) if began else datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _prove(back: _Return, place: Project, meanwhile: Callable[[], float]) -> proof.Report:
    standing = back.standing
    plan = proof.Plan(
        image=parts.read(place.root / parts.FILE).images.echo,
        trust_domain=standing.blueprint.trust_domain,
        revision=standing.revision,
        requests=_REQUESTS,
        timeout=back.left,
    )
    sides = [proof.Side(name=one.member.cluster_id or one.name, api=one.api) for one in standing.clusters]
    try:
        return proof.verify(sides, plan, meanwhile=meanwhile, on_change=back.on_change)
    except proof.VerificationError as error:
        raise UnhealthyError(
            f"The containers run, and the mesh is not healthy: {error}. "
            f"Find the cause with: cd {place.root} && .venv/bin/tether doctor"
        ) from None
