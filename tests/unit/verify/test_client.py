import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.kube.fake_api import FakeApi
from tether import kube
from tether.verify import client, echo
from tether.verify.client import Asker
from tether.verify.matrix import Protocol

DENIED_TCP = (
    "2026-01-01T00:00:00Z\tfatal\tError 20/20 requests had errors; first error: expect to recv message with "
    "StatusCode=200, got [1] SourceIP=10.244.0.13\n[1] Url=tcp://echo-cluster2.tether-verify-1748d272:9090\n"
    "[1] Echo=HelloWorld\n. Return EOF\n"
)
RESET = (
    "fatal\tError 20/20 requests had errors; first error: read tcp 10.0.0.1:1->10.0.0.2:2: read: "
    "connection reset by peer"
)
DENIED_GRPC = (
    "fatal\tError 20/20 requests had errors; first error: rpc error: code = PermissionDenied desc = RBAC: access denied"
)
LATE = "fatal\tError request set timed out after 5.4s and only 3/20 requests completed (12ms avg)"
SLOW = "fatal\tError 20/20 requests had errors; first error: rpc error: code = DeadlineExceeded desc = context deadline exceeded"  # noqa: E501


@pytest.mark.parametrize("output", [DENIED_TCP, RESET])
def test_a_closed_connection_is_a_refusal(output: str) -> None:
    found = client.failure(output, 20)

    assert (found.failed, found.refused, found.denied) == (20, 20, 0)


def test_only_the_word_of_a_policy_is_a_denial() -> None:
    assert client.failure(DENIED_GRPC, 20).denied == 20
    assert client.failure(RESET, 20).denied == 0


@pytest.mark.parametrize("output", [LATE, SLOW])
def test_silence_is_neither_a_refusal_nor_a_denial(output: str) -> None:
    found = client.failure(output, 20)

    assert found.error.startswith(client.TIMED_OUT)
    assert (found.refused, found.denied) == (0, 0)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ('Get "http://echo.app:80/": dial tcp: lookup echo.app on 10.96.0.10:53: read udp: i/o timeout',
         client.NOT_RESOLVED),
        ('Get "http://echo.app:80/": dial tcp: lookup echo.app: i/o timeout', client.NOT_RESOLVED),
        ('Get "http://echo.app:80/": dial tcp 10.96.3.4:80: i/o timeout', client.NOT_DIALLED),
        ("read tcp 10.0.0.1:5->10.96.3.4:80: i/o timeout", client.TIMED_OUT),
    ],
)  # fmt: skip
def test_what_the_client_never_sent_is_told_from_what_nobody_answered(error: str, says: str) -> None:
    found = client.failure(f"1/25 requests had errors; first error: {error}", 25)

    assert (found.failed, found.error) == (1, says)


def test_what_was_never_seen_answered_is_lost() -> None:
    found = client.failure(LATE, 20)

    assert found.failed == 20
    assert "3 completed" in found.error


def test_some_failures_are_counted_as_the_client_counts_them() -> None:
    found = client.failure("Error 3/20 requests had errors; first error: EOF", 20)

    assert (found.requests, found.failed, found.error) == (20, 3, "EOF")
    assert found.missed_by("cluster2") == 3


def test_words_that_nobody_knows_lose_every_request() -> None:
    assert client.failure("panic: out of memory", 20).failed == 20


@given(st.text(), st.integers(1, 50))
def test_any_output_is_judged_without_an_error(output: str, requests: int) -> None:
    for found in (client.read(output, requests), client.failure(output, requests)):
        assert found.requests == requests
        str(found)


def test_answers_that_are_missing_are_lost() -> None:
    found = client.read("[0] StatusCode=200\n[0 body] Cluster=a\n", 3)

    assert (found.unanswered, found.failed) == (2, 2)


def test_a_403_is_a_denial_and_a_503_is_not() -> None:
    found = client.read("[0] StatusCode=403\n[1] StatusCode=503\n", 2)

    assert (found.denied, found.refused, found.unanswered) == (1, 0, 2)
    assert str(found) == "1 with status 403, 1 with status 503"


def test_what_a_proxy_says_of_a_request_that_it_answered_itself_is_told() -> None:
    output = (
        "[0] StatusCode=200\n[0 body] Cluster=a\n[1] StatusCode=503\n[1 body] no healthy upstream\n[2] StatusCode=503\n"
    )

    assert str(client.read(output, 3)) == "1 answered by a, 2 with status 503 (no healthy upstream)"


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("12.5ms", 12.5), ("950µs", 0.95), ("1.5s", 1500), ("1m2s", 62_000), ("", None), ("soon", None)],
)
def test_a_latency_is_read_in_milliseconds(written: str, milliseconds: float | None) -> None:
    (found,) = echo.read_answers(f"[0] Latency={written}\n")

    assert found.milliseconds == (None if milliseconds is None else pytest.approx(milliseconds))


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.95, 4), (1, 4), (0.01, 1)])
def test_a_percentile_is_a_value_that_was_seen(share: float, value: float) -> None:
    assert client.percentile([4, 2, 1, 3], share) == value


def test_there_is_no_percentile_of_nothing() -> None:
    assert client.percentile([], 0.5) is None


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_never_fall_as_the_share_grows(values: list[float]) -> None:
    found = [client.percentile(values, share) for share in (0.5, 0.95, 1)]

    assert found == sorted(value for value in found if value is not None)
    assert found[-1] == max(values)


def test_the_identities_of_a_grpc_call_are_read_too() -> None:
    (found,) = echo.read_answers("[0 body] RequestHeader=x-forwarded-client-cert:By=spiffe://b;URI=spiffe://a\n")

    assert (found.client, found.server) == ("spiffe://a", "spiffe://b")


@pytest.mark.parametrize(
    ("protocol", "url"),
    [(Protocol.HTTP, "http://s.n:80/"), (Protocol.GRPC, "grpc://s.n:7070"), (Protocol.TCP, "tcp://s.n:9090")],
)
def test_every_protocol_has_its_address(protocol: Protocol, url: str) -> None:
    commands: list[Sequence[str]] = []
    api = FakeApi()

    def execute(pod: str, command: Sequence[str]) -> kube.Executed:
        commands.append(command)
        return kube.Executed("", "", 0)

    api.on_execute = execute
    client.ask(Asker(api=api, namespace="n", pod="p", cancel=threading.Event()), protocol, "s", 100)

    assert commands[0][-1] == url
    # The client's time-out is for all requests together, so it grows with their number.
    assert commands[0][commands[0].index("--timeout") + 1] == "7.0s"


def test_a_pod_that_cannot_be_asked_loses_every_request() -> None:
    api = FakeApi()

    def execute(pod: str, command: Sequence[str]) -> kube.Executed:
        raise kube.KubeError("container not found")

    api.on_execute = execute
    found = client.ask(Asker(api=api, namespace="n", pod="p", cancel=threading.Event()), Protocol.HTTP, "s", 5)

    assert (found.failed, found.error) == (5, "container not found")
