"""An archive of a real mesh: what somebody who was not there needs, and none of the secrets that were planted."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.archives import inside
from tests.e2e.breaking.lab import ISTIO, PRIMARY, REMOTE
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, Environment, Ran, until
from tether import kubeconfig

PLANTED = "Gu7-planted-password"
ENCODED = base64.b64encode(PLANTED.encode()).decode()
NAMESPACE = "tether-diagnose"
LOG_SECONDS = 60


@pytest.fixture(scope="module")
def mesh_with_secrets(mesh: Mesh) -> Iterator[Environment]:
    """A workload that was given a password and tells it everywhere."""
    image = mesh.environment.get(PRIMARY, "-n", ISTIO, "deployment", "istiod")
    meta = {"namespace": NAMESPACE, "annotations": {"note": f"the password is {PLANTED}"}}
    container = {
        "name": "teller",
        "image": image["spec"]["template"]["spec"]["containers"][0]["image"],
        # It does not know the command, says so with all of its words, and ends.
        "args": [f"say-{PLANTED}"],
        "env": [
            {"name": "DB_PASSWORD", "value": "other-planted-password"},
            {"name": "URL", "value": f"u:{PLANTED}@db"},
        ],
    }
    things = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {**meta, "name": "database"},
         "stringData": {"password": PLANTED}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "name": "teller"},
         "spec": {"restartPolicy": "Never", "containers": [container]}},
    ]  # fmt: skip
    file = mesh.environment.kubeconfig(REMOTE)
    told = ("-n", NAMESPACE, "logs", "teller", "-c", "teller")
    try:
        for thing in things:
            ran = mesh.environment.run("kubectl", "--kubeconfig", file, "create", "-f", "-", stdin=json.dumps(thing))
            assert ran.code == 0, ran.talk
        until(
            "the workload tells its password",
            lambda: PLANTED in mesh.environment.kubectl(REMOTE, *told).stdout,
            seconds=LOG_SECONDS,
        )
        yield mesh.environment
    finally:
        mesh.environment.kubectl(REMOTE, "delete", "namespace", NAMESPACE, "--ignore-not-found")


@pytest.fixture(scope="module")
def made(mesh_with_secrets: Environment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Mapping[str, str]]:
    """What the command said, and the files of its archive."""
    out = tmp_path_factory.mktemp("diagnose") / "mesh.tar.gz"
    ran = mesh_with_secrets.run(TETHER, "diagnose", "--out", out)
    assert ran.code == 0, ran.talk
    assert ran.stdout == f"{out}\n"
    return ran, inside(out)


def secrets_of(environment: Environment) -> set[str]:
    """What lets somebody in: of this test, of the clusters, of the remote secret and of the state."""
    known = {PLANTED, ENCODED, "other-planted-password", (PROJECT / ".tether" / "passphrase").read_text().strip()}
    for cluster in (PRIMARY, REMOTE):
        known |= {*kubeconfig.credentials_in(environment.kubeconfig(cluster).read_text())}
    held = environment.get(PRIMARY, "-n", ISTIO, "secret", f"istio-remote-secret-{REMOTE}")["data"][REMOTE]
    known |= {held, str(yaml.safe_load(base64.b64decode(held))["users"][0]["user"]["token"])}
    key = environment.get(PRIMARY, "-n", ISTIO, "secret", "cacerts")["data"]["ca-key.pem"]
    return known | {key, base64.b64decode(key).decode()}


def test_no_secret_is_in_the_archive_or_in_what_the_command_says(
    mesh_with_secrets: Environment, made: tuple[Ran, Mapping[str, str]]
) -> None:
    ran, held = made
    for secret in secrets_of(mesh_with_secrets):
        for name, content in {**held, "what it said": ran.talk}.items():
            assert secret not in content, f"a secret of {len(secret)} characters is in {name}"
            assert json.dumps(secret)[1:-1] not in content, f"a secret of {len(secret)} characters is in {name}"


def test_what_is_needed_is_in_the_archive(made: tuple[Ran, Mapping[str, str]]) -> None:
    _, held = made
    manifest = json.loads(held["manifest.json"])
    assert [one for one in manifest["collectors"] if "error" in one] == []
    assert manifest["clusters"] == [PRIMARY, REMOTE]
    names = {name.rpartition("/")[2] for name in held}
    for cluster in (PRIMARY, REMOTE):
        assert {f"clusters/{cluster}/{name}.json" for name in ("events", "pods", "services", "nodes")} <= set(held)
        assert any(name.startswith(f"clusters/{cluster}/proxies/istio-eastwestgateway") for name in held)
    assert any(name.startswith(f"clusters/{PRIMARY}/logs/{ISTIO}/istiod-") for name in held)
    assert f"clusters/{REMOTE}/logs/{NAMESPACE}/teller/teller.log" in held
    assert {"config_dump.txt", "gateways.json"} <= names
    assert json.loads(held["doctor.json"])["findings"]
    assert json.loads(held[f"trace/{REMOTE}.json"])["steps"]
    assert json.loads(held["stack/state.json"])["deployment"]["resources"]
    assert {one["id"] for one in json.loads(held["istiod/clusterz.json"])} == {PRIMARY, REMOTE}
    events = [name for name in held if name.startswith("stack/events/")]
    assert events, "the run that made the mesh is told event by event"
    told = [json.loads(line) for name in events for line in held[name].splitlines()]
    assert any("resOutputsEvent" in event for event in told)


def test_of_a_stack_that_is_not_there_what_the_checkout_knows_is_collected(tmp_path: Path, mesh: Mesh) -> None:
    out = tmp_path / "none.tar.gz"
    ran = mesh.environment.run(TETHER, "diagnose", "--stack", "never-made", "--out", out)
    assert ran.code == 0, ran.talk
    held = inside(out)
    assert "machine.json" in held
    missing = {one["name"]: one["error"] for one in json.loads(held["manifest.json"])["collectors"] if "error" in one}
    assert "never-made" in missing["stack/settings"]
