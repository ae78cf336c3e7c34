"""A mesh over clusters that somebody else made, here a program of its own that uses Tether's components."""

import base64
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.breaking.before import authority, server
from tests.e2e.environment import TETHER, Environment, Ran, address_of, is_open, runtime, until
from tests.e2e.program import Program
from tether import topology
from tether.gateway_entry import NODE_SELECTOR, selector
from tether.topology import EAST_WEST_GATEWAY, ENVIRONMENT_NETWORKS, GATEWAY_PORTS, XDS_PORT

CLUSTERS = {"east": "primary", "west": "remote"}
API_SERVER_PORT = 6443
STRANGER = "192.0.2.7"
"""An address for documentation, which no network here has (RFC 5737)."""
SECONDS = 10
EDGE = {"example.com/edge": "true"}
"""Label of the nodes at which the gateways may be entered."""
KUBELET_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
RESTART_SECONDS = 180.0
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
FRONT = "api.west.example.com"
"""Name that the remote's API server is known by, beside its own."""
FRONT_FILE = "/etc/kubernetes/pki/front"
"""Its certificate and key, without the suffixes; in a folder that the API server's pod has."""


@dataclass(frozen=True, kw_only=True)
class Company:
    """Who has clusters already, and rules for what runs in them."""

    root: str
    certificate: str
    key: str
    """PEM, of the authority that the mesh is to sign with."""
    label: str = "team=mesh"
    request: str = "110m"
    """Of istiod's processor time."""
    lets_in: str = ENVIRONMENT_NETWORKS
    """Whose nodes may reach the gateways."""

    def settings(self, folder: Path) -> dict[str, Any]:
        """Its rules as settings, its authority in files."""
        parts = {"caCert": self.certificate, "caKey": self.key, "rootCert": self.root}
        for name, text in parts.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text)
        return {
            "certificateAuthority": {"source": "provided", **{name: str(folder / name) for name in parts}},
            "labels": dict([self.label.split("=")]),
            "helmValues": {"istiod": {"resources": {"requests": {"cpu": self.request}}}},
            "exposure": {"sourceRanges": [self.lets_in], "tlsMinimum": "1.3"},
        }


def company() -> Company:
    root = authority("A company", 365)
    certificate, key = authority("A company's mesh", 90, root)
    return Company(root=root[0], certificate=certificate, key=key)


def settings_over(clusters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings of a mesh over the clusters, their kubeconfigs in files as a user keeps them."""
    listed: list[dict[str, Any]] = []
    for name, role in CLUSTERS.items():
        file = folder / f"{name}.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(clusters[name]["kubeconfig"])
        own = {"platform": "existing", "kubeconfig": str(file), "apiServer": clusters[name]["apiServer"]}
        listed.append({"name": name, "role": role, "network": f"network-{name}", **own})
    return {"clusters": listed}


def show_another_certificate(node: str) -> str:
    """Have an API server show a certificate of its own to whoever asks for a name, as behind a proxy; its PEM."""
    certificate, key = server(FRONT, 90)
    for suffix, text in (("crt", certificate), ("key", key)):
        content = base64.b64encode(text.encode()).decode()
        runtime("exec", node, "sh", "-c", f"echo {content} | base64 -d > {FRONT_FILE}.{suffix}")
    option = f"--tls-sni-cert-key={FRONT_FILE}.crt,{FRONT_FILE}.key"
    runtime("exec", node, "sed", "--in-place", f"s|^    - kube-apiserver$|&\\n    - {option}|", MANIFEST)
    return certificate


def is_shown(certificate: str, address: str) -> bool:
    """Whether an API server proves itself by a certificate to whoever asks for the name."""
    context = ssl.create_default_context(cadata=certificate)
    try:
        with (
            socket.create_connection((address, API_SERVER_PORT), SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=FRONT),
        ):
            return True
    except OSError:
        return False


PROBE = {
    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
    "metadata": {"name": "probe", "annotations": {"kubernetes.io/service-account.name": "default"}},
}  # fmt: skip


def await_controllers(environment: Environment, kubeconfig: Path) -> None:
    """Wait until a cluster makes tokens again: its controllers lost an API server that started anew."""

    def kubectl(*arguments: str, stdin: str | None = None) -> Ran:
        return environment.run("kubectl", "--kubeconfig", kubeconfig, "-n", "default", *arguments, stdin=stdin)

    def is_filled() -> bool:
        kubectl("apply", "-f", "-", stdin=json.dumps(PROBE))
        return kubectl("get", "secret", "probe", "-o", "jsonpath={.data.token}").stdout != ""

    until("a token is made", is_filled, seconds=RESTART_SECONDS)
    assert kubectl("delete", "secret", "probe").code == 0


def namespaces(kubeconfig: Path, environment: Environment) -> set[str]:
    ran: Ran = environment.run("kubectl", "--kubeconfig", kubeconfig, "get", "namespaces", "-o", "name")
    assert ran.code == 0, ran.talk
    return {line.removeprefix("namespace/") for line in ran.stdout.split()}


THEIRS = {
    "labels": {"team": "platform", "topology.istio.io/network": "old"},
    "annotations": {"example.com/owner": "us"},
}
"""What is on the namespace of the remote before anybody thinks of a mesh."""


def marks(environment: Environment, kubeconfig: Path) -> dict[str, dict[str, str]]:
    """Labels and annotations of Istio's namespace, without what Kubernetes itself writes."""
    ran = environment.run("kubectl", "--kubeconfig", kubeconfig, "get", "namespace", "istio-system", "-o", "json")
    assert ran.code == 0, ran.talk
    metadata = json.loads(ran.stdout)["metadata"]
    own = {kind: dict(metadata.get(kind) or {}) for kind in ("labels", "annotations")}
    own["labels"].pop("kubernetes.io/metadata.name")
    return own


def make_namespace(environment: Environment, kubeconfig: Path) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system", **THEIRS}}
    ran = environment.run("kubectl", "--kubeconfig", kubeconfig, "create", "-f", "-", stdin=json.dumps(body))
    assert ran.code == 0, ran.talk


def assert_the_rules_are_kept(rules: Company, environment: Environment, files: Mapping[str, Path]) -> None:
    def get(cluster: str, *what: str) -> dict[str, Any]:
        ran = environment.run(
            "kubectl", "--kubeconfig", files[cluster], "-n", "istio-system", "get", *what, "-o", "json"
        )
        assert ran.code == 0, ran.talk
        return json.loads(ran.stdout)

    known = get("east", "secret", "cacerts")["data"]
    assert base64.b64decode(known["ca-cert.pem"]).decode() == rules.certificate
    assert "cacerts" not in {one["metadata"]["name"] for one in get("west", "secrets")["items"]}
    hooks = get("west", "mutatingwebhookconfigurations", "istio-sidecar-injector")["webhooks"]
    assert {base64.b64decode(hook["clientConfig"]["caBundle"]).decode() for hook in hooks} == {rules.root}
    (istiod,) = get("east", "deployments", "-l", f"app=istiod,{rules.label}")["items"]
    assert istiod["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == rules.request
    assert get("west", "deployments,services", "-l", rules.label)["items"]


def assert_only_new_tls_is_spoken(address: str) -> None:
    def greet(newest: ssl.TLSVersion) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, newest
        with (
            socket.create_connection((address, XDS_PORT), SECONDS) as connection,
            context.wrap_socket(connection, server_hostname="istiod.istio-system.svc") as spoken,
        ):
            return spoken.version()

    assert greet(ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        greet(ssl.TLSVersion.TLSv1_2)


def assert_a_stranger_is_not_let_in(address: str, environment: Environment, files: Mapping[str, Path]) -> None:
    """A stranger is the remote's node with an address that is in no source range, and that the primary can answer."""

    def node(cluster: str) -> tuple[str, str]:
        columns = "custom-columns=:metadata.name,:status.addresses[0].address"
        ran = environment.run("kubectl", "--kubeconfig", files[cluster], "get", "nodes", "--no-headers", "-o", columns)
        name, place = ran.stdout.split()
        return name, place

    (primary, primary_address), (remote, remote_address) = node("east"), node("west")

    assert is_open(remote, address, XDS_PORT), "a node of the mesh"
    runtime("exec", remote, "ip", "address", "add", f"{STRANGER}/32", "dev", "lo")
    runtime("exec", primary, "ip", "route", "add", STRANGER, "via", remote_address)
    for to in (address, primary_address):
        runtime("exec", remote, "ip", "route", "add", to, "dev", "eth0", "src", STRANGER)
    try:
        assert is_open(remote, primary_address, API_SERVER_PORT), (
            "a stranger is answered where no source range forbids it"
        )
        assert [port for port in GATEWAY_PORTS if is_open(remote, address, port)] == []
    finally:
        for to in (address, primary_address):
            runtime("exec", remote, "ip", "route", "delete", to)
        runtime("exec", primary, "ip", "route", "delete", STRANGER)
        runtime("exec", remote, "ip", "address", "delete", f"{STRANGER}/32", "dev", "lo")


@pytest.mark.timeout(900)
def test_clusters_of_a_company_are_tied_by_its_rules_proved_and_given_back(bare: Program, tmp_path: Path) -> None:
    rules = company()
    made = json.loads(bare.pulumi("stack", "output", "--json", "--show-secrets"))
    node = topology.control_plane_host(topology.kind_cluster_name("west", bare.suffix))
    front = show_another_certificate(node)
    (tmp_path / "front.pem").write_text(front)
    settings = {**settings_over(made, tmp_path), **rules.settings(tmp_path)}
    settings["clusters"][1] |= {"apiServerName": FRONT, "apiServerCa": str(tmp_path / "front.pem")}
    address = address_of(node)
    until("the other certificate is shown", lambda: is_shown(front, address), seconds=RESTART_SECONDS)
    environment = Environment(settings=settings)
    files = {name: tmp_path / f"{name}.kubeconfig" for name in CLUSTERS}
    await_controllers(environment, files["west"])
    make_namespace(environment, files["west"])
    before = {name: namespaces(file, environment) for name, file in files.items()}
    try:
        result = environment.up()
        for asking in CLUSTERS:
            assert all(result["verification"]["answers"][asking][answering] > 0 for answering in CLUSTERS)
        types = {resource["type"] for resource in environment.state()}
        assert "tether:index:ExistingCluster" in types
        assert not types & {"tether:index:Cluster", "tether:index:ContainerNetwork"}
        ran = environment.pulumi("preview", "--refresh", "--expect-no-changes")
        assert ran.code == 0, ran.talk
        ran = environment.run(TETHER, "doctor")
        assert ran.code == 0, ran.talk
        assert_the_rules_are_kept(rules, environment, files)
        assert marks(environment, files["west"])["labels"]["topology.istio.io/network"] == "network-west"
        (primary,) = [one for one in result["endpoints"] if one["role"] == "primary"]
        gateway = primary["eastWestGateway"]["address"]
        assert_only_new_tls_is_spoken(gateway)
        assert_a_stranger_is_not_let_in(gateway, environment, files)
    finally:
        environment.remove()
    # Verification's namespaces may still be ending; what was there already is as it was.
    for name, file in files.items():
        assert "istio-system" in before[name] or "istio-system" not in namespaces(file, environment)
        assert {one for one in namespaces(file, environment) - before[name] if not one.startswith("tether-")} == set()
    assert marks(environment, files["west"]) == THEIRS


def give_external_ip(node: str, environment: Environment, file: Path) -> str:
    """Label a node as one of the edge and give it an address of type ExternalIP, as a cloud's controller does."""

    def kubectl(*arguments: str) -> str:
        ran = environment.run("kubectl", "--kubeconfig", file, *arguments)
        assert ran.code == 0, ran.talk
        return ran.stdout

    # Any other kubelet writes the addresses that it knows itself over those of anybody else.
    runtime("exec", node, "sed", "--in-place", 's/ARGS="/&--cloud-provider=external /', KUBELET_FLAGS)
    runtime("exec", node, "systemctl", "restart", "kubelet")
    kubectl("label", "node", node, *(f"{key}={value}" for key, value in EDGE.items()))
    listed = json.loads(kubectl("get", "node", node, "-o", "json"))["status"]["addresses"]
    (address,) = [one["address"] for one in listed if one["type"] == "InternalIP"]
    status = {"status": {"addresses": [*listed, {"type": "ExternalIP", "address": address}]}}
    kubectl("patch", "node", node, "--subresource", "status", "--type", "merge", "-p", json.dumps(status))
    return address


@pytest.mark.timeout(900)
def test_istiod_finds_the_nodes_of_clusters_that_somebody_else_made_by_their_labels(
    bare: Program, tmp_path: Path
) -> None:
    made = json.loads(bare.pulumi("stack", "output", "--json", "--show-secrets"))
    settings = {**settings_over(made, tmp_path), "exposure": {"serviceType": "NodePort", "nodeSelector": EDGE}}
    environment = Environment(settings=settings)
    entered = {
        name: give_external_ip(
            topology.control_plane_host(topology.kind_cluster_name(name, bare.suffix)), environment,
            tmp_path / f"{name}.kubeconfig",
        )
        for name in CLUSTERS
    }  # fmt: skip
    try:
        # Which sends requests between the clusters, or fails.
        endpoints = {one["cluster"]: one for one in environment.up()["endpoints"]}
        assert {name: one["eastWestGateway"]["address"] for name, one in endpoints.items()} == entered
        for name in entered:
            service = environment.get(name, "-n", "istio-system", "service", EAST_WEST_GATEWAY)
            assert service["metadata"]["annotations"][NODE_SELECTOR] == selector(EDGE)
        doctor = environment.run(TETHER, "doctor")
        assert doctor.code == 0, doctor.talk
    finally:
        environment.remove()
