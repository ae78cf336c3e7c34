"""A mesh that is broken on purpose, and put back."""

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.e2e.environment import Environment, Ran, runtime, until
from tether.topology import DEFAULT_POD_CIDR, container_range

ISTIO = "istio-system"
PRIMARY, REMOTE = "cluster1", "cluster2"
GATEWAY = "istio-eastwestgateway"
_WAIT_SECONDS = 150


@dataclass
class Lab:
    """A mesh that is broken on purpose; remembers how to put everything back."""

    environment: Environment
    kept: list[Callable[[], bool]] = field(default_factory=list[Callable[[], bool]])
    """What puts things back; each says whether there was anything to do."""

    def kubectl(self, cluster: str, *arguments: str, stdin: str | None = None) -> Ran:
        """Run kubectl in Istio's namespace, which must succeed."""
        file = self.environment.kubeconfig(cluster)
        ran = self.environment.run("kubectl", "--kubeconfig", file, "-n", ISTIO, *arguments, stdin=stdin)
        assert ran.code == 0, ran.talk
        return ran

    def read(self, cluster: str, what: str) -> dict[str, Any]:
        """An object as it is."""
        return json.loads(self.kubectl(cluster, "get", *what.split(), "-o", "json").stdout)

    def keep(self, cluster: str, what: str) -> dict[str, Any]:
        """Remember an object, to be put back at the end whatever becomes of it."""
        found = self.read(cluster, what)
        bare = {key: value for key, value in found.items() if key != "status"}
        bare["metadata"] = {key: value for key, value in found["metadata"].items()
                            if key in ("name", "namespace", "labels", "annotations")}  # fmt: skip
        if bare["kind"] == "Service":
            bare["spec"] = _without_cluster_addresses(found["spec"])
        self.kept.append(lambda: self._put_back(cluster, what, bare))
        return found

    def _put_back(self, cluster: str, what: str, bare: dict[str, Any]) -> bool:
        now = json.loads(self.kubectl(cluster, "get", *what.split(), "-o", "json", "--ignore-not-found").stdout or "{}")
        if now and _essence(now) == _essence(bare):
            return False
        verb = ["replace", "-f", "-"] if now else ["create", "-f", "-"]
        self.kubectl(cluster, *verb, stdin=json.dumps(bare))
        return True

    def patch(self, cluster: str, what: str, patch: object, kind: str = "merge") -> None:
        """Patch an object."""
        self.kubectl(cluster, "patch", *what.split(), "--type", kind, "-p", json.dumps(patch))

    def create(self, cluster: str, body: dict[str, Any], *, keep: bool = False) -> None:
        """Create an object; it is deleted at the end unless it is one that ``keep`` puts back."""
        self.kubectl(cluster, "create", "-f", "-", stdin=json.dumps(body))
        if not keep:
            self.remove_at_the_end(cluster, f"{body['kind']}.{_group(body)}", body["metadata"]["name"])

    def remove_at_the_end(self, cluster: str, *what: str) -> None:
        """Remember to delete an object that a break or a fix adds."""
        self.at_the_end(lambda: "deleted" in self.kubectl(cluster, "delete", *what, "--ignore-not-found").stdout)

    def at_the_end(self, do: Callable[[], object]) -> None:
        """Remember something to do; if it says False, there was nothing to do."""
        self.kept.append(lambda: do() is not False)

    def restore(self) -> bool:
        """Put everything back, the last change first; whether anything had to be."""
        changed = False
        while self.kept:
            changed = self.kept.pop()() or changed
        return changed

    def drop(self, cluster: str, port: int, *, of_the_node: bool = False, from_outside: bool = False) -> None:
        """Have the cluster's node drop what goes to a port, until the end.

        Args:
            cluster: its name.
            port: TCP.
            of_the_node: what the node's own processes send, once their Service's address is translated; else what
                comes to the node or from its pods.
            from_outside: only what comes to the node.
        """
        node = self.node(cluster)
        table, chain = ("filter", "OUTPUT") if of_the_node else ("raw", "PREROUTING")
        source = f"! -s {DEFAULT_POD_CIDR} " if from_outside else ""
        rule = f"{chain} {source}-p tcp -m tcp --dport {port} -j DROP"
        check = f"iptables -t {table} -C {rule} 2>/dev/null && iptables -t {table} -D {rule} && echo deleted || true"
        self.at_the_end(lambda: runtime("exec", node, "sh", "-c", check) != [])
        runtime("exec", node, "sh", "-c", f"iptables -t {table} -I {rule}")

    def restart_istiod(self) -> None:
        """Have a new istiod read everything anew."""
        self.kubectl(PRIMARY, "rollout", "restart", "deployment/istiod")
        self.kubectl(PRIMARY, "rollout", "status", "deployment/istiod", "--timeout", "180s")

    def node(self, cluster: str) -> str:
        """Container of a cluster's node."""
        return f"{cluster}-{self.environment.suffix}-control-plane"

    def nobody(self) -> str:
        """An address of the mesh's own network that nobody has: containers get the first ones of their range.

        One of a network that is not the mesh's may be answered for, by a stranger or by whoever routes.
        """
        (node,) = self.read(PRIMARY, "nodes")["items"]
        own = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        network = ipaddress.ip_network(f"{own}/24", strict=False)
        return str(ipaddress.ip_network(container_range(str(network)))[-1])

    def until(self, question: Callable[[], object], what: str) -> None:
        """Ask until the answer is yes."""
        until(what, question, seconds=_WAIT_SECONDS, pause=0.5)


def _group(body: dict[str, Any]) -> str:
    group, slash, _ = body["apiVersion"].partition("/")
    return group if slash else ""


def _essence(item: dict[str, Any]) -> str:
    meta, content = item["metadata"], {key: value for key, value in item.items() if key not in ("metadata", "status")}
    if item["kind"] == "Service":
        content["spec"] = _without_cluster_addresses(item["spec"])
    return json.dumps([content, meta.get("labels"), meta.get("annotations")], sort_keys=True)


def _without_cluster_addresses(spec: dict[str, Any]) -> dict[str, Any]:
    """A Service keeps or gets its addresses; one that was made anew has others."""
    return {key: value for key, value in spec.items() if key not in ("clusterIP", "clusterIPs")}


class Way(StrEnum):
    """How the doctor is told which mesh is meant; its fixes are other ones for each."""

    CONTEXTS = "contexts"
    """By kubeconfig contexts, as a mesh of somebody else's: fixes are kubectl's and istioctl's."""
    STACK = "stack"
    """As the current stack: Tether puts back what it made."""


@dataclass(frozen=True)
class Breakage:
    """One way to break the mesh and what the doctor must say first."""

    name: str
    check: str
    subject: str
    do: Callable[[Lab], None]
    way: Way = Way.CONTEXTS
    mends: bool = True
    """Whether the printed fix mends it; else it goes by itself, or the fix needs what only its owner has."""
    evidence: str = ""
    """Part of a log line that must stand beside the finding."""
    cause: str = ""
    """Part of the cause that must be told."""

    def __str__(self) -> str:
        return self.name
