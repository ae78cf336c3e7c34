"""Results outlive the run, and the page says what they say."""

import dataclasses
from pathlib import Path

from conformance import page, record
from conformance.events import Outcome, Reader, Seen
from conformance.record import Record, Result

DOCS = Path(__file__).parents[3] / "docs" / "conformance"
PARTS = {"Istio": "1.31", "Envoy": "1.39"}
PASSED = Result(suite="pilot", group="mirroring", test="TestMirroring", outcome=Outcome.PASSED, seconds=3.5, passed=8)
FAILED = Result(
    suite="pilot", group="mirroring", test="TestB", outcome=Outcome.FAILED, failed=1,
    failures=("one|two",), reason="got `503`\nwanted 200",
)  # fmt: skip


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    whole = Record(parts=PARTS, results=(PASSED, FAILED))
    record.write(whole, tmp_path / "docs" / "results.json")
    assert record.read(tmp_path / "docs" / "results.json") == whole


def test_no_file_is_no_record(tmp_path: Path) -> None:
    assert record.read(tmp_path / "results.json") is None


def test_a_new_result_takes_the_place_of_the_old_one_and_leaves_the_rest() -> None:
    again = dataclasses.replace(FAILED, outcome=Outcome.PASSED, failed=0, failures=(), reason="")
    merged = record.merged(Record(parts=PARTS, results=(PASSED, FAILED)), PARTS, [again])
    assert merged.results == (PASSED, dataclasses.replace(again, attempts=2))


def test_a_run_that_did_not_get_to_a_test_leaves_its_result() -> None:
    late = dataclasses.replace(PASSED, outcome=Outcome.NOT_RUN, passed=0, reason="the time was over")
    assert record.merged(Record(parts=PARTS, results=(PASSED,)), PARTS, [late]).results == (PASSED,)


def test_results_of_other_parts_are_void() -> None:
    merged = record.merged(Record(parts={"Istio": "1.30"}, results=(PASSED,)), PARTS, [FAILED])
    assert merged.results == (FAILED,)


def test_a_test_that_was_not_reached_is_recorded_with_the_reason() -> None:
    reader = Reader(seen={"TestA": Seen(test="TestA", outcome=Outcome.PASSED, seconds=1.04)})
    first, second = record.results_of("pilot", "mirroring", ["TestA", "TestB"], reader, 6)
    assert (first.outcome, first.seconds) == (Outcome.PASSED, 1.0)
    assert (second.outcome, second.reason) == (Outcome.NOT_RUN, "the group's 6 minutes were over before its turn")


def test_a_test_that_was_ended_in_the_middle_says_so() -> None:
    seen = Seen(test="TestA", subtests={"passed": 3, "failed": 0, "skipped": 0})
    (result,) = record.results_of("pilot", "mirroring", ["TestA"], Reader(seen={"TestA": seen}), 6)
    assert (result.outcome, result.passed) == (Outcome.NOT_RUN, 3)
    assert result.reason.endswith("in the middle of it")


def test_the_page_names_every_failure_and_no_text_breaks_its_tables() -> None:
    text = page.render(Record(parts=PARTS, results=(PASSED, FAILED)))
    assert "| TestMirroring | passed | 1 | 8 | 0 | 0 | 3.5 |" in text
    assert "| mirroring | 1 | 1 | 0 | 0 | 8 | 1 |" in text
    assert "one\\|two" in text
    assert "got '503' wanted 200" in text


def test_a_test_that_was_never_run_stands_once_on_the_page_with_its_reason() -> None:
    late = dataclasses.replace(
        PASSED, test="TestLate", outcome=Outcome.NOT_RUN, passed=0, reason="no run got to it yet"
    )
    text = page.render(Record(parts=PARTS, results=(PASSED, late)))
    assert text.count("TestLate") == 1
    assert "| TestLate | no run got to it yet |" in text


def test_the_page_says_how_a_failed_test_does_on_the_peer_s_mesh() -> None:
    def beside(*peer: Result) -> str:
        return page.render(Record(parts=PARTS, results=(FAILED,)), Record(parts=PARTS, results=peer))

    assert "documented sequence: not run" in beside()
    assert "documented sequence: failed, in the same subtests" in beside(FAILED)
    assert "documented sequence: **passed**" in beside(dataclasses.replace(FAILED, outcome=Outcome.PASSED, failures=()))
    assert "only here: `one\\|two`" in beside(dataclasses.replace(FAILED, failures=("three",)))
    numbered = [
        dataclasses.replace(FAILED, failures=(f"headless.echo-{name}.svc/http",)) for name in ("1-36918", "2-7")
    ]
    assert "failed, in the same subtests" in page.render(
        Record(parts=PARTS, results=(numbered[0],)), Record(parts=PARTS, results=(numbered[1],))
    )


def test_results_of_other_parts_are_not_compared() -> None:
    text = page.render(Record(parts=PARTS, results=(FAILED,)), Record(parts={"Istio": "1.30"}, results=(FAILED,)))
    assert "documented sequence: not run" in text


def test_the_committed_page_is_made_from_the_committed_results() -> None:
    kept = record.read(DOCS / "results.json")
    assert kept is not None
    assert (DOCS / "README.md").read_text() == page.render(kept, record.read(DOCS / "peer-results.json"))
