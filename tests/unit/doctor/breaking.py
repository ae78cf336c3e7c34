"""Words for breaking a mesh in memory."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.unit.doctor.fake_mesh import (
    NAMES,
    SECRET,
    SLICES,
    SYSTEM,
    FakeMesh,
    Pair,
    encoded,
    kubeconfig,
    pod,
    remote_secret,
    token,
    workload,
)  # fmt: skip
from tether import kube
from tether.doctor.handshake import Handshake, Outcome
from tether.topology import READER_TOKEN_SECRET

ONE, TWO = "kubectl --context cluster1", "kubectl --context cluster2"
SYSTEM_ONE, SYSTEM_TWO = f"{ONE} -n istio-system", f"{TWO} -n istio-system"
RESTART = (
    f"{SYSTEM_ONE} rollout restart deployment -l app=istiod\n"
    f"{SYSTEM_ONE} rollout status deployment -l app=istiod --timeout 120s"
)
NETWORK = "topology.istio.io/network"
GATEWAY_ONE, GATEWAY_TWO = f"{SYSTEM}/pods/gateway-cluster1", f"{SYSTEM}/pods/gateway-cluster2"
NEW_SECRET = (
    "istioctl create-remote-secret --name cluster2 -n istio-system --context cluster2"
    f" | {ONE} apply -f -"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to break a mesh."""

    check: str
    name: str
    do: Callable[[FakeMesh], Any]
    seen: str
    """Part of what the finding says."""
    fix: str
    """The whole fix, or with ``…`` at the end its beginning."""
    cause: str = ""
    subject: str = "cluster2"
    stack: str = ""

    def __str__(self) -> str:
        return f"{self.check} {self.name}"


def drop(path: str, where: str = "remote") -> Callable[[FakeMesh], Any]:
    return lambda mesh: getattr(mesh, where).objects.pop(path)


def meta(path: str, kind: str, where: str = "remote", **values: str) -> Callable[[FakeMesh], Any]:
    """Set labels or annotations of an object."""

    def do(mesh: FakeMesh) -> None:
        getattr(mesh, where).objects[path]["metadata"].setdefault(kind, {}).update(values)

    return do


def spec(path: str, where: str = "remote", **values: Any) -> Callable[[FakeMesh], Any]:
    return lambda mesh: getattr(mesh, where).objects[path]["spec"].update(values)


def secret(**changes: Any) -> Callable[[FakeMesh], Any]:
    return lambda mesh: mesh.primary.put(SECRET, remote_secret(kubeconfig(**changes)))


def ending(seconds_left: float, bound_to: str = "", *, refused: bool = False, kept: bool = False) -> Callable[..., Any]:
    """A token that ends, after a day in all; with ``refused`` the remote takes it no more."""

    def do(mesh: FakeMesh) -> None:
        secret(user={"token": token(seconds_left, bound_to=bound_to)})(mesh)
        if not kept:
            mesh.remote.objects.pop(f"{SYSTEM}/secrets/{READER_TOKEN_SECRET}")
        if refused:
            mesh.token_error = kube.KubeError("Unauthorized", 401)

    return do


def met(outcome: Outcome, seen: str, address: str, *ports: int) -> Callable[[FakeMesh], Any]:
    """Have connections and handshakes end otherwise."""
    found = {(address, port): Handshake(outcome=outcome, seen=f"{address}:{port} {seen}") for port in ports}
    return lambda mesh: (mesh.ports.update(found), mesh.greetings.update(found))


def cacerts(signer: Pair, over: Pair) -> Callable[[FakeMesh], Any]:
    def do(mesh: FakeMesh) -> None:
        entries = {"ca-cert.pem": signer.pem, "ca-key.pem": signer.key_pem, "cert-chain.pem": signer.pem,
                   "root-cert.pem": over.pem}  # fmt: skip
        mesh.primary.put(f"{SYSTEM}/secrets/cacerts", {"data": {key: encoded(value) for key, value in entries.items()}})

    return do


def webhook_error(text: str) -> Callable[[FakeMesh], Any]:
    return lambda mesh: mesh.remote.refused.update({"create .*/pods$": kube.KubeError(text, 500)})


def stuck(mesh: FakeMesh) -> None:
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
    conditions = [
        {"type": "NamespaceContentRemaining", "status": "True",
         "message": "Some are remaining: configmaps. has 1 resource instances, a.b.io has 2 resource instances"},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "finalizers remaining: x/y in 3"},
    ]  # fmt: skip
    mesh.remote.put("/api/v1/namespaces/old", {
        "metadata": {"deletionTimestamp": since.isoformat()}, "status": {"conditions": conditions},
    })  # fmt: skip


def unscheduled(where: str, name: str, labels: dict[str, str], owner: str, why: str) -> Callable[[FakeMesh], Any]:
    """A new pod that no node takes, beside the one that runs; its owner as KIND/NAME."""
    kind, _, of = owner.partition("/")
    waiting = pod(labels, ready=False)
    waiting["metadata"]["ownerReferences"] = [{"kind": kind, "name": of}] if owner else None
    waiting["status"] = {
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}]
    }
    return lambda mesh: getattr(mesh, where).put(f"{SYSTEM}/pods/{name}", waiting)


def no_names(endpoints: list[Any], pods: int = 0) -> Callable[[FakeMesh], Any]:
    """CoreDNS of the remote has these endpoints and so many pods."""

    def do(mesh: FakeMesh) -> None:
        mesh.remote.objects[f"{NAMES}/kube-dns-1"]["endpoints"] = endpoints or None
        for number in range(pods):
            mesh.remote.put(f"/api/v1/namespaces/kube-system/pods/coredns-{number}", pod({"k8s-app": "kube-dns"}))

    return do


def twin(mesh: FakeMesh) -> None:
    mesh.primary.put(f"{SYSTEM}/secrets/twin", remote_secret(kubeconfig()))


def two_keys(mesh: FakeMesh) -> None:
    mesh.primary.objects[SECRET]["data"]["cluster3"] = encoded("x")


def elsewhere(mesh: FakeMesh) -> None:
    found = mesh.primary.objects.pop(SECRET)
    mesh.primary.put("/api/v1/namespaces/default/secrets/istio-remote-secret-cluster2", found)


def another_api_server(mesh: FakeMesh) -> None:
    mesh.debug("clusterz", [{"id": "cluster2", "syncStatus": "timeout"}])
    mesh.greetings["cluster2", 6443] = Handshake(outcome=Outcome.UNTRUSTED, seen="cluster2:6443 is a stranger")


def other_key(mesh: FakeMesh) -> None:
    mesh.primary.put(SECRET, remote_secret(kubeconfig(), key="cluster-2"))


def ghost(mesh: FakeMesh) -> None:
    mesh.primary.put(f"{SYSTEM}/secrets/gone", remote_secret(kubeconfig("cluster9"), key="cluster9"))


def gke_without_endpoints(mesh: FakeMesh) -> None:
    mesh.remote.put("/api/v1/nodes/n", {"spec": {"providerID": "gce://project/zone/n"}})


def host_name(mesh: FakeMesh) -> None:
    gateway = mesh.primary.objects[f"{SYSTEM}/services/istio-eastwestgateway"]
    gateway["status"] = {"loadBalancer": {"ingress": [{"hostname": "gateway.test"}]}}
    mesh.remote.objects.pop(f"{SLICES}/istiod")
    known = [{"Network": "network1", "Cluster": "cluster1", "Addr": "gateway.test", "Port": 15443},
             {"Network": "network2", "Cluster": "cluster2", "Addr": "10.0.2.1", "Port": 15443}]  # fmt: skip
    mesh.debug("networkz", known)


def named(mesh: FakeMesh, *ips: str) -> None:
    """Give the primary's gateway a host name that stands for these addresses."""
    gateway = mesh.primary.objects[f"{SYSTEM}/services/istio-eastwestgateway"]
    gateway["status"] = {"loadBalancer": {"ingress": [{"hostname": "gateway.test"}]}}
    mesh.names["gateway.test"] = list(ips)


def name_moved(mesh: FakeMesh) -> None:
    named(mesh, "10.0.1.9", "10.0.1.8")


def name_moved_of_a_stack(mesh: FakeMesh) -> None:
    name_moved(mesh)
    mesh.remote.put(f"{SLICES}/istiod-gateway", {
        "metadata": {"labels": {"kubernetes.io/service-name": "istiod",
                                "endpointslice.kubernetes.io/managed-by": "tether"}},
        "endpoints": [{"addresses": ["10.0.1.1"]}],
    })  # fmt: skip


def forgotten_endpoints(mesh: FakeMesh) -> None:
    mesh.remote.put(f"{SYSTEM}/endpoints/istiod", {"subsets": [{"addresses": [{"ip": "10.9.9.9"}], "ports": []}]})


def known_as_well(mesh: FakeMesh) -> None:
    """istiod goes into the remote's network by an address as well that nobody has any more."""
    own = [("network1", "cluster1", "10.0.1.1"), ("network2", "cluster2", "10.0.2.1")]
    mesh.debug("networkz", [{"Network": network, "Cluster": name, "Addr": address, "Port": 15443}
                            for network, name, address in (*own, ("network2", "cluster2", "10.9.9.9"))])  # fmt: skip
    met(Outcome.TIMED_OUT, "is silent", "10.9.9.9", 15443)(mesh)


def hidden(mesh: FakeMesh) -> None:
    mesh.primary.objects[SYSTEM]["metadata"]["labels"]["mesh"] = "one"
    mesh.primary.put(
        f"{SYSTEM}/configmaps/istio", {"data": {"mesh": "discoverySelectors:\n- matchLabels: {mesh: one}\n"}}
    )
    mesh.debug("networkz", [{"Network": "network1", "Cluster": "cluster1", "Addr": "10.0.1.1", "Port": 15443}])


def unanswered(outcome: Outcome, seen: str) -> Callable[[FakeMesh], Any]:
    """Have handshakes through the remote's gateway fail, while its port is open."""
    met = Handshake(outcome=outcome, seen=f"10.0.2.1:15443 {seen}")
    return lambda mesh: mesh.greetings.update({("10.0.2.1", 15443): met})


def in_plain_text(mesh: FakeMesh) -> None:
    path = "/apis/security.istio.io/v1/namespaces/app/peerauthentications/off"
    mesh.primary.put(path, {"spec": {"mtls": {"mode": "DISABLE"}}})
    unanswered(Outcome.CLOSED, "closes")(mesh)


def another_domain(mesh: FakeMesh) -> None:
    mesh.peer = workload("spiffe://other.domain/ns/app/sa/echo")


def refused(reason: str, seconds: float = 5) -> Callable[[FakeMesh], Any]:
    def do(mesh: FakeMesh) -> None:
        moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
        mesh.primary.texts[f"{SYSTEM}/pods/istiod-1/log"] = (
            f"{moment.isoformat().replace('+00:00', 'Z')}\terror\tsecurity\tFailed to authenticate client from "
            "10.244.0.9:443: Authenticator ClientCertAuthenticator: no verified chain is found; Authenticator "
            f"KubeJWTAuthenticator: {reason}\n"
        )

    return do
