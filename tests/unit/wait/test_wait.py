import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.unit.wait.fake_clock import FakeClock
from tether import wait


def states(*given: str) -> Callable[[], str]:
    """A probe that sees these states one after the other, and the last one for ever."""
    following: Iterator[str] = itertools.chain(given, itertools.repeat(given[-1]))
    return lambda: next(following)


def is_good(state: str) -> bool:
    return state == "good"


def test_a_ready_state_is_returned_at_once() -> None:
    clock = FakeClock()

    assert wait.wait(states("good"), ready=is_good, timeout=0, what="it", clock=clock) == "good"
    assert clock.slept == []


def test_the_time_out_names_the_subject_and_the_last_state() -> None:
    with pytest.raises(wait.WaitTimeoutError, match=r"the node was not ready within 3 s: worse"):
        wait.wait(states("bad", "worse"), ready=is_good, timeout=3, what="the node", clock=FakeClock())


def test_it_never_sleeps_past_the_deadline() -> None:
    clock = FakeClock()

    with pytest.raises(wait.WaitTimeoutError):
        wait.wait(states("bad"), ready=is_good, timeout=5, what="it", clock=clock)

    assert sum(clock.slept) == pytest.approx(5)


def test_the_first_probes_come_quickly_and_later_ones_seldom() -> None:
    seconds = list(itertools.islice(wait.delays(), 20))

    assert seconds[0] <= 0.1
    assert seconds == sorted(seconds)
    assert seconds[-1] == 0.5


def test_successes_must_come_in_a_row() -> None:
    probe = states("good", "bad", "good", "good")
    clock = FakeClock()

    wait.wait(probe, ready=is_good, timeout=60, what="it", successes=2, clock=clock)

    assert len(clock.slept) == 3


def test_only_changes_are_told() -> None:
    told: list[str] = []

    wait.wait(
        states("a", "a", "b", "good"), ready=is_good, timeout=60, what="it", on_change=told.append, clock=FakeClock()
    )

    assert told == ["a", "b", "good"]


def test_a_cancel_ends_the_wait() -> None:
    cancel = threading.Event()

    def probe() -> str:
        cancel.set()
        return "bad"

    with pytest.raises(wait.WaitCancelledError, match="cancelled while waiting for it: bad"):
        wait.wait(probe, ready=is_good, timeout=60, what="it", cancel=cancel, clock=FakeClock())


def test_a_cancel_cuts_a_real_sleep_short() -> None:
    cancel = threading.Event()
    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    clock = wait.SystemClock()
    started = clock.now()

    with pytest.raises(wait.WaitCancelledError):
        wait.wait(
            states("bad"), ready=is_good, timeout=60, what="it", cancel=cancel,
            schedule=lambda: itertools.repeat(30.0),
        )  # fmt: skip

    assert clock.now() - started < 5


def test_an_error_of_the_probe_ends_the_wait() -> None:
    def probe() -> str:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        wait.wait(probe, ready=is_good, timeout=60, what="it", clock=FakeClock())


def test_a_state_that_can_never_become_ready_ends_the_wait_at_once() -> None:
    clock = FakeClock()

    with pytest.raises(wait.WaitHopelessError, match="it can no longer become ready: worse"):
        wait.wait(
            states("bad", "worse"), ready=is_good, hopeless=lambda state: state == "worse",
            timeout=60, what="it", clock=clock,
        )  # fmt: skip
