"""Runs that end too early, and what the next one makes of them."""

import json
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.environment import TETHER, Environment, runtime, things_of, until

PATIENCE = 120.0


@pytest.fixture
def environment() -> Iterator[Environment]:
    made = Environment()
    suffix = ""
    try:
        yield made
        suffix = made.suffix
    finally:
        made.remove("make", "--no-print-directory", "down")
    assert not suffix or things_of(suffix) == []


def nodes(environment: Environment) -> list[str]:
    """Nodes that run; none before the environment has its name."""
    suffix = environment.suffix
    return [name for name in runtime("ps", "--format", "{{.Names}}") if suffix and f"-{suffix}-control-plane" in name]


def test_ctrl_c_while_clusters_start_leaves_nothing_after_down(environment: Environment) -> None:
    running = environment.start(TETHER, "up")
    until("a node starts", lambda: nodes(environment), seconds=PATIENCE, pause=0.2)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1, said
    assert "make up" in said
    assert nodes(environment) == [], "a cancelled create leaves no node behind"
    suffix = environment.suffix
    ran = environment.run(TETHER, "down", "--yes", "--force")
    assert ran.code == 0, ran.talk
    assert environment.state() == []
    assert not suffix or things_of(suffix) == []


@pytest.mark.timeout(900)
def test_a_killed_up_goes_on_and_a_cluster_deleted_by_hand_is_made_anew(environment: Environment) -> None:
    running = environment.start(TETHER, "up")
    until("both nodes start", lambda: len(nodes(environment)) == 2, seconds=PATIENCE, pause=0.2)
    running.kill()
    running.communicate()

    result = environment.up()
    assert result["verification"]["answers"]["cluster2"]["cluster1"] > 0

    suffix = environment.suffix
    remote = f"cluster2-{suffix}"
    assert environment.run("kind", "delete", "cluster", "--name", remote).code == 0
    assert environment.pulumi("refresh", "--yes", "--skip-preview").code == 0
    recorded = [resource["id"] for resource in environment.state() if resource["type"] == "tether:index:Cluster"]
    assert recorded == [f"cluster1-{suffix}"]

    repaired = environment.up()
    assert repaired["changes"] > 0
    assert environment.get("cluster2", "nodes")["items"]
    ran = environment.run(TETHER, "down", "--dry-run")
    assert ran.code == 0
    assert f"container {remote}-control-plane" in ran.stdout
    assert json.loads(environment.pulumi("stack", "output", "--json").stdout)["clusters"] == ["cluster1", "cluster2"]
