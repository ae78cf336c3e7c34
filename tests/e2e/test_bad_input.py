"""What a user gets for bad input: one clear error, an exit code, and nothing created."""

import copy
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import Mesh
from tests.e2e.environment import TETHER, Environment, Ran

PRIMARY = {"name": "cluster1", "role": "primary", "network": "network1"}
REMOTE = {"name": "cluster2", "role": "remote", "network": "network2"}
EXISTING = {**REMOTE, "platform": "existing", "kubeconfig": "kubeconfig.yaml"}


@pytest.fixture
def bad() -> Iterator[Any]:
    made: list[Environment] = []

    def run(settings: dict[str, Any]) -> Ran:
        environment = Environment(settings=settings)
        made.append(environment)
        ran = environment.run(TETHER, "up")
        assert environment.state() == [], "nothing is created"
        return ran

    yield run
    for environment in made:
        environment.remove()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"meshIdd": "mesh1"}, ["tether:meshIdd", "meshId"]),
        ({"clusters": [PRIMARY, {**REMOTE, "netwrok": "x"}]}, ["netwrok", "network"]),
        ({"clusters": [PRIMARY, {**REMOTE, "name": "cluster1"}]}, ["cluster1", "name"]),
        ({"clusters": [{**PRIMARY, "role": "remote"}, REMOTE]}, ["primary"]),
        ({"clusters": [PRIMARY, {**REMOTE, "role": "primary"}]}, ["primary", "cluster2"]),
        ({"clusters": [PRIMARY, {**REMOTE, "network": "network1"}]}, ["network1", "network"]),
        ({"clusters": [PRIMARY, EXISTING]}, ["apiServer"]),
        ({"clusters": [PRIMARY, {**EXISTING, "apiServer": "https://127.0.0.1:6443"}]}, ["apiServer", "127.0.0.1"]),
        ({"clusters": [PRIMARY, {**EXISTING, "apiServer": "http://10.0.0.1:6443"}]}, ["apiServer", "https"]),
        ({"clusters": [PRIMARY]}, ["clusters", "remote"]),
    ],
    ids=[
        "a misspelt setting",
        "a misspelt key of a cluster",
        "two clusters of one name",
        "no primary",
        "two primaries",
        "one network for both sides",
        "a remote without API address",
        "a loopback API address",
        "an API address without TLS",
        "no remote",
    ],
)
def test_settings_are_refused_with_the_key_and_the_command_that_mends_it(
    bad: Any, settings: dict[str, Any], told: list[str]
) -> None:
    ran = bad(settings)
    assert ran.code == 2, ran.talk
    assert all(word in ran.stderr for word in told), ran.stderr
    assert "pulumi config" in ran.stderr
    assert "Traceback" not in ran.talk


def test_all_mistakes_are_told_at_once(bad: Any) -> None:
    clusters: list[dict[str, Any]] = copy.deepcopy([PRIMARY, {**REMOTE, "name": "Cluster_2"}])
    ran = bad({"meshIdd": "x", "verify": "perhaps", "clusters": clusters})
    assert all(word in ran.stderr for word in ("meshIdd", "verify", "Cluster_2")), ran.stderr


def test_the_engine_refuses_the_same_when_it_is_called_by_hand() -> None:
    environment = Environment(settings={"meshIdd": "mesh1"})
    try:
        assert environment.pulumi("stack", "init", environment.stack).code == 0
        ran = environment.pulumi("preview")
        assert ran.code != 0
        assert "tether:meshIdd" in ran.talk
        assert "Traceback" not in ran.talk
    finally:
        environment.remove()


def test_a_port_that_is_taken_is_found_before_anything_is_made(bad: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        remote = {**REMOTE, "kindConfig": {"networking": {"apiServerPort": port}}}
        ran = bad({"clusters": [PRIMARY, remote]})
    assert ran.code == 3, ran.talk
    assert str(port) in ran.stderr


def test_a_wrong_passphrase_changes_nothing(mesh: Mesh) -> None:
    before = mesh.environment.state()
    ran = mesh.environment.run(
        TETHER, "up", environment={"PULUMI_CONFIG_PASSPHRASE": "wrong", "PULUMI_CONFIG_PASSPHRASE_FILE": ""}
    )
    assert ran.code == 2, ran.talk
    assert "PULUMI_CONFIG_PASSPHRASE" in ran.stderr
    assert mesh.environment.state() == before


def test_what_a_standing_mesh_cannot_follow_is_refused_at_once_before_anything_is_changed(mesh: Mesh) -> None:
    environment = mesh.environment
    written, before = environment.stack_file.read_text(), environment.state()
    changed = yaml.safe_load(written)
    config = changed["config"]
    config["tether:exposure"] = {"serviceType": "NodePort"}
    config["tether:istioNamespace"] = "mesh-system"
    config["tether:certificateAuthority"] = {"algorithm": "rsa-4096"}
    config["tether:clusters"][1]["podCidr"] = "10.20.0.0/16"
    roles = [one["role"] for one in config["tether:clusters"]]
    for cluster, role in zip(config["tether:clusters"], reversed(roles), strict=True):
        cluster["role"] = role
    try:
        environment.stack_file.write_text(yaml.safe_dump(changed))
        ran = environment.run(TETHER, "up")
        assert environment.state() == before
        by_hand = environment.pulumi("up", "--yes", "--skip-preview")
    finally:
        environment.stack_file.write_text(written)
    assert ran.code == 2, ran.talk
    assert by_hand.code != 0, by_hand.talk
    for said in (ran.stderr, by_hand.talk):
        assert "tether:exposure.serviceType = NodePort" in said
        assert "pulumi config set --path 'tether:exposure.serviceType' LoadBalancer" in said
        assert "gateway of cluster1, cluster2 is a LoadBalancer in it" in said
        assert "tether:istioNamespace = mesh-system" in said
        assert "its root certificate was made with ecdsa-p256" in said
        assert "tether:clusters[0].role = remote" in said
        assert "cluster2 is a remote in it" in said
        assert "tether:clusters[1].podCidr = 10.20.0.0/16" in said
    assert mesh.environment.up()["changes"] == 0
