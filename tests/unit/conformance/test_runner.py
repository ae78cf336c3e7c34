"""What the test programs are asked to run."""

import pytest

from conformance.runner import pattern


def test_tests_are_run_whole() -> None:
    assert pattern(["TestA", "TestB_C"]) == "^(TestA|TestB_C)$"


def test_sections_are_run_without_the_rest_of_their_test() -> None:
    assert pattern(["TestTraffic/dns", "TestTraffic/jwt"]) == "^(TestTraffic)$/^(dns|jwt)$"


@pytest.mark.parametrize("tests", [["TestA", "TestTraffic/dns"], ["TestOne/a", "TestTwo/b"]])
def test_what_would_run_something_else_is_refused(tests: list[str]) -> None:
    with pytest.raises(ValueError, match="cannot be run together"):
        pattern(tests)
