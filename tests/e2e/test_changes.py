"""A mesh that stands takes other settings in one run, and those of before in another."""

from typing import Any

import yaml

from tests.e2e.breaking.lab import PRIMARY, REMOTE
from tests.e2e.conftest import Mesh
from tests.e2e.environment import TETHER, Environment

OTHER = {
    # Beside it there must be room for two istiods, on a node of two cores.
    "tether:ingressGateway": True,
    # On every pod, so that all of them are made anew while the Istio objects change.
    "tether:labels": {"team": "mesh"},
}
MOVED = "elsewhere"


def bring_up(environment: Environment, written: str) -> None:
    """Have other settings in force; the doctor and the engine find nothing to say right afterwards."""
    environment.stack_file.write_text(written)
    for command in ("up", "doctor", "drift"):
        ran = environment.run(TETHER, command)
        assert ran.code == 0, f"{command}: {ran.talk}"


def labels_of_pods(environment: Environment, cluster: str) -> set[str]:
    """What the label says on pods that stay."""
    staying = environment.staying(cluster, "-n", "istio-system", "pods")
    return {one["metadata"]["labels"].get("team", "") for one in staying}


def test_labels_an_ingress_gateway_and_another_network_come_and_go(mesh: Mesh) -> None:
    environment = mesh.environment
    before = environment.stack_file.read_text()
    held: dict[str, Any] = yaml.safe_load(before)
    clusters = [
        {**one, "network": MOVED} if one["name"] == REMOTE else one for one in held["config"]["tether:clusters"]
    ]
    try:
        bring_up(
            environment, yaml.safe_dump({**held, "config": {**held["config"], **OTHER, "tether:clusters": clusters}})
        )
        assert {cluster: labels_of_pods(environment, cluster) for cluster in (PRIMARY, REMOTE)} == {
            PRIMARY: {"mesh"},
            REMOTE: {"mesh"},
        }
        assert {one["cluster"]: one["network"] for one in environment.output("endpoints")}[REMOTE] == MOVED
    finally:
        bring_up(environment, before)
