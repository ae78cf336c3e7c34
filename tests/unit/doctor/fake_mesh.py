"""A healthy mesh in memory, to be broken by tests."""

import base64
import datetime
import functools
import json
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.doctor.fake_cluster import FakeCluster
from tether import kube
from tether.doctor.examination import Examination, examine
from tether.doctor.handshake import Handshake, Outcome
from tether.doctor.registry import CHECKS
from tether.mesh import Blueprint, Cluster, Member, Mesh
from tether.topology import READER_SERVICE_ACCOUNT, READER_TOKEN_SECRET, Role

SYSTEM = "/api/v1/namespaces/istio-system"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
GATEWAYS = "/apis/networking.istio.io/v1/namespaces/istio-system/gateways"
NAMES = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/istio-system/endpointslices"
ADDRESSES = {"cluster1": "10.0.1.1", "cluster2": "10.0.2.1"}
SECRET = f"{SYSTEM}/secrets/istio-remote-secret-cluster2"
PORTS = (15021, 15443, 15012, 15017)
HOST = "echo.app.svc.cluster.local"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        kind = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


@functools.cache
def certificate(
    name: str, issuer: Pair | None = None, *, days: float = 3650, is_authority: bool = True,
    names: tuple[x509.GeneralName, ...] = (),
) -> Pair:  # fmt: skip
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days, minutes=1)
    builder = (
        x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=max(days, 0) + 400)).not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )  # fmt: skip
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def root() -> Pair:
    return certificate("Root")


def workload(identity: str = "spiffe://cluster.local/ns/app/sa/echo") -> Pair:
    return certificate(
        "workload", root(), days=1, is_authority=False, names=(x509.UniformResourceIdentifier(identity),)
    )


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(name: str = "cluster2", **changes: Any) -> dict[str, Any]:
    """What a remote secret holds."""
    cluster = {"server": f"https://{name}:6443", "certificate-authority-data": encoded(f"CA of {name}")}
    return {
        "clusters": [{"name": name, "cluster": {**cluster, **changes.get("cluster", {})}}],
        "users": [{"name": name, "user": changes.get("user", {"token": "t0ken-of-the-reader"})}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}], "current-context": name,
    }  # fmt: skip


def token(seconds_left: float, lifetime: float = 86400, bound_to: str = "") -> str:
    """A token of the reader as a TokenRequest gives it."""
    ends = time.time() + seconds_left
    claims: dict[str, Any] = {"sub": f"system:serviceaccount:istio-system:{READER_SERVICE_ACCOUNT}", "exp": int(ends),
              "iat": int(ends) - int(lifetime)}  # fmt: skip
    if bound_to:
        claims["kubernetes.io"] = {"secret": {"name": bound_to, "uid": "u"}}
    return f"h.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.s"


def remote_secret(content: dict[str, Any], key: str = "cluster2", **meta: Any) -> kube.Object:
    labels = {"istio/multiCluster": "true"}
    return {"metadata": {"labels": labels, **meta}, "data": {key: encoded(yaml.safe_dump(content))}}


@dataclass
class FakeMesh:
    """Two clusters, istiod's answers, and what a connection to a gateway sees."""

    primary: FakeCluster = field(default_factory=lambda: FakeCluster("cluster1"))
    remote: FakeCluster = field(default_factory=lambda: FakeCluster("cluster2"))
    stack: str = ""
    ports: dict[tuple[str, int], Handshake] = field(default_factory=dict[tuple[str, int], Handshake])
    """What a connection sees otherwise than ``OK``."""
    greetings: dict[tuple[str, int], Handshake] = field(default_factory=dict[tuple[str, int], Handshake])
    """The same of a TLS handshake."""
    peer: Pair = field(default_factory=lambda: workload())
    """Certificate that the workload behind the gateway shows."""
    token_error: kube.KubeError | None = None
    denied: set[str] = field(default_factory=set[str])
    """Rights that the token in the remote secret lacks: ``verb resource``."""
    server: str = ""
    """The remote's API server in the user's kubeconfig, where it is another than in the remote secret."""
    names: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What this machine's resolver knows."""
    tried: list[str] = field(default_factory=list[str])
    """Kubeconfigs with which the remote secret's credential was tried."""
    planned: bool = True
    """Whether somebody said which IDs and networks the clusters are meant to have."""

    def __post_init__(self) -> None:
        for cluster, network in ((self.primary, "network1"), (self.remote, "network2")):
            _common(cluster, network)
        _istiod(self.primary)
        _remote(self.remote)
        self.workload(self.remote)

    def workload(self, cluster: FakeCluster) -> None:
        """Have a workload with a proxy, which istiod knows."""
        cluster.put("/api/v1/namespaces/app")
        cluster.put("/api/v1/namespaces/app/configmaps/istio-ca-root-cert", {"data": {"root-cert.pem": root().pem}})
        cluster.put("/api/v1/namespaces/app/services/echo", {"spec": {"ports": [{"name": "http", "port": 80}]}})

    def debug(self, path: str, value: Any) -> None:
        self.primary.pages[f"/debug/{path}"] = json.dumps(value)

    def endpoints(self, **changes: Any) -> None:
        """What istiod knows of the remote's workload."""
        entry = {"WorkloadName": "echo", "Namespace": "app", "Network": "network2", "TLSMode": "istio",
                 "HealthStatus": 1, "ServicePortName": "http", **changes}  # fmt: skip
        own = {"WorkloadName": "istiod", "Namespace": "istio-system", "Network": "network1"}
        self.debug("endpointShardz", {
            HOST: {"app": {"Shards": {"Kubernetes/cluster2": [entry]}}},
            "istiod.istio-system.svc.cluster.local": {"istio-system": {"Shards": {"Kubernetes/cluster1": [own]}}},
        })  # fmt: skip

    @property
    def mesh(self) -> Mesh:
        clusters = tuple(
            Cluster(
                member=Member(
                    name=cluster.name, role=role, kubeconfig=self._kubeconfig(cluster.name),
                    kubectl=f"kubectl --context {cluster.name}",
                    cluster_id=cluster.name if self.planned else "", network=network if self.planned else "",
                ), api=cluster,
            )
            for cluster, role, network in (
                (self.primary, Role.PRIMARY, "network1"), (self.remote, Role.REMOTE, "network2"),
            )
        )  # fmt: skip
        members = tuple(cluster.member for cluster in clusters)
        return Mesh(blueprint=Blueprint(members=members, stack=self.stack), clusters=clusters)

    def _kubeconfig(self, name: str) -> str:
        return yaml.safe_dump(kubeconfig(name, cluster={"server": self.server} if self.server else {}))

    def examine(self, *checks: str) -> Examination:
        return examine(self.mesh, [check for check in CHECKS if not checks or check.id in checks])

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Answer connections that leave the API server's way."""
        patch.setattr("tether.doctor.data._PAUSE_SECONDS", 0)
        patch.setattr("tether.doctor.handshake.connect", self._met)
        patch.setattr("tether.doctor.handshake.greet", self._greeted)
        patch.setattr("tether.kube.connect", self._by_secret)
        patch.setattr("socket.getaddrinfo", self._resolved)

    def _resolved(self, name: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        if name not in self.names:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (ip, 0)) for ip in self.names[name]]

    def _met(self, address: str, port: int) -> Handshake:
        return self.ports.get((address, port), Handshake(outcome=Outcome.OK, seen=f"{address}:{port} is open"))

    def _greeted(self, address: str, port: int, server_name: str, root: str, **_: object) -> Handshake:
        chain = (self.peer.certificate.public_bytes(serialization.Encoding.DER),)
        well = Handshake(outcome=Outcome.OK, seen=f"{address}:{port} answers for {server_name}", chain=chain)
        met = self.greetings.get((address, port), well)
        # Who is given no root to trust looks at no chain.
        return well if met.outcome is Outcome.UNTRUSTED and not root else met

    @contextmanager
    def _by_secret(self, content: str) -> Generator[FakeCluster]:
        self.tried.append(content)
        reader = FakeCluster("reader")
        if self.token_error:
            reader.refused["selfsubjectreviews"] = self.token_error
        reader.answers["selfsubjectreviews"] = lambda _: {
            "status": {"userInfo": {"username": "system:serviceaccount:istio-system:istio-reader-service-account"}}
        }

        def allowed(body: kube.Object) -> kube.Object:
            asked = body["spec"]["resourceAttributes"]
            return {"status": {"allowed": f"{asked['verb']} {asked['resource']}" not in self.denied}}

        reader.answers["selfsubjectaccessreviews"] = allowed
        yield reader


def pod(labels: Mapping[str, str], *, image: str = "proxy", ready: bool = True, **spec: Any) -> kube.Object:
    condition = {"type": "Ready", "status": "True" if ready else "False", "message": "not yet"}
    return {"metadata": {"labels": dict(labels)}, "status": {"conditions": [condition]},
            "spec": {"containers": [{"name": "istio-proxy", "image": image}], **spec}}  # fmt: skip


def _common(cluster: FakeCluster, network: str) -> None:
    cluster.put("/version", {"gitVersion": "v1.34.4"})
    cluster.put(SYSTEM, {"metadata": {"labels": {"topology.istio.io/network": network}}})
    cluster.put("/api/v1/namespaces/kube-system")
    api = {"data": {"ca.crt": f"CA of {cluster.name}"}}
    cluster.put("/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt", api)
    for name in ("istio-system", "kube-system"):
        cluster.put(f"/api/v1/namespaces/{name}/configmaps/istio-ca-root-cert", {"data": {"root-cert.pem": root().pem}})
    cluster.put(f"{NAMES}/kube-dns-1", {
        "metadata": {"labels": {"kubernetes.io/service-name": "kube-dns"}},
        "endpoints": [{"addresses": ["10.244.0.2"], "conditions": {"ready": True}}],
    })  # fmt: skip
    node = f"{cluster.name}-control-plane"
    cluster.put(f"/api/v1/nodes/{node}", {"spec": {"providerID": f"kind://podman/{cluster.name}/{node}"}})
    cluster.put(f"{SYSTEM}/services/istio-eastwestgateway", {
        "metadata": {"labels": {"topology.istio.io/network": network}},
        "spec": {"selector": {"istio": "eastwestgateway"}, "ports": [{"port": port} for port in PORTS]},
        "status": {"loadBalancer": {"ingress": [{"ip": ADDRESSES[cluster.name]}]}},
    })  # fmt: skip
    cluster.put(f"{SYSTEM}/pods/gateway-{cluster.name}", pod({"istio": "eastwestgateway"}))


def _istiod(primary: FakeCluster) -> None:
    environment = [{"name": "CLUSTER_ID", "value": "cluster1"}, {"name": "EXTERNAL_ISTIOD", "value": "true"}]
    istiod = pod({"app": "istiod"}, containers=[{"name": "discovery", "image": "pilot", "env": environment}])
    primary.put(f"{SYSTEM}/pods/istiod-1", istiod)
    primary.put(f"{SYSTEM}/services/istiod", {"spec": {"ports": [{"port": 15012}, {"port": 443}]}})
    signer = certificate("Intermediate", root())
    entries = {"ca-cert.pem": signer.pem, "ca-key.pem": signer.key_pem, "root-cert.pem": root().pem,
               "cert-chain.pem": signer.pem + root().pem}  # fmt: skip
    primary.put(f"{SYSTEM}/secrets/cacerts", {"data": {name: encoded(value) for name, value in entries.items()}})
    primary.put(SECRET, remote_secret(kubeconfig()))
    server = {"port": {"number": 15443}, "tls": {"mode": "AUTO_PASSTHROUGH"}}
    primary.put(f"{GATEWAYS}/cross-network-gateway", {"spec": {"servers": [server]}})
    put_webhook(primary, "/inject")
    mesh = FakeMesh.__new__(FakeMesh)
    mesh.primary = primary
    mesh.debug("clusterz", [{"id": name, "syncStatus": "synced"} for name in ADDRESSES])
    mesh.debug("networkz", [{"Network": network, "Cluster": name, "Addr": ADDRESSES[name], "Port": 15443}
                            for name, network in (("cluster1", "network1"), ("cluster2", "network2"))])  # fmt: skip
    mesh.debug("syncz", [{"cluster_id": name, "proxy": f"gateway-{name}.istio-system"} for name in ADDRESSES])
    mesh.endpoints()
    primary.pages["/version"] = "1.31.1-abc-Clean"
    primary.pages["/metrics"] = 'remote_cluster_sync_timeouts_total{cluster="cluster2"} 0\n'
    primary.texts[f"{SYSTEM}/pods/istiod-1/log"] = ""
    for name in ("cluster1",):
        primary.texts[f"{SYSTEM}/pods/gateway-{name}/log"] = ""


def _remote(remote: FakeCluster) -> None:
    system = remote.objects[SYSTEM]["metadata"]
    system["annotations"] = {"topology.istio.io/controlPlaneClusters": "cluster1"}
    remote.put(f"{SYSTEM}/services/istiod", {"spec": {"ports": [{"port": 15012}, {"port": 443}]}})
    remote.put(f"{SLICES}/istiod", {
        "metadata": {"labels": {"kubernetes.io/service-name": "istiod"}}, "endpoints": [{"addresses": ["10.0.1.1"]}],
    })  # fmt: skip
    put_webhook(remote, "/inject/cluster/cluster2/net/network2")
    put_leader(remote, "istiod-1", 1)
    remote.put(f"{SYSTEM}/secrets/{READER_TOKEN_SECRET}", {
        "type": "kubernetes.io/service-account-token",
        "metadata": {"annotations": {"kubernetes.io/service-account.name": READER_SERVICE_ACCOUNT}},
    })  # fmt: skip
    remote.texts[f"{SYSTEM}/pods/gateway-cluster2/log"] = ""
    remote.answers["pods"] = lambda made: injected(made)


def put_leader(remote: FakeCluster, holder: str, age: float) -> None:
    renewed = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
    record = {"holderIdentity": holder, "renewTime": renewed.isoformat()}
    remote.put(f"{SYSTEM}/configmaps/istio-namespace-controller-election", {
        "metadata": {"annotations": {"control-plane.alpha.kubernetes.io/leader": json.dumps(record)}},
    })  # fmt: skip


def put_webhook(
    cluster: FakeCluster, path: str, bundle: str = "", name: str = "istio-sidecar-injector", service: str = "istiod"
) -> None:
    client = {"service": {"namespace": "istio-system", "name": service, "path": path},
              "caBundle": encoded(bundle or root().pem)}  # fmt: skip
    hook = {"name": "namespace.sidecar-injector.istio.io", "clientConfig": client, "failurePolicy": "Fail"}
    cluster.put(f"{WEBHOOKS}/{name}", {"webhooks": [hook]})


def injected(made: kube.Object, **changes: str) -> kube.Object:
    """A pod as it comes back from the webhook."""
    values = {"ISTIO_META_CLUSTER_ID": "cluster2", "ISTIO_META_NETWORK": "network2", "TRUST_DOMAIN": "cluster.local",
              "CA_ADDR": "istiod.istio-system.svc:15012", **changes}  # fmt: skip
    proxy = {"name": "istio-proxy", "env": [{"name": name, "value": value} for name, value in values.items()]}
    return {**made, "spec": {"containers": [*made["spec"]["containers"], proxy]}}
