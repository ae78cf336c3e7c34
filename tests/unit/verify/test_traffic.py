"""The traffic of the end-to-end tests: what it must not pass over."""

from typing import Any, cast

import pytest

from tests.e2e.traffic import ROUND, Traffic
from tests.unit.doctor.fake_cluster import FakeCluster
from tether.mesh import Cluster, Member
from tether.topology import Role
from tether.verify import client, crossing
from tether.verify.client import Sample
from tether.verify.echo import Answer
from tether.verify.matrix import Protocol

GOOD = Answer(status="200", cluster="north")
ANSWERED = Sample(requests=ROUND, answers=(GOOD,) * ROUND)
LOST = Sample(requests=ROUND, failed=1, error="no healthy upstream")
EAST, NORTH = (
    Cluster(member=Member(name=name, role=role, kubeconfig=""), api=cast("Any", FakeCluster(name)))
    for name, role in (("east", Role.PRIMARY), ("north", Role.REMOTE))
)


class FakeStand:
    def asker(self, cluster: Cluster) -> str:
        return cluster.name

    def service(self, cluster: Cluster) -> str:
        return f"echo-{cluster.name}"


@pytest.fixture
def traffic() -> Traffic:
    way = next(way for way in crossing.directions([EAST, NORTH], [Protocol.HTTP]) if way.source is EAST)
    return Traffic(cast("Any", FakeStand()), {way: []})


def answer(monkeypatch: pytest.MonkeyPatch, traffic: Traffic, *samples: Sample) -> None:
    """Have the rounds end so, and the traffic with the last of them."""
    left = list(samples)

    def ask(*asked: object, patience: float) -> Sample:
        assert patience > client.PATIENCE, "late is not lost"
        assert asked[2] == "echo-north"
        sample = left.pop(0)
        if not left:
            traffic.over.set()
        return sample

    monkeypatch.setattr(client, "ask", ask)


def test_requests_that_were_all_answered_are_proof(monkeypatch: pytest.MonkeyPatch, traffic: Traffic) -> None:
    answer(monkeypatch, traffic, ANSWERED, ANSWERED)
    with traffic.during("a remote left"):
        traffic.send(EAST)
    assert traffic.losses == []


def test_one_lost_request_is_not_made_up_for_by_later_ones(monkeypatch: pytest.MonkeyPatch, traffic: Traffic) -> None:
    answer(monkeypatch, traffic, ANSWERED, LOST, ANSWERED, ANSWERED)
    with pytest.raises(AssertionError, match="while a remote left"), traffic.during("a remote left"):
        traffic.send(EAST)
    assert traffic.losses == ["east → north, http: 1 failed: no healthy upstream"]


def test_a_change_that_no_whole_round_fell_into_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, traffic: Traffic
) -> None:
    answer(monkeypatch, traffic, ANSWERED)
    with pytest.raises(AssertionError, match="too few rounds"), traffic.during("a remote left"):
        traffic.send(EAST)


@pytest.mark.parametrize("reason", client.NEVER_SENT)
def test_what_was_never_sent_is_neither_lost_nor_proof(
    monkeypatch: pytest.MonkeyPatch, traffic: Traffic, reason: str
) -> None:
    """Observed: one of 7000 requests, when a fourth control plane started on two processors."""
    unsent = Sample(requests=ROUND, failed=1, error=reason)
    answer(monkeypatch, traffic, ANSWERED, unsent, unsent)
    with pytest.raises(AssertionError, match="too few rounds"), traffic.during("a remote came"):
        traffic.send(EAST)
    assert traffic.losses == []


def test_answers_of_another_cluster_are_lost_requests(monkeypatch: pytest.MonkeyPatch, traffic: Traffic) -> None:
    own = Sample(requests=ROUND, answers=(Answer(status="200", cluster="east"),) * ROUND)
    answer(monkeypatch, traffic, own)
    traffic.send(EAST)
    assert traffic.losses == ["east → north, http: 25 answered by east"]


def test_what_was_lost_before_proxies_knew_the_way_does_not_count(
    monkeypatch: pytest.MonkeyPatch, traffic: Traffic
) -> None:
    def at_once(_: float) -> None:
        return

    monkeypatch.setattr("time.sleep", at_once)
    answer(monkeypatch, traffic, LOST, ANSWERED)
    traffic.settle()
    assert traffic.losses == []
