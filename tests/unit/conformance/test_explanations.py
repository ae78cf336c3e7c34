"""A failure is explained by what it said, and by nothing that it did not say."""

import dataclasses

from conformance.events import Outcome
from conformance.explanations import CAUSES, explanation
from conformance.record import Result

TEST, PART, CAUSE = CAUSES[0]
FAILED = Result(suite="security", group="g", test=TEST, outcome=Outcome.FAILED, reason=f"so: {PART} after 5s")


def test_a_known_failure_is_explained() -> None:
    assert explanation(FAILED) == CAUSE


def test_the_same_test_failing_otherwise_is_not() -> None:
    assert explanation(dataclasses.replace(FAILED, reason="expected 403, got 200")) == ""


def test_another_test_failing_in_the_same_way_is_not() -> None:
    assert explanation(dataclasses.replace(FAILED, test="TestNobodyKnows")) == ""
