import dataclasses
import threading
from typing import Any

import pytest

from tests.unit.verify.fake_mesh import FakeMesh, Faults
from tests.unit.wait.fake_clock import FakeClock
from tether import kube, wait
from tether.revision import Revision
from tether.verify import crossing
from tether.verify.matrix import Matrix, Mode, Proof, Protocol
from tether.verify.proving import TITLES, Plan, prove

BOTH = ("cluster1", "cluster2")
IDLE_SECONDS_OF_ECHO = 5
"""istio/istio pkg/test/echo/server/endpoint/util.go, idleTimeout."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs of fake proxies are complete at once or never."""
    monkeypatch.setattr(crossing, "_LOG_SECONDS", 0)


def plan(**other: Any) -> Plan:
    return dataclasses.replace(Plan(image="app", trust_domain="cluster.local", requests=4, timeout=3), **other)


ALL = tuple(Proof)


def proved(*names: str, only: tuple[Proof, ...] = ALL, faults: Faults | None = None) -> tuple[Matrix, FakeMesh]:
    world = FakeMesh(*(names or BOTH), faults=faults)
    return prove(world.mesh, plan(proofs=only), clock=FakeClock()), world


def wrong(matrix: Matrix, proof: Proof) -> list[str]:
    return [one.expectation for one in matrix.outcomes if one.proof is proof and one.wrong]


def test_a_healthy_mesh_is_proved_in_every_way() -> None:
    matrix, _ = proved()

    assert matrix.is_proved, matrix.complaints
    ways = {(cell.source, cell.destination, cell.protocol, cell.mode) for cell in matrix.cells}
    assert ways == {
        (a, b, protocol, mode) for a in BOTH for b in BOTH if a != b for protocol in Protocol for mode in Mode
    }
    for cell in matrix.cells:
        assert (cell.requests, cell.lost, cell.rounds) == (4, 0, 1)
        assert cell.client.endswith(f"/sa/echo-{cell.source}")
        assert cell.server.endswith(f"/sa/echo-{cell.destination}")
        assert cell.p50_ms is not None
        assert cell.max_ms is not None
        assert cell.p50_ms <= cell.max_ms
    assert {one.proof for one in matrix.outcomes} == {Proof.STRICT, Proof.AUTHORIZATION, Proof.FAILOVER}


def test_a_mesh_with_a_revision_is_proved_with_proxies_of_that_revision() -> None:
    world = FakeMesh(*BOTH)
    mesh = dataclasses.replace(world.mesh, revision=Revision("blue"))

    assert prove(mesh, plan(proofs=(Proof.HTTP,)), clock=FakeClock()).is_proved

    for cluster in world.clusters.values():
        (labels,) = [body["metadata"]["labels"] for _, body, _ in cluster.created if body["kind"] == "Namespace"]
        assert (labels["istio.io/rev"], "istio-injection" in labels) == ("blue", False)


@pytest.mark.parametrize("number", [3, 4])
def test_every_ordered_pair_of_many_clusters_is_asked(number: int) -> None:
    matrix, _ = proved(*(f"c{index}" for index in range(number)))

    assert matrix.is_proved, matrix.complaints
    assert len({(cell.source, cell.destination) for cell in matrix.cells}) == number * (number - 1)


def test_a_direction_that_does_not_cross_is_the_only_one_that_is_named() -> None:
    matrix, _ = proved(faults=Faults(unreachable={("cluster2", "cluster1")}))

    bad = [cell for cell in matrix.cells if cell.wrong]
    assert {(cell.source, cell.destination) for cell in bad} == {("cluster2", "cluster1")}
    tried = [cell for cell in bad if cell.requests]
    assert {cell.lost for cell in tried} == {4}
    assert {cell.mode for cell in tried} == {Mode.PERMISSIVE}
    assert all("port 15443 of it cannot be reached from cluster2" in cell.wrong for cell in tried)
    assert not matrix.is_proved


def test_what_failed_once_is_not_tried_in_another_way_and_proves_nothing() -> None:
    matrix, _ = proved(faults=Faults(unreachable={("cluster2", "cluster1")}))

    later = [cell for cell in matrix.cells if cell.mode is Mode.STRICT and cell.source == "cluster2"]
    assert len(later) == 3
    assert all((cell.requests, "not tried" in cell.wrong) == (0, True) for cell in later)
    untried = {(one.proof, one.source) for one in matrix.outcomes if not one.requests}
    assert untried == {(Proof.AUTHORIZATION, "cluster2"), (Proof.FAILOVER, "cluster2")}
    assert all(one.wrong for one in matrix.outcomes if not one.requests)


def test_a_single_lost_request_is_no_proof() -> None:
    matrix, _ = proved(only=(Proof.HTTP,), faults=Faults(lossy={("cluster1", "cluster2")}))

    (bad,) = [cell for cell in matrix.cells if cell.wrong]
    assert (bad.source, bad.lost) == ("cluster1", 1)
    assert "1 of 4 requests were lost" in bad.wrong


@pytest.mark.parametrize("protocol", list(Protocol))
def test_answers_without_identities_are_no_proof(protocol: Protocol) -> None:
    matrix, _ = proved(only=(Proof(protocol),), faults=Faults(no_identities=True))

    assert all("without the expected identities" in cell.wrong and cell.lost == 0 for cell in matrix.cells)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_an_identity_of_another_trust_domain_is_no_proof(protocol: Protocol) -> None:
    world = FakeMesh(*BOTH)
    matrix = prove(world.mesh, plan(proofs=(Proof(protocol),), trust_domain="acme.example"), clock=FakeClock())

    assert all("spiffe://acme.example/ns/" in cell.wrong for cell in matrix.cells)


def test_strict_mtls_that_is_not_in_force_is_no_proof() -> None:
    matrix, _ = proved(faults=Faults(lenient={"cluster2"}))

    assert wrong(matrix, Proof.STRICT) == ["with strict mTLS, plaintext is refused"] * 3
    strict = [cell for cell in matrix.cells if cell.mode is Mode.STRICT]
    assert {cell.destination for cell in strict if cell.wrong} == {"cluster2"}


def test_a_refusal_without_strict_mtls_makes_the_one_with_it_worthless() -> None:
    matrix, _ = proved(faults=Faults(hermetic=True))

    assert wrong(matrix, Proof.STRICT) == ["without strict mTLS, plaintext is answered"] * 6


@pytest.mark.parametrize(
    ("faults", "complaint"),
    [
        (Faults(blind=True), "the wrong identity is denied"),
        (Faults(silent_denial=True), "the wrong identity is denied"),
        (Faults(paranoid=True), "the right identity is let in"),
    ],
)
def test_a_policy_that_does_not_tell_identities_apart_is_no_proof(faults: Faults, complaint: str) -> None:
    matrix, _ = proved(faults=faults)

    assert wrong(matrix, Proof.AUTHORIZATION) == [complaint] * 6


@pytest.mark.parametrize(
    ("faults", "complaint"),
    [
        (Faults(no_failover=True), "with its own copy scaled to zero, another cluster answers"),
        (Faults(homesick=False), "with its own copy back, that one answers"),
        (Faults(no_locality=True), "with its own copy there, that one answers"),
    ],
)
def test_a_failover_that_does_not_happen_is_no_proof(faults: Faults, complaint: str) -> None:
    matrix, _ = proved(faults=faults)

    assert complaint in wrong(matrix, Proof.FAILOVER)
    assert not matrix.is_proved


def test_rounds_that_come_too_early_are_repeated_and_counted() -> None:
    matrix, _ = proved(faults=Faults(early_rounds=2))

    assert matrix.is_proved, matrix.complaints
    assert {cell.rounds for cell in matrix.cells} == {3}


def test_only_what_is_asked_for_is_proved_and_deployed() -> None:
    matrix, world = proved(only=(Proof.GRPC,))

    assert {(cell.protocol, cell.mode) for cell in matrix.cells} == {(Protocol.GRPC, Mode.PERMISSIVE)}
    assert matrix.outcomes == ()
    kinds = [(body["kind"], body["metadata"]["name"]) for _, body, _ in world.clusters["cluster1"].created]
    assert [name for kind, name in kinds if kind == "Deployment"] == ["echo"]
    configuration = {"PeerAuthentication", "Sidecar"}
    assert {kind for kind, _ in kinds} == {"Namespace", "Service", "ServiceAccount", "Deployment", *configuration}


def test_proxies_end_idle_connections_before_the_echo_application_does() -> None:
    """Observed: 503 with flag UC from the answering side's own proxy, now and then, with nothing wrong in the mesh."""
    _, world = proved()

    (spec,) = [body["spec"] for _, body, _ in world.clusters["cluster1"].created if body["kind"] == "Sidecar"]
    assert float(spec["inboundConnectionPool"]["http"]["idleTimeout"].removesuffix("s")) < IDLE_SECONDS_OF_ECHO
    assert spec["workloadSelector"] == {"labels": {"app": "echo"}}


@pytest.mark.parametrize("proof", [Proof.STRICT, Proof.AUTHORIZATION])
def test_a_proof_alone_is_made_over_every_protocol(proof: Proof) -> None:
    matrix, _ = proved(only=(proof,))

    assert matrix.is_proved
    assert {one.protocol for one in matrix.outcomes} == set(Protocol)


def test_configuration_lies_in_the_primary_alone() -> None:
    _, world = proved()

    istio = {"PeerAuthentication", "Sidecar", "EnvoyFilter", "DestinationRule", "AuthorizationPolicy"}
    made = {name: {body["kind"] for _, body, _ in world.clusters[name].created} & istio for name in BOTH}
    assert made == {"cluster1": istio, "cluster2": set()}


def namespaces_left(world: FakeMesh) -> list[str]:
    return [name for name, one in world.clusters.items() if f"/api/v1/namespaces/{world.namespace}" not in one.deleted]


def test_the_namespace_is_gone_from_every_cluster_afterwards() -> None:
    for faults in (Faults(), Faults(blind=True), Faults(unreachable={BOTH})):
        _, world = proved(faults=faults)
        assert namespaces_left(world) == []


def test_a_kept_namespace_is_marked_and_left_also_when_nothing_was_proved() -> None:
    world = FakeMesh(*BOTH, faults=Faults(blind=True))
    matrix = prove(world.mesh, plan(keep=True), clock=FakeClock())

    assert matrix.kept == world.namespace
    assert namespaces_left(world) == list(BOTH)
    for one in world.clusters.values():
        assert one.patched[-1] == (
            f"/api/v1/namespaces/{world.namespace}", {"metadata": {"labels": {"tether.verification/kept": "true"}}},
        )  # fmt: skip


@pytest.mark.parametrize("keep", [True, False])
def test_an_interrupted_verification_leaves_nothing(keep: bool) -> None:
    world, cancel = FakeMesh(*BOTH, faults=Faults(unreachable={BOTH})), threading.Event()
    world.clusters["cluster1"].before_ask = cancel.set

    with pytest.raises(wait.WaitCancelledError):
        prove(world.mesh, plan(keep=keep), cancel=cancel, clock=FakeClock())

    assert namespaces_left(world) == []


def test_what_cannot_be_deployed_is_the_one_complaint() -> None:
    world = FakeMesh(*BOTH)

    def refuse(path: str, body: kube.Object) -> kube.Object:
        if body["kind"] == "Deployment":
            raise kube.KubeError("deployments.apps is forbidden", 403)
        return body

    world.clusters["cluster2"].on_create = refuse
    matrix = prove(world.mesh, plan(), clock=FakeClock())

    (sentence,) = matrix.complaints
    assert "created in cluster2: deployments.apps is forbidden" in sentence
    assert not matrix.is_proved
    assert namespaces_left(world) == []


def test_what_was_seen_before_a_failure_is_kept() -> None:
    world = FakeMesh(*BOTH)

    def refuse(path: str, body: kube.Object) -> kube.Object:
        raise kube.KubeError("peerauthentications is forbidden", 403)

    world.clusters["cluster1"].on_patch = refuse
    matrix = prove(world.mesh, plan(), clock=FakeClock())

    assert "changed in cluster1: peerauthentications is forbidden" in matrix.wrong
    assert len(matrix.cells) == 6
    assert not matrix.is_proved


def test_every_proof_says_what_it_shows() -> None:
    assert set(TITLES) == set(Proof)
