import dataclasses
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.kube.fake_api import FakeApi, pod
from tests.unit.wait.fake_clock import FakeClock
from tether import kube, wait
from tether.revision import Revision
from tether.verify import echo, judgement, reaper, run

BOTH = ("cluster1", "cluster2")


def answer(number: int, namespace: str, source: str, target: str, *, identity: bool = True, status: int = 200) -> str:
    """What the echo client prints for one request."""
    spiffe = f"spiffe://cluster.local/ns/{namespace}/sa/echo-"
    lines = [
        f"[{number}] Url=http://echo:80/",
        f"[{number}] StatusCode={status}",
        f"[{number}] ResponseHeader=Server:envoy",
    ]
    if status == 200:
        lines += [f"[{number} body] ServiceVersion={target}", f"[{number} body] Cluster={target}"]
    if status == 200 and identity:
        element = f'By={spiffe}{target};Hash=00;Subject="O=a,CN=b";URI={spiffe}{source}'
        lines.append(f"[{number} body] RequestHeader=X-Forwarded-Client-Cert:{element}")
    return "\n".join(lines)


def answers(namespace: str, source: str, targets: Sequence[str], **how: bool) -> str:
    return "\n".join(answer(number, namespace, source, target, **how) for number, target in enumerate(targets))


def test_answers_are_read_out_of_the_client_s_output() -> None:
    output = "2026-01-01 info noise\n" + answers("ns", "cluster1", ["cluster1", "cluster2"])

    first, second = echo.read_answers(output)

    assert (first.status, first.cluster) == ("200", "cluster1")
    assert second.client == "spiffe://cluster.local/ns/ns/sa/echo-cluster1"
    assert second.server == "spiffe://cluster.local/ns/ns/sa/echo-cluster2"


def test_the_last_element_of_a_forwarded_certificate_counts() -> None:
    line = (
        "[0 body] RequestHeader=X-Forwarded-Client-Cert:By=spiffe://old;URI=spiffe://older,By=spiffe://b;URI=spiffe://a"
    )

    (found,) = echo.read_answers(line)

    assert (found.client, found.server) == ("spiffe://a", "spiffe://b")


@given(st.text())
def test_any_output_is_read_without_an_error(output: str) -> None:
    echo.tally(echo.read_answers(output))


def test_answers_are_counted_by_cluster_and_refusals_by_status() -> None:
    output = answer(0, "ns", "cluster1", "cluster2") + "\n" + answer(1, "ns", "cluster1", "", status=503)

    found = echo.tally(echo.read_answers(output))

    assert found.clusters == {"cluster2": 1}
    assert found.refused == {"503": 1}


def expectation(requests: int = 4) -> judgement.Expectation:
    return judgement.Expectation(BOTH, "ns", "cluster.local", requests)


def seen(source: str, targets: Sequence[str], **how: bool) -> echo.Tally:
    return echo.tally(echo.read_answers(answers("ns", source, targets, **how)))


EVEN = ["cluster1", "cluster2", "cluster1", "cluster2"]


def test_a_round_in_which_everybody_answered_everybody_is_a_proof() -> None:
    assert judgement.complaint(expectation(), {name: seen(name, EVEN) for name in BOTH}) == ""


def test_one_silent_direction_is_named() -> None:
    sentence = judgement.complaint(
        expectation(), {"cluster1": seen("cluster1", EVEN), "cluster2": seen("cluster2", ["cluster2"] * 4)}
    )

    assert sentence.startswith("cluster2 → cluster1: none of 4 requests was answered there (4 by cluster2)")
    assert "no endpoints of cluster1" in sentence


def test_refusals_point_at_the_gateway() -> None:
    half = echo.Tally({"cluster1": 2}, {"503": 2})

    sentence = judgement.complaint(expectation(), {"cluster1": half, "cluster2": seen("cluster2", EVEN)})

    assert "2 with status 503" in sentence
    assert "15443" in sentence


def test_a_single_lost_request_is_not_a_proof() -> None:
    lost = echo.Tally({"cluster1": 2, "cluster2": 1}, {"503": 1})

    sentence = judgement.complaint(expectation(), {"cluster1": lost, "cluster2": seen("cluster2", EVEN)})

    assert "3 of 4 requests were answered" in sentence


def test_answers_without_identity_are_not_a_proof() -> None:
    sentence = judgement.complaint(
        expectation(), {"cluster1": seen("cluster1", EVEN, identity=False), "cluster2": seen("cluster2", EVEN)}
    )

    assert "without the expected identities" in sentence
    assert "the asking side as nobody" in sentence


def test_an_identity_of_another_trust_domain_is_not_a_proof() -> None:
    other = judgement.Expectation(BOTH, "ns", "acme.example", 4)

    sentence = judgement.complaint(other, {name: seen(name, EVEN) for name in BOTH})

    assert "spiffe://acme.example/ns/ns/sa/echo-cluster1" in sentence


def test_requests_that_could_not_be_sent_are_said_so() -> None:
    sentence = judgement.complaint(
        expectation(), {"cluster1": "container not found", "cluster2": seen("cluster2", EVEN)}
    )

    assert sentence == "requests could not be sent from cluster1: container not found"


class FakeCluster(FakeApi):
    """A cluster in which the echo application runs at once."""

    def __init__(self, name: str, targets: Callable[[], Sequence[str]], **how: bool) -> None:
        super().__init__()
        self.name = name
        self.targets = targets
        self.how = how
        self.namespaces: list[str] = []
        self.objects["/api/v1/namespaces"] = {"items": []}
        self.on_create = self.accept
        self.on_execute = self.ask

    def accept(self, path: str, body: kube.Object) -> kube.Object:
        if path == "/api/v1/namespaces":
            namespace = body["metadata"]["name"]
            self.namespaces.append(namespace)
            self.objects[f"/api/v1/namespaces/{namespace}/pods"] = {"items": [pod("echo-1")]}
        return body

    def ask(self, pod_name: str, command: Sequence[str]) -> kube.Executed:
        assert command[0] == "client"
        return kube.Executed(answers(self.namespaces[-1], self.name, self.targets(), **self.how), "", 0)


def sides(**clusters: FakeCluster) -> list[run.Side]:
    return [run.Side(name, cluster) for name, cluster in clusters.items()]


PLAN = run.Plan(image="echo", requests=4, timeout=30)


def test_a_proved_mesh_is_reported_with_what_was_seen() -> None:
    clusters = {name: FakeCluster(name, lambda: EVEN) for name in BOTH}

    report = run.verify(sides(**clusters), PLAN, clock=FakeClock())

    assert report.requests == 8
    assert report.rounds == 1
    assert report.answers == {name: {"cluster1": 2, "cluster2": 2} for name in BOTH}
    assert [identity.rpartition("/")[2] for identity in report.identities] == ["echo-cluster1", "echo-cluster2"]
    for cluster in clusters.values():
        assert cluster.deleted == [f"/api/v1/namespaces/{cluster.namespaces[0]}"]


def test_all_clusters_get_the_same_namespace_with_injection_on() -> None:
    clusters = {name: FakeCluster(name, lambda: EVEN) for name in BOTH}

    run.verify(sides(**clusters), PLAN, clock=FakeClock())

    namespaces = [cluster.created[0][1] for cluster in clusters.values()]
    assert namespaces[0] == namespaces[1]
    assert namespaces[0]["metadata"]["labels"]["istio-injection"] == "enabled"
    assert namespaces[0]["metadata"]["name"].startswith("tether-verify-")
    service = next(body for path, body, _ in clusters["cluster1"].created if path.endswith("/services"))
    assert service["spec"]["ports"][0]["name"] == "http"


def test_for_a_revision_the_namespace_asks_for_its_proxies_alone() -> None:
    clusters = {name: FakeCluster(name, lambda: EVEN) for name in BOTH}

    run.verify(sides(**clusters), dataclasses.replace(PLAN, revision=Revision("blue")), clock=FakeClock())

    for cluster in clusters.values():
        labels = cluster.created[0][1]["metadata"]["labels"]
        assert (labels["istio.io/rev"], "istio-injection" in labels) == ("blue", False)


def test_a_round_that_comes_too_early_is_repeated() -> None:
    rounds = iter([["cluster1"] * 4, ["cluster1"] * 4, EVEN])
    clusters = sides(
        cluster1=FakeCluster("cluster1", lambda: next(rounds)), cluster2=FakeCluster("cluster2", lambda: EVEN)
    )

    report = run.verify(clusters, PLAN, clock=FakeClock())

    assert report.rounds == 3
    assert report.requests == 8


class Meanwhile:
    """Something that requests need and pods do not; what the clusters were asked until it was there is noted."""

    def __init__(self, seconds: float, left: float = 30) -> None:
        self.clock = FakeClock()
        self.clusters = {name: FakeCluster(name, self._ask) for name in BOTH}
        self.made_before: list[str] = []
        self._asked = False
        self._seconds, self._left = seconds, left

    def verify(self) -> run.Report:
        return run.verify(sides(**self.clusters), PLAN, meanwhile=self._wait, clock=self.clock)

    def _wait(self) -> float:
        assert not self._asked, "requests wait for it"
        self.made_before = [path for cluster in self.clusters.values() for path, *_ in cluster.created]
        self.clock.sleep(self._seconds, threading.Event())
        return self._left

    def _ask(self) -> Sequence[str]:
        self._asked = True
        return EVEN if self._left else []


def test_pods_are_made_before_what_only_requests_need_is_awaited() -> None:
    meanwhile = Meanwhile(seconds=5)

    assert meanwhile.verify().rounds == 1
    assert sum(path.endswith("/deployments") for path in meanwhile.made_before) == 2


def test_the_time_for_requests_begins_when_what_they_need_is_there() -> None:
    """The plan has 30 s."""
    assert Meanwhile(seconds=45).verify().seconds == 45


def test_no_time_that_is_left_is_no_time_to_wait_for_answers() -> None:
    with pytest.raises(run.VerificationError, match="not verified"):
        Meanwhile(seconds=5, left=0).verify()


def test_what_ends_the_wait_before_the_requests_leaves_nothing() -> None:
    clusters = {name: FakeCluster(name, lambda: EVEN) for name in BOTH}

    def never() -> float:
        raise RuntimeError("the gateway of cluster2 does not serve")

    with pytest.raises(RuntimeError, match="cluster2"):
        run.verify(sides(**clusters), PLAN, meanwhile=never, clock=FakeClock())

    assert all(len(cluster.deleted) == 1 for cluster in clusters.values())


def test_a_failed_verification_says_which_direction_and_leaves_nothing() -> None:
    clusters = {
        "cluster1": FakeCluster("cluster1", lambda: EVEN),
        "cluster2": FakeCluster("cluster2", lambda: ["cluster2"] * 4),
    }

    with pytest.raises(run.VerificationError, match=r"not verified within 30 s: cluster2 → cluster1: none of 4"):
        run.verify(sides(**clusters), PLAN, clock=FakeClock())

    assert all(len(cluster.deleted) == 1 for cluster in clusters.values())


def test_a_cancelled_verification_leaves_nothing() -> None:
    cancel = threading.Event()

    def ask() -> Sequence[str]:
        cancel.set()
        return []

    clusters = {"cluster1": FakeCluster("cluster1", ask), "cluster2": FakeCluster("cluster2", lambda: EVEN)}

    with pytest.raises(wait.WaitCancelledError):
        run.verify(sides(**clusters), PLAN, cancel=cancel, clock=FakeClock())

    assert all(len(cluster.deleted) == 1 for cluster in clusters.values())


def test_a_pod_that_is_not_injected_says_why() -> None:
    broken = FakeCluster("cluster2", lambda: EVEN)
    accept = broken.on_create

    def refuse_pods(path: str, body: kube.Object) -> kube.Object:
        made = accept(path, body)
        if path == "/api/v1/namespaces":
            namespace = body["metadata"]["name"]
            condition = {"type": "ReplicaFailure", "message": "failed calling webhook: x509"}
            broken.objects[f"/api/v1/namespaces/{namespace}/pods"] = {"items": []}
            broken.objects[f"/apis/apps/v1/namespaces/{namespace}/replicasets"] = {
                "items": [{"status": {"conditions": [condition]}}]
            }
        return made

    broken.on_create = refuse_pods

    with pytest.raises(run.VerificationError, match="cluster2 is not ready: failed calling webhook"):
        run.verify(sides(cluster1=FakeCluster("cluster1", lambda: EVEN), cluster2=broken), PLAN, clock=FakeClock())


def test_what_killed_verifications_left_is_removed_and_nothing_else() -> None:
    cluster = FakeCluster("cluster1", lambda: EVEN)
    cluster.objects["/api/v1/namespaces"] = {"items": [
        {"metadata": {"name": name, "creationTimestamp": stamp, "labels": {reaper.LABEL: name}}} for name, stamp in (
            ("tether-verify-old", "2020-01-01T00:00:00Z"),
            ("tether-verify-new", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
        )
    ]}  # fmt: skip

    run.verify(sides(cluster1=cluster, cluster2=FakeCluster("cluster2", lambda: EVEN)), PLAN, clock=FakeClock())

    assert "/api/v1/namespaces/tether-verify-old" in cluster.deleted
    assert "/api/v1/namespaces/tether-verify-new" not in cluster.deleted
