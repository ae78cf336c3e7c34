"""Clusters in which the echo application runs at once, and which can be made to do wrong."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.unit.kube.fake_api import FakeApi, pod
from tether import kube
from tether.mesh import Blueprint, Cluster, Member, Mesh
from tether.topology import Role

ERROR = "fatal\tError {n}/{n} requests had errors; first error: {text}"
CLOSED = "read tcp 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer"


@dataclass
class Faults:
    """What goes wrong."""

    unreachable: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    lossy: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Directions in which one request of a round is lost."""
    lenient: set[str] = field(default_factory=set[str])
    """Clusters that take plaintext although they must not."""
    hermetic: bool = False
    """Plaintext is refused whatever the mode is."""
    blind: bool = False
    """Policies are not in force."""
    paranoid: bool = False
    """A policy lets nobody in."""
    no_identities: bool = False
    silent_denial: bool = False
    """A denied request gets no answer instead of a denial."""
    no_failover: bool = False
    no_locality: bool = False
    homesick: bool = True
    """When the own copy is back, it answers again."""
    early_rounds: int = 0
    """So many rounds of every direction come before proxies know every endpoint."""


class FakeMesh:
    """Two or more clusters and what they know of the verification's objects."""

    def __init__(self, *names: str, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.clusters = {name: FakeCluster(name, self) for name in names}
        self.namespace = ""
        self.mode = "PERMISSIVE"
        self.policy: list[str] = []
        self.away: set[str] = set()
        self.returned: set[str] = set()
        self.logs: dict[str, list[str]] = {name: [] for name in names}
        self.rounds: dict[str, int] = {}
        members = tuple(
            Member(name=name, role=Role.REMOTE if number else Role.PRIMARY, kubeconfig="")
            for number, name in enumerate(names)
        )
        self.mesh = Mesh(
            blueprint=Blueprint(members=members, stack="kind"),
            clusters=tuple(Cluster(member=member, api=self.clusters[member.name]) for member in members),
        )

    def identity(self, account: str) -> str:
        return f"spiffe://cluster.local/ns/{self.namespace}/sa/{account}"


class FakeCluster(FakeApi):
    def __init__(self, name: str, mesh: FakeMesh) -> None:
        super().__init__()
        self.name = name
        self.world = mesh
        self.on_create = self.accept
        self.on_patch = self.change
        self.on_execute = self.ask
        self.objects["/api/v1/namespaces"] = {"items": []}
        self.before_ask: Callable[[], None] = lambda: None

    def accept(self, path: str, body: kube.Object) -> kube.Object:
        if body["kind"] == "Namespace":
            self.world.namespace = body["metadata"]["name"]
        elif body["kind"] == "AuthorizationPolicy":
            self.world.policy = body["spec"]["rules"][0]["from"][0]["source"]["principals"]
        return body

    def change(self, path: str, body: kube.Object) -> kube.Object:
        spec = body.get("spec", {})
        if "mtls" in spec:
            self.world.mode = spec["mtls"]["mode"]
        elif spec.get("replicas") == 0:
            self.world.away.add(self.name)
        elif spec.get("replicas") == 1:
            self.world.away.discard(self.name)
            self.world.returned.add(self.name)
        return body

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> None:
        super().delete(path)
        if "/authorizationpolicies/" in path:
            self.world.policy = []

    def get(self, path: str, query: Mapping[str, str] | None = None) -> kube.Object:
        if path.endswith("/pods"):
            return {"items": [pod(f"{(query or {})['labelSelector'].removeprefix('app=')}-pod")]}
        return super().get(path)

    def text(self, path: str) -> str:
        return "\n".join(self.world.logs[self.name])

    def ask(self, pod_name: str, command: Sequence[str]) -> kube.Executed:
        self.before_ask()
        count, url = int(command[command.index("--count") + 1]), command[-1]
        protocol, _, rest = url.partition("://")
        workload, service = pod_name.removesuffix("-pod"), rest.partition(".")[0]
        target = self._target(service)
        key = f"{self.name} {workload} {url} {self.world.mode}"
        self.world.rounds[key] = self.world.rounds.get(key, 0) + 1
        text = self._trouble(workload, target, protocol, service)
        if self.world.rounds[key] <= self.world.faults.early_rounds:
            text = "rpc error: code = Unavailable desc = no healthy upstream"
        if text == "403":
            return kube.Executed("\n".join(f"[{number}] StatusCode=403" for number in range(count)), "", 0)
        if text:
            return kube.Executed("", ERROR.format(n=count, text=text), 1)
        if (self.name, target) in self.world.faults.lossy:
            return kube.Executed("", f"Error 1/{count} requests had errors; first error: EOF", 1)
        if protocol == "tcp" and workload != "outsider":
            self._log(workload, target, service, count)
        return kube.Executed(
            "\n".join(self._answer(number, workload, target, protocol) for number in range(count)), "", 0
        )

    def _target(self, service: str) -> str:
        faults, names = self.world.faults, list(self.world.clusters)
        if service != "echo":
            return next(name for name in names if service == f"echo-{name}")
        others = [name for name in names if name != self.name]
        gone = self.name in self.world.away
        if faults.no_locality or (self.name in self.world.returned and not faults.homesick):
            return others[0]
        return others[0] if gone and not faults.no_failover else self.name

    def _trouble(self, workload: str, target: str, protocol: str, service: str) -> str:
        faults, world = self.world.faults, self.world
        if workload == "outsider":
            strict = world.mode == "STRICT" and target not in faults.lenient
            return CLOSED if strict or faults.hermetic else ""
        if (self.name, target) in faults.unreachable:
            return "context deadline exceeded"
        if service == "echo" and target in world.away:
            return "no healthy upstream"
        account = f"{workload}-{self.name}"
        let_in = any(principal.endswith(f"/sa/{account}") for principal in world.policy) and not faults.paranoid
        if not world.policy or faults.blind or let_in:
            return ""
        if faults.silent_denial:
            return "context deadline exceeded"
        return {"http": "403", "grpc": "rpc error: code = PermissionDenied desc = RBAC: access denied"}.get(
            protocol, CLOSED
        )

    def _answer(self, number: int, workload: str, target: str, protocol: str) -> str:
        lines = [f"[{number}] StatusCode=200", f"[{number} body] Cluster={target}"]
        if protocol != "tcp":
            lines.append(f"[{number}] Latency={number + 1}ms")
            by, uri = self.world.identity(f"echo-{target}"), self.world.identity(f"{workload}-{self.name}")
            if not self.world.faults.no_identities:
                lines.append(f"[{number} body] RequestHeader=X-Forwarded-Client-Cert:By={by};URI={uri}")
        return "\n".join(lines)

    def _log(self, workload: str, target: str, service: str, count: int) -> None:
        unseen = self.world.faults.no_identities
        asked = None if unseen else self.world.identity(f"echo-{target}")
        asker = None if unseen else self.world.identity(f"{workload}-{self.name}")
        out = {"cluster": f"outbound|9090||{service}.{self.world.namespace}.svc.cluster.local", "asked": asked}
        came = {"cluster": "inbound|9090||", "asker": asker}
        for record, where in ((out, self.name), (came, target)):
            line = json.dumps({"record": "tether.verification", "milliseconds": 3, **record})
            self.world.logs[where] += [line] * count
