"""``tether verify`` proves a real mesh, names what is broken in it, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.e2e.breakages import PRIMARY, REMOTE, Lab
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, Environment, runtime
from tether import parts
from tether.errors import ExitCode
from tether.verify import matrix
from tether.verify.matrix import Matrix, Mode, Proof, Protocol

CLUSTERS = (PRIMARY, REMOTE)
SECONDS = 60


def verify(environment: Environment, *options: str) -> tuple[int, Matrix]:
    ran = environment.run(TETHER, "verify", "--output", "json", *options)
    assert '"kind": "verification"' in ran.stdout, ran.talk
    return ran.code, matrix.read(json.loads(ran.stdout))


def left(environment: Environment) -> dict[str, list[str]]:
    return {name: environment.namespaces_of_the_verification(name) for name in CLUSTERS}


NOTHING: dict[str, list[str]] = {name: [] for name in CLUSTERS}


def names(environment: Environment, cluster: str) -> list[str]:
    """Namespaces of verifications, now."""
    listed = environment.staying(cluster, "namespaces", "--selector", "tether.verification")
    return [one["metadata"]["name"] for one in listed]


def drop_what_arrives(lab: Lab, cluster: str, port: int) -> None:
    """Have a cluster's node drop what comes from outside; its own pods' requests to others pass the same chain."""
    node, rule = lab.node(cluster), ["-i", "eth0", "-p", "tcp", "--dport", str(port), "-j", "DROP"]
    lab.at_the_end(lambda: runtime("exec", node, "iptables", "-t", "raw", "-D", "PREROUTING", *rule))
    runtime("exec", node, "iptables", "-t", "raw", "-I", "PREROUTING", *rule)


@pytest.fixture
def running(mesh: Mesh) -> Iterator[subprocess.Popen[str]]:
    """A verification that has begun in every cluster."""
    process = mesh.environment.start(TETHER, "verify")
    try:
        deadline = time.monotonic() + SECONDS
        while not all(names(mesh.environment, name) for name in CLUSTERS):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "the verification did not begin"
            time.sleep(0.5)
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=SECONDS)


def test_a_healthy_mesh_is_proved_in_every_way_and_left_as_it_was(mesh: Mesh) -> None:
    code, found = verify(mesh.environment)

    assert (code, found.complaints) == (0, ())
    assert len(found.cells) == 2 * len(Protocol) * len(Mode)
    for cell in found.cells:
        assert (cell.requests, cell.lost) == (20, 0)
        assert cell.p50_ms is not None
        assert cell.client.startswith("spiffe://cluster.local/ns/tether-verify-")
        assert cell.client.endswith(f"/sa/echo-{cell.source}")
        assert cell.server.endswith(f"/sa/echo-{cell.destination}")
    assert {one.proof for one in found.outcomes} == {Proof.STRICT, Proof.AUTHORIZATION, Proof.FAILOVER}
    away = [one for one in found.outcomes if "scaled to zero" in one.expectation]
    assert [(one.source, one.destination, one.seen) for one in away] == [
        (PRIMARY, REMOTE, f"20 answered by {REMOTE}"),
        (REMOTE, PRIMARY, f"20 answered by {PRIMARY}"),
    ]
    assert left(mesh.environment) == NOTHING
    ran = mesh.environment.pulumi("preview", "--refresh", "--expect-no-changes")
    assert ran.code == 0, ran.talk


def test_any_mesh_that_contexts_name_is_proved_with_an_image_that_is_named(mesh: Mesh, tmp_path: Path) -> None:
    contexts = tmp_path / "contexts"
    mesh.environment.write_contexts(contexts, CLUSTERS)
    ran = mesh.environment.run(
        TETHER, "verify", "--primary", PRIMARY, "--remote", REMOTE, "--kubeconfig", contexts, "--image",
        parts.read(PROJECT / parts.FILE).images.echo, "--only", "http", "--requests", "5", "--output", "junit",
    )  # fmt: skip
    assert ran.code == 0, ran.talk
    (suite,) = ElementTree.fromstring(ran.stdout)  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == (str(len(CLUSTERS)), "0")


def test_a_broken_direction_is_named_and_the_other_one_is_not(mesh: Mesh) -> None:
    lab = Lab(mesh.environment)
    try:
        drop_what_arrives(lab, PRIMARY, 15443)
        code, found = verify(mesh.environment, "--only", "http,tcp", "--timeout", "25", "--requests", "10")
    finally:
        lab.restore()

    assert (code, found.wrong) == (ExitCode.UNHEALTHY, "")
    by_way = {(cell.source, cell.protocol): cell for cell in found.cells}
    for protocol in (Protocol.HTTP, Protocol.TCP):
        assert by_way[PRIMARY, protocol].wrong == ""
        broken = by_way[REMOTE, protocol]
        assert (broken.requests, broken.lost, broken.client, broken.p50_ms) == (10, 10, "", None)
        assert broken.wrong.startswith(f"{REMOTE} → {PRIMARY}, {protocol}, permissive: 10 of 10 requests")
        assert "15443" in broken.wrong
    assert left(mesh.environment) == NOTHING


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_verification_removes_what_it_made(
    mesh: Mesh, running: subprocess.Popen[str], number: signal.Signals
) -> None:
    os.kill(running.pid, number)
    talk = running.communicate(timeout=SECONDS)[0]

    assert running.returncode == 128 + number, talk
    assert left(mesh.environment) == NOTHING


def test_a_killed_verification_is_cleaned_up_after_and_a_live_one_is_not_touched(
    mesh: Mesh, running: subprocess.Popen[str]
) -> None:
    environment = mesh.environment
    alive = environment.run(TETHER, "verify", "--clean")
    assert alive.code == 0, alive.talk
    assert alive.stdout.count(f"left alone: process {running.pid} on") == len(CLUSTERS)
    assert all(names(environment, name) for name in CLUSTERS)

    os.kill(running.pid, signal.SIGKILL)
    running.communicate(timeout=SECONDS)
    assert all(names(environment, name) for name in CLUSTERS)
    foreseen = environment.run(TETHER, "verify", "--clean", "--dry-run")
    assert foreseen.stdout.count(f"would be removed: process {running.pid} on") == len(CLUSTERS)
    assert all(names(environment, name) for name in CLUSTERS)

    done = environment.run(TETHER, "verify", "--clean")
    assert done.code == 0, done.talk
    assert done.stdout.count("removed: ") == len(CLUSTERS)
    assert left(environment) == NOTHING


def test_a_kept_namespace_outlives_the_next_verification_until_it_is_cleaned(mesh: Mesh) -> None:
    environment = mesh.environment
    ran = environment.run(TETHER, "verify", "--only", "http", "--keep", "--output", "json")
    kept = matrix.read(json.loads(ran.stdout)).kept
    assert ran.code == 0, ran.talk
    assert f"Namespace {kept} was left in 2 clusters" in ran.stderr
    assert "tether verify --clean" in ran.stderr

    code, _ = verify(environment, "--only", "http")
    assert code == 0
    for name in CLUSTERS:
        assert kept in names(environment, name)
        pods = environment.get(name, "pods", "--namespace", kept)["items"]
        assert [one["metadata"]["labels"]["app"] for one in pods] == ["echo"]

    done = environment.run(TETHER, "verify", "--clean")
    assert done.stdout.count(f"{kept}  removed: left for looking") == len(CLUSTERS)
    assert left(environment) == NOTHING
