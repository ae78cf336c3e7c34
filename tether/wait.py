"""Waiting for a state, with a reason at hand when it does not come."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

State = TypeVar("State")


class WaitTimeoutError(TimeoutError):
    """The state did not become ready in time; the text ends with the last state."""


class WaitHopelessError(Exception):
    """The state can no longer become ready; the text ends with it."""


class WaitCancelledError(Exception):
    """Somebody asked to stop."""


class Clock(Protocol):
    """Time, replaceable in tests."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        ...

    def sleep(self, seconds: float, cancel: threading.Event) -> bool:
        """Sleep, and tell whether the sleep was cut short by ``cancel``."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float, cancel: threading.Event) -> bool:
        """Sleep until the time is over or ``cancel`` is set."""
        return cancel.wait(seconds)


SYSTEM_CLOCK = SystemClock()


def delays(first: float = 0.1, factor: float = 1.4, longest: float = 0.5) -> Iterator[float]:
    """Seconds between probes: short at first, and never longer than ``longest``.

    Half a second on end costs an API server nothing, and every wait lies on the path of somebody who waits.
    """
    delay = first
    while True:
        yield delay
        delay = min(delay * factor, longest)


def wait(
    probe: Callable[[], State],
    *,
    ready: Callable[[State], bool],
    timeout: float,
    what: str,
    describe: Callable[[State], str] = str,
    on_change: Callable[[str], None] = lambda _: None,
    hopeless: Callable[[State], bool] = lambda _: False,
    successes: int = 1,
    schedule: Callable[[], Iterator[float]] = delays,
    cancel: threading.Event | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> State:
    """Probe until the state is ready; the probe runs at least once.

    Args:
        probe: reads the state; whatever it raises ends the wait.
        ready: whether the state is the wanted one.
        timeout: seconds.
        what: what is waited for, as the subject of the error: ``the node``.
        describe: the state in words, for the error and for ``on_change``.
        on_change: told the state in words whenever the words change.
        hopeless: whether the state can never become ready, so that waiting on is of no use.
        successes: how many ready states in a row are needed.
        schedule: seconds to sleep between probes.
        cancel: ends the wait when set.
        clock: time.

    Raises:
        WaitTimeoutError: not ready in time.
        WaitHopelessError: it never will be.
        WaitCancelledError: ``cancel`` was set.
    """
    cancel = cancel or threading.Event()
    deadline = clock.now() + timeout
    last_words = ""
    in_a_row = 0
    for delay in schedule():
        state = probe()
        if (words := describe(state)) != last_words:
            last_words = words
            if words:
                on_change(words)
        if hopeless(state):
            raise WaitHopelessError(f"{what} can no longer become ready: {last_words}")
        in_a_row = in_a_row + 1 if ready(state) else 0
        if in_a_row >= successes:
            return state
        left = deadline - clock.now()
        if left <= 0:
            raise WaitTimeoutError(f"{what} was not ready within {timeout:g} s: {last_words}")
        if cancel.is_set() or clock.sleep(min(delay, left), cancel):
            raise WaitCancelledError(f"cancelled while waiting for {what}: {last_words}")
    raise AssertionError("a schedule of delays must not end")
