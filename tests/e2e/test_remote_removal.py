"""One remote leaves a mesh over three clusters that stay, in every state in which that was ever needed."""

import base64
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import traffic
from tests.e2e.breaking.before import authority
from tests.e2e.environment import PROJECT, TETHER, Environment, Ran, runtime, until
from tests.e2e.program import Program, bare_clusters
from tether import topology
from tether.authority import forms
from tether.doctor.handshake import Outcome, greet
from tether.topology import XDS_PORT

CLUSTERS = {"east": "primary", "west": "remote", "north": "remote"}
ISTIO = "istio-system"
CHECKED = "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings,configmaps"
POD: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asks", "namespace": "shop"},
    "spec": {"containers": [{"name": "app", "image": "registry.test/none:1"}]},
}  # fmt: skip
KEEPER = "somebody-else"
"""Who writes the primary's Secret ``cacerts``."""
ENDING_SECONDS = 90.0
START_SECONDS = 300.0
"""What does not find its API server when a node starts tries again after pauses of up to five minutes."""


@dataclass(frozen=True, kw_only=True)
class Trio:
    """Three clusters of somebody else's and a mesh over them."""

    environment: Environment
    files: dict[str, Path]
    """Kubeconfigs."""
    suffix: str
    gateway: str
    """Address of the primary's."""
    root: tuple[str, str]
    """Certificate and key, PEM, of the authority that somebody else keeps in the primary."""

    def kubectl(self, cluster: str, *arguments: str, stdin: str | None = None) -> Ran:
        """Run kubectl on one of them; it waits for no cluster that is gone."""
        command = ("kubectl", "--kubeconfig", self.files[cluster], "--request-timeout", "10s")
        return self.environment.run(*command, *arguments, stdin=stdin)

    def do(self, cluster: str, *arguments: str, stdin: str | None = None) -> str:
        """The same, where it must succeed."""
        ran = self.kubectl(cluster, *arguments, stdin=stdin)
        assert ran.code == 0, ran.talk
        return ran.stdout

    def remove(self, *options: str) -> Ran:
        """Have the west leave."""
        return self.environment.run(TETHER, "remote", "remove", "west", "--stack", self.environment.stack, *options)

    def renew_authority(self) -> str:
        """Have the primary's Secret hold another certificate of the same root, as whoever keeps it does."""
        certificate, body = cacerts(self.root)
        self.do("east", "apply", "--server-side", "--field-manager", KEEPER, "-f", "-", stdin=body)
        return certificate

    def node(self, cluster: str) -> str:
        """Container of a cluster's node."""
        return topology.control_plane_host(topology.kind_cluster_name(cluster, self.suffix))

    def left(self, cluster: str) -> list[str]:
        """What is still of Istio in a cluster, definitions aside; an ending namespace is waited for."""
        deadline = time.monotonic() + ENDING_SECONDS
        while True:
            names = self.do(cluster, "get", CHECKED, "-A", "-o", "name") + self.do(
                cluster, "get", "namespaces", "-o", "name"
            )
            found = [name for name in names.split() if "istio" in name]
            if f"namespace/{ISTIO}" not in found or time.monotonic() > deadline:
                return found
            time.sleep(1)

    def assert_the_west_is_out(self) -> None:
        """The look that finds nothing: in the remote, in the primary, in the state, in the settings."""
        assert self.left("west") == []
        assert "secret/istio-remote-secret-west" not in self.do("east", "-n", ISTIO, "get", "secrets", "-o", "name")
        self.assert_the_engine_has_forgotten_it()

    def assert_the_engine_has_forgotten_it(self) -> None:
        names = {str(one["urn"]).rpartition("::")[2] for one in self.environment.state()}
        assert not {name for name in names if name == "west" or name.startswith("west-")}
        assert "name: west" not in self.environment.stack_file.read_text()


def cacerts(root: tuple[str, str]) -> tuple[str, str]:
    """A certificate to sign with that a root signed, PEM, and the Secret that holds it, JSON."""
    certificate, key = authority("Somebody else's mesh", 90, root)
    parts = {"ca-cert.pem": certificate, "ca-key.pem": key, "root-cert.pem": root[0],
             "cert-chain.pem": certificate + root[0]}  # fmt: skip
    data = {name: base64.b64encode(text.encode()).decode() for name, text in parts.items()}
    metadata = {"name": "cacerts", "namespace": ISTIO}
    return certificate, json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with bare_clusters(tmp_path_factory.mktemp("state"), CLUSTERS) as clusters:
        yield clusters


@pytest.fixture(scope="module")
def standing(bare: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    made = json.loads(bare.pulumi("stack", "output", "--json", "--show-secrets"))
    folder = tmp_path_factory.mktemp("kubeconfigs")
    listed: list[dict[str, Any]] = []
    files: dict[str, Path] = {}
    for name, role in CLUSTERS.items():
        files[name] = folder / name
        files[name].touch(mode=0o600)
        files[name].write_text(made[name]["kubeconfig"])
        own = {"platform": "existing", "kubeconfig": str(files[name]), "apiServer": made[name]["apiServer"]}
        listed.append({"name": name, "role": role, "network": f"network-{name}", **own})
    # The one that leaves has a token that ends, which must go with it whatever else is gone.
    listed[list(CLUSTERS).index("west")]["remoteCredential"] = {"kind": "bound"}
    # A verification of a mesh whose primary is gone would only take its time.
    kept = {"certificateAuthority": {"source": "existing"}}
    environment = Environment(settings={"clusters": listed, "verify": False, **kept})
    root = authority("Somebody else", 365)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ISTIO}}
    for body in (json.dumps(namespace), cacerts(root)[1]):
        put = ("kubectl", "--kubeconfig", files["east"], "apply", "--server-side", "--field-manager", KEEPER, "-f", "-")
        ran = environment.run(*put, stdin=body)
        assert ran.code == 0, ran.talk
    try:
        endpoints = environment.up()["endpoints"]
        (primary,) = [one for one in endpoints if one["role"] == "primary"]
        gateway = primary["eastWestGateway"]["address"]
        yield Trio(environment=environment, files=files, suffix=bare.suffix, gateway=gateway, root=root)
    finally:
        environment.remove()


@pytest.fixture
def trio(standing: Trio) -> Iterator[Trio]:
    """The mesh, which is whole again afterwards."""
    listed = standing.environment.stack_file.read_text()
    yield standing
    for name in CLUSTERS:
        begin(standing, name)
    standing.kubectl("west", "-n", ISTIO, "patch", "configmap", "held", "--type", "merge", "-p", RELEASED)
    standing.kubectl("west", "delete", "namespace", "shop", "--ignore-not-found")
    standing.environment.stack_file.write_text(listed)
    standing.environment.up()


HELD = {
    "apiVersion": "v1", "kind": "ConfigMap",
    "metadata": {"name": "held", "namespace": ISTIO, "finalizers": ["tether.test/nobody"]},
}  # fmt: skip
RELEASED = json.dumps({"metadata": {"finalizers": None}})


def end(trio: Trio, cluster: str) -> None:
    """Have a cluster be gone, as far as anybody can tell."""
    runtime("stop", "--time", "1", trio.node(cluster))


def give_up(trio: Trio, gone: str) -> Ran:
    """Have the west leave while a cluster is gone, which must be asked for."""
    end(trio, gone)
    ran = trio.remove("--yes")
    assert ran.code == 3, ran.talk
    assert "--unreachable" in ran.stderr
    ran = trio.remove("--yes", "--unreachable")
    assert ran.code == 0, ran.talk
    return ran


def wake(trio: Trio, cluster: str) -> None:
    """Have it back, and wait until its API server answers."""
    runtime("start", trio.node(cluster))
    until(
        f"{cluster} answers", lambda: trio.kubectl(cluster, "get", "--raw", "/readyz").code == 0, seconds=START_SECONDS
    )


def begin(trio: Trio, cluster: str) -> None:
    """The same, and wait for istiod where that is, through its gateway."""
    wake(trio, cluster)
    if CLUSTERS[cluster] == "primary":
        name = f"istiod.{ISTIO}.svc"
        until(
            "istiod answers",
            lambda: greet(trio.gateway, XDS_PORT, name, "").outcome is Outcome.OK,
            seconds=START_SECONDS,
        )


def put_shop(trio: Trio) -> None:
    """A namespace that is injected into, with one workload; its image need not exist to be injected into."""
    trio.do("west", "create", "namespace", "shop")
    trio.do("west", "label", "namespace", "shop", "istio-injection=enabled")
    trio.do("west", "-n", "shop", "create", "deployment", "web", "--image", "registry.test/none:1")
    until("the webhook injects", lambda: "istio-proxy" in proxies(trio), seconds=START_SECONDS)


def proxies(trio: Trio) -> str:
    path = "{.items[*].spec['initContainers','containers'][*].name}"
    return trio.do("west", "-n", "shop", "get", "pods", "-o", f"jsonpath={path}")


@dataclass
class Asking:
    """Asks an API server for a pod again and again; a dry run calls the webhooks and keeps nothing."""

    trio: Trio
    refusals: list[str] = field(default_factory=list[str])
    admitted: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Asking":
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.3):
            ran = self.trio.kubectl("west", "create", "--dry-run=server", "-f", "-", stdin=json.dumps(POD))
            if ran.code:
                self.refusals.append(ran.stderr)
            else:
                self.admitted += 1


@pytest.mark.timeout(1200)
def test_a_remote_leaves_without_a_refused_pod_and_comes_back_while_the_others_lose_no_request(trio: Trio) -> None:
    put_shop(trio)
    listed = trio.remove("--dry-run")
    assert listed.code == 0, listed.talk
    assert "Deployment shop/web" in listed.stdout
    refused = trio.remove("--yes")
    assert refused.code == 3, refused.talk
    assert "name: west" in trio.environment.stack_file.read_text()

    trio.do("west", "label", "namespace", "shop", "istio-injection-")
    trio.do("west", "-n", "shop", "rollout", "restart", "deployment/web")
    trio.do("west", "-n", "shop", "delete", "pods", "--all", "--wait=true")
    until("new pods have no proxy", lambda: "istio-proxy" not in proxies(trio), seconds=START_SECONDS)
    trio.do("west", "label", "namespace", "shop", "istio-injection=enabled", "--overwrite")
    with traffic.between({name: file for name, file in trio.files.items() if name != "west"}) as crossing:
        with Asking(trio) as asking, crossing.during("a remote left"):
            ran = trio.remove("--yes")
        assert ran.code == 0, ran.talk
        assert asking.refusals == []
        assert asking.admitted > 3
        trio.assert_the_west_is_out()
        ran = trio.environment.pulumi("preview", "--expect-no-changes")
        assert ran.code == 0, ran.talk
        assert trio.environment.run(TETHER, "doctor").code == 0

        kept = PROJECT / ".tether" / "removals" / trio.environment.stack / "west"
        assert [path.name for path in kept.iterdir()] == [trio.environment.stack_file.name]
        shutil.copyfile(kept / trio.environment.stack_file.name, trio.environment.stack_file)
        with crossing.during("a remote came"):
            assert {one["cluster"] for one in trio.environment.up()["endpoints"]} == set(CLUSTERS)


@pytest.mark.timeout(1200)
def test_a_stuck_release_does_not_keep_a_remote(trio: Trio) -> None:
    record = json.loads(trio.do("west", "-n", ISTIO, "get", "secret", "sh.helm.release.v1.istiod.v1", "-o", "json"))
    labels = {**record["metadata"]["labels"], "version": "2", "status": "pending-upgrade"}
    record["metadata"] = {"name": "sh.helm.release.v1.istiod.v2", "namespace": ISTIO, "labels": labels}
    trio.do("west", "create", "-f", "-", stdin=json.dumps(record))
    ran = trio.remove("--yes")
    assert ran.code == 0, ran.talk
    assert "stuck in pending-upgrade" in ran.stderr
    trio.assert_the_west_is_out()


@pytest.mark.timeout(1500)
def test_finalizers_that_nobody_serves_are_named_and_taken_off_by_force(trio: Trio) -> None:
    trio.do("west", "create", "-f", "-", stdin=json.dumps(HELD))
    ran = trio.remove("--yes")
    assert ran.code == 1, ran.talk
    assert "ConfigMap held waits for tether.test/nobody" in ran.stderr
    ran = trio.remove("--yes", "--force")
    assert ran.code == 0, ran.talk
    trio.assert_the_west_is_out()


@pytest.mark.timeout(1500)
def test_a_remote_that_is_gone_is_given_up_and_cleaned_when_it_is_back(trio: Trio) -> None:
    give_up(trio, "west")
    trio.assert_the_engine_has_forgotten_it()

    begin(trio, "west")
    ran = trio.remove("--yes", "--force")
    assert ran.code == 0, ran.talk
    trio.assert_the_west_is_out()


def test_an_authority_that_somebody_else_renews_is_taken_over_and_never_written(standing: Trio) -> None:
    certificate = standing.renew_authority()
    assert standing.environment.pulumi("preview", "--expect-no-changes").code != 0
    standing.environment.up()
    assert standing.environment.output("mesh")["intermediateCertificateFingerprint"] == forms.fingerprint(certificate)
    shown = ("get", "secret", "cacerts", "--show-managed-fields", "-o", "json")
    found = json.loads(standing.do("east", "-n", ISTIO, *shown))
    assert base64.b64decode(found["data"]["ca-cert.pem"]).decode() == certificate
    assert {one["manager"] for one in found["metadata"]["managedFields"]} == {KEEPER}


@pytest.mark.last
@pytest.mark.timeout(1500)
def test_a_remote_leaves_a_primary_that_is_gone_and_then_the_whole_mesh_goes(standing: Trio) -> None:
    ran = give_up(standing, "east")
    assert standing.left("west") == []
    standing.assert_the_engine_has_forgotten_it()
    told = f"-n {ISTIO} delete secret istio-remote-secret-west"
    assert told in " ".join(ran.stderr.split())

    refused = standing.environment.run(TETHER, "down", "--yes")
    assert refused.code == 3, refused.talk
    assert "--unreachable" in refused.stderr
    ran = standing.environment.run(TETHER, "down", "--yes", "--unreachable")
    assert ran.code == 0, ran.talk
    assert standing.left("north") == []
    assert standing.environment.state() == []

    wake(standing, "east")
    standing.do("east", *told.split())
    # The tests have no helm, so that what its command removes is not looked for.
    by_hand = [line.strip() for line in ran.stderr.splitlines() if line.strip().startswith("kubectl --kubeconfig")]
    assert by_hand
    for line in by_hand:
        done = standing.environment.run("sh", "-c", f"{line} --ignore-not-found" if " delete " in line else line)
        assert done.code == 0, done.talk
    kept = standing.do("east", "-n", ISTIO, "get", "secrets", "-o", "name").split()
    assert "secret/cacerts" in kept, "it is somebody else's"
    assert not [name for name in kept if "istio-remote-secret" in name]
