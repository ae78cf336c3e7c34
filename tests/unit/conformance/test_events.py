"""What became of a test is read from Go's events, whatever the framework talks in between."""

import json
import tempfile
from collections.abc import Iterable
from typing import Any

from conformance.events import Outcome, Reader, Seen, parse


def event(action: str, test: str = "", **more: Any) -> str:
    return json.dumps({"Action": action, "Package": "pilot", **({"Test": test} if test else {}), **more})


def read(lines: Iterable[str]) -> tuple[Reader, list[Seen]]:
    reader = Reader()
    ended = [seen for one in parse(lines) if (seen := reader.take(one))]
    return reader, ended


def test_a_passed_test_counts_its_innermost_subtests_only() -> None:
    _, ended = read(
        [
            event("run", "TestA"),
            event("run", "TestA/one"),
            event("run", "TestA/one/deep"),
            event("run", "TestA/two"),
            event("pass", "TestA/one/deep", Elapsed=1),
            event("pass", "TestA/one", Elapsed=1),
            event("skip", "TestA/two", Elapsed=0),
            event("pass", "TestA", Elapsed=2.5),
        ]
    )
    (seen,) = ended
    assert (seen.test, seen.outcome, seen.seconds) == ("TestA", Outcome.PASSED, 2.5)
    assert seen.subtests == {"passed": 1, "failed": 0, "skipped": 1}
    assert seen.reason == ""


def test_a_failure_is_named_where_it_happened_and_in_the_test_s_own_words() -> None:
    _, ended = read(
        [
            event("output", "TestA/one/deep", Output="=== RUN   TestA/one/deep\n"),
            event("output", "TestA/one/deep", Output="2026-11-23T09:00:00Z\tinfo\ttf\tBEGIN\n"),
            event("output", "TestA/one/deep", Output="    retry.go:42: expected 200, got 503\n"),
            event("fail", "TestA/one/deep"),
            event("fail", "TestA/one"),
            event("pass", "TestA/two"),
            event("fail", "TestA", Elapsed=3),
        ]
    )
    (seen,) = ended
    assert seen.outcome is Outcome.FAILED
    assert seen.failures == ["one/deep"]
    assert seen.reason == "expected 200, got 503"
    assert seen.subtests == {"passed": 1, "failed": 1, "skipped": 0}


def test_a_reason_names_no_private_folder() -> None:
    folder = f"{tempfile.gettempdir()}/tether-scratch-4inr2574"
    said = f"    builder.go:212: cannot apply [{folder}/work/x.yaml]: timeout\n"
    _, ended = read([event("output", "TestA", Output=said), event("fail", "TestA")])
    assert ended[0].reason == "cannot apply [work/x.yaml]: timeout"


def test_a_skipped_test_says_why_it_does_not_apply() -> None:
    _, ended = read(
        [
            event("output", "TestA", Output="    analyze_test.go:58: Skipping test: 2 clusters\n"),
            event("skip", "TestA", Elapsed=0),
        ]
    )
    assert (ended[0].outcome, ended[0].reason) == (Outcome.DOES_NOT_APPLY, "Skipping test: 2 clusters")


def test_a_test_that_was_still_running_at_the_end_of_the_time_was_not_run() -> None:
    reader, ended = read(
        [
            event("run", "TestA"),
            event("output", "TestA", Output="panic: test timed out after 6m0s\n"),
            event("fail"),
        ]
    )
    assert ended == []
    assert reader.seen["TestA"].outcome is Outcome.NOT_RUN
    assert reader.suite_failure == "panic: test timed out after 6m0s"


def test_a_set_up_that_failed_is_the_reason_why_nothing_was_run() -> None:
    line = "2026-11-25T16:00:00Z\terror\ttf\tTest setup error: failed creating echo\n"
    reader, _ = read([event("output", Output=line), event("fail")])
    assert reader.suite_failure == line.strip()


def test_lines_that_are_no_events_are_passed_over() -> None:
    reader, ended = read(["warn\tno JSON", "{broken", '{"other": 1}', "[]", event("start")])
    assert ended == []
    assert reader.seen == {}


def test_sections_count_as_tests_of_their_own() -> None:
    reader = Reader(sections=frozenset({"TestTraffic/dns", "TestTraffic/gateway"}))
    lines = [
        event("run", "TestTraffic"),
        event("run", "TestTraffic/dns"),
        event("pass", "TestTraffic/dns/one"),
        event("pass", "TestTraffic/dns", Elapsed=2),
        event("run", "TestTraffic/gateway"),
        event("fail", "TestTraffic/gateway/two"),
        event("fail", "TestTraffic/gateway", Elapsed=3),
        event("fail", "TestTraffic", Elapsed=5),
    ]
    ended = [seen for one in parse(lines) if (seen := reader.take(one))]
    dns, gateway, _ = ended
    assert (dns.test, dns.outcome, dns.subtests["passed"]) == ("TestTraffic/dns", Outcome.PASSED, 1)
    assert (gateway.test, gateway.outcome, gateway.failures) == ("TestTraffic/gateway", Outcome.FAILED, ["two"])


def test_what_had_ended_in_a_test_that_did_not_end_is_counted() -> None:
    reader, _ = read(
        [event("run", "TestA"), event("pass", "TestA/one"), event("fail", "TestA/two"), event("run", "TestA/three")]
    )
    reader.stop()
    seen = reader.seen["TestA"]
    assert seen.outcome is Outcome.NOT_RUN
    assert seen.subtests == {"passed": 1, "failed": 1, "skipped": 0}
    assert seen.failures == ["two"]
