"""What became of each test, read from the events of Go's ``test2json``. Pure functions."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_TALK = re.compile(r"^\s*(=== |--- |\d{4}-\d\d-\d\dT\S+\t(info|debug|warn)\b)")
"""Lines in which a test says no reason: Go's own marks, and the framework's log below errors."""
_SUITE_FAILED = re.compile(r"^panic: |Error during test framework init|Test setup error|due to setup failure")
"""Signs that a whole program ends early (pkg/test/framework/suite.go)."""
_PLACE = re.compile(r"^\s*\S+\.go:\d+: ")
_SCRATCH = re.compile(r"/\S*?tether-scratch-\w+/")
"""Private folder of a run, which tells nothing."""
REASON_LENGTH = 600


class Outcome(StrEnum):
    """What became of a test."""

    PASSED = "passed"
    FAILED = "failed"
    DOES_NOT_APPLY = "does not apply"
    NOT_RUN = "not run"


_OUTCOMES = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.DOES_NOT_APPLY}


@dataclass(kw_only=True)
class Seen:
    """One test with everything below it."""

    test: str
    outcome: Outcome = Outcome.NOT_RUN
    seconds: float = 0.0
    subtests: dict[str, int] = field(default_factory=lambda: {"passed": 0, "failed": 0, "skipped": 0})
    """Innermost subtests, counted."""
    failures: list[str] = field(default_factory=list[str])
    """Names of innermost subtests that failed, without the test's own name."""
    reason: str = ""
    """Why it failed or was skipped, in the test's own words."""


def parse(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Events of ``test2json``; lines that are none are passed over."""
    for line in lines:
        if line.startswith("{"):
            try:
                event: Any = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "Action" in event:
                yield event


@dataclass(kw_only=True)
class Reader:
    """Takes events as they come and keeps what became of every test."""

    sections: frozenset[str] = frozenset()
    """Subtests that count as tests of their own (``TestTraffic/dns``)."""
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])
    """By test, in the order of their start."""
    suite_failure: str = ""
    """Why nothing or not everything was run, where that is so: the set-up failed, or the time was over."""
    _outputs: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _parents: set[str] = field(default_factory=set[str])
    _ended: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, event: dict[str, Any]) -> Seen | None:
        """Take one event; returns a test when this event ended it."""
        action, name, text = event["Action"], event.get("Test", ""), event.get("Output", "")
        if action == "output":
            self._hear(name, text)
        if not name:
            return None
        if "/" in name:
            self._parents.add(name.rpartition("/")[0])
        unit = self._unit(name)
        top = self.seen.setdefault(unit, Seen(test=unit))
        if action not in _OUTCOMES:
            return None
        self._ended[name] = action
        if name != top.test:
            return None
        self._close(top, _OUTCOMES[action], float(event.get("Elapsed", 0)))
        return top

    def stop(self) -> None:
        """Count what had ended below the tests that were still running."""
        for seen in self.seen.values():
            if seen.outcome is Outcome.NOT_RUN:
                self._count(seen)

    def _unit(self, name: str) -> str:
        section = "/".join(name.split("/", 2)[:2])
        return section if section in self.sections else name.partition("/")[0]

    def _hear(self, name: str, text: str) -> None:
        if _SUITE_FAILED.search(text):
            self.suite_failure = self.suite_failure or text.strip()[:REASON_LENGTH]
        if name and text.strip() and not _TALK.match(text):
            self._outputs.setdefault(name, []).append(text)

    def _close(self, top: Seen, outcome: Outcome, seconds: float) -> None:
        top.outcome, top.seconds = outcome, seconds
        inner = self._count(top)
        culprits = [f"{top.test}/{name}" for name in top.failures] or [top.test]
        top.reason = next((said for name in culprits if (said := self._said(name))), self._said(top.test))
        if outcome is Outcome.PASSED:
            top.reason = ""
        elif outcome is Outcome.DOES_NOT_APPLY:
            top.reason = self._said(top.test)
        elif not inner and not top.reason:
            top.reason = "it failed without a word"

    def _count(self, top: Seen) -> bool:
        """Count the innermost subtests that ended; returns whether there are any."""
        inner = {name: action for name, action in self._ended.items() if name.startswith(f"{top.test}/")}
        leaves = {name: action for name, action in inner.items() if name not in self._parents}
        for action, key in (("pass", "passed"), ("fail", "failed"), ("skip", "skipped")):
            top.subtests[key] = sum(1 for ended in leaves.values() if ended == action)
        failed = [name for name, action in inner.items() if action == "fail"]
        # A parent that fails only because of its children says nothing new.
        top.failures = sorted(
            name.removeprefix(f"{top.test}/")
            for name in failed
            if not any(other.startswith(f"{name}/") for other in failed)
        )
        return bool(inner)

    def _said(self, name: str) -> str:
        """The first thing that a test said about itself, without the place in its source."""
        lines = [_SCRATCH.sub("", line) for line in self._outputs.get(name, [])]
        for line in lines:
            if _PLACE.match(line):
                return _PLACE.sub("", line).strip()[:REASON_LENGTH]
        return next((line.strip()[:REASON_LENGTH] for line in lines), "")
