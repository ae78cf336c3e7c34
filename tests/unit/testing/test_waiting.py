"""Waiting in a test: what ends it, and what it says."""

import itertools
from collections.abc import Iterator

import pytest

from tether import kube
from tether.testing import WaitError, wait_for


def counting(*answers: object) -> Iterator[object]:
    return itertools.chain(answers, itertools.repeat(answers[-1]))


def test_the_wanted_answer_is_returned() -> None:
    answers = counting(0, 0, 7)
    assert wait_for(lambda: next(answers)) == 7


def test_so_many_wanted_answers_in_a_row_are_needed() -> None:
    answers = iter([True, False, True, True, False])
    assert wait_for(lambda: next(answers), successes=2) is True
    assert list(answers) == [False]


def test_the_message_has_the_last_answer_and_how_often_was_asked() -> None:
    answers = counting(1, 2, 3)
    with pytest.raises(WaitError) as error:
        wait_for(lambda: next(answers), lambda answer: answer == 4, timeout=0.25, successes=3, what="the shop")
    assert str(error.value).startswith("the shop was not ready within 0.25 s: 3 (asked ")
    assert "3 wanted in a row" in str(error.value)


def test_an_answer_after_which_nothing_better_comes_ends_the_wait_at_once() -> None:
    asked: list[int] = []

    def question() -> str:
        asked.append(1)
        return "crashed"

    with pytest.raises(WaitError, match="the shop can no longer become ready: crashed"):
        wait_for(question, lambda answer: answer == "up", failed=lambda answer: answer == "crashed", what="the shop")
    assert len(asked) == 1


@pytest.mark.parametrize("error", [AssertionError("only 3 of 4"), kube.KubeError("only 3 of 4")])
def test_a_question_may_fail_until_it_is_so(error: Exception) -> None:
    left = [error, error]

    def question() -> str:
        if left:
            raise left.pop()
        return "so"

    assert wait_for(question) == "so"
    left += [error] * 1000
    with pytest.raises(WaitError, match="only 3 of 4"):
        wait_for(question, timeout=0.1)


def test_another_error_of_the_question_ends_the_wait() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_for(lambda: 1 // 0)
