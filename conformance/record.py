"""The results as they are kept: ``docs/conformance/results.json``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from conformance.events import Outcome, Reader, Seen

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Result:
    """One test: what became of it, and why."""

    suite: str
    group: str
    """Empty for a test that is left out."""
    test: str
    outcome: Outcome
    seconds: float = 0.0
    passed: int = 0
    """Innermost subtests."""
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = ()
    """Innermost subtests that failed, without the test's name."""
    reason: str = ""
    """Why it failed, was not run or does not apply, in the test's own words or ours."""
    attempts: int = 1
    """How often it was run until this result; a test that failed is run again alone before it is believed."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """All results with what they were made on."""

    parts: Mapping[str, str]
    """Versions of what the mesh consists of."""
    results: tuple[Result, ...] = ()
    schema_version: int = field(default=SCHEMA_VERSION)

    def count(self, outcome: Outcome) -> int:
        """How many tests had this outcome."""
        return sum(1 for result in self.results if result.outcome is outcome)


def results_of(suite: str, group: str, tests: Iterable[str], reader: Reader, minutes: float) -> list[Result]:
    """The results of one run; a test that the program did not get to is named with the reason."""
    return [_result(suite, group, test, reader, minutes) for test in tests]


def _result(suite: str, group: str, test: str, reader: Reader, minutes: float) -> Result:
    seen = reader.seen.get(test) or Seen(test=test)
    reason = seen.reason
    if seen.outcome is Outcome.NOT_RUN:
        where = "in the middle of it" if any(seen.subtests.values()) else "before its turn"
        reason = reader.suite_failure or f"the group's {minutes:g} minutes were over {where}"
    return Result(
        suite=suite,
        group=group,
        test=test,
        outcome=seen.outcome,
        seconds=round(seen.seconds, 1),
        passed=seen.subtests["passed"],
        failed=seen.subtests["failed"],
        skipped=seen.subtests["skipped"],
        failures=tuple(seen.failures),
        reason=reason,
    )


def merged(before: Record | None, parts: Mapping[str, str], results: Iterable[Result]) -> Record:
    """New results over those of an earlier run of the same parts; other parts make the old ones void.

    A test that was run to its end keeps that result when a later run did not get to it.
    """
    kept = before.results if before and before.parts == parts else ()
    by_test = {(result.suite, result.test): result for result in kept}
    for result in results:
        old = by_test.get((result.suite, result.test))
        if old and result.outcome is Outcome.NOT_RUN and old.outcome is not Outcome.NOT_RUN:
            continue
        attempts = old.attempts + 1 if old and old.outcome is Outcome.FAILED else 1
        by_test[result.suite, result.test] = replace(result, attempts=attempts)
    return Record(parts=dict(parts), results=tuple(by_test.values()))


def read(path: Path) -> Record | None:
    """The record in a file, None where there is none."""
    if not path.is_file():
        return None
    document = json.loads(path.read_text())
    if document["schemaVersion"] != SCHEMA_VERSION:
        return None
    results = TypeAdapter(tuple[Result, ...]).validate_python(document["results"])
    return Record(parts=document["parts"], results=results)


def write(record: Record, path: Path) -> None:
    """Write the record; one line per result keeps a change readable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"    {json.dumps(asdict(result))}" for result in record.results)
    head = f'{{\n  "schemaVersion": {record.schema_version},\n  "parts": {json.dumps(dict(record.parts))},\n'
    path.write_text(f'{head}  "results": [\n{lines}\n  ]\n}}\n')
