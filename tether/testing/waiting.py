"""Waiting in a test: until it is so, until it never can be, or until time is over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tether import kube, wait

State = TypeVar("State")


class WaitError(AssertionError):
    """It did not come true; the text ends with what was seen last."""


@dataclass(frozen=True)
class _Seen(Generic[State]):
    """What a question gave: a state, or why there is none yet."""

    states: tuple[State, ...] = ()
    error: str = ""


def wait_for(
    question: Callable[[], State],
    ready: Callable[[State], object] = bool,
    *,
    failed: Callable[[State], object] = lambda _: False,
    successes: int = 1,
    timeout: float = 60,
    what: str = "what was waited for",
    describe: Callable[[State], str] = str,
) -> State:
    """Ask until the answer is as wanted, and return it.

    The question is asked at least once. While it raises AssertionError or a cluster refuses to answer it, it is not so
    yet; anything else that it raises ends the wait.

    Args:
        question: asked again and again, twice a second.
        ready: whether an answer is the wanted one.
        failed: whether an answer says that waiting on is of no use.
        successes: how many wanted answers in a row are needed.
        timeout: seconds.
        what: what is waited for, as the subject of the message: `the shop`.
        describe: an answer in words, for the message.

    Raises:
        WaitError: it did not come true in time, or never will.
    """
    __tracebackhide__ = True
    asked = 0

    def probe() -> _Seen[State]:
        nonlocal asked
        asked += 1
        try:
            return _Seen((question(),))
        except (AssertionError, kube.KubeError) as error:
            return _Seen(error=str(error) or type(error).__name__)

    try:
        seen = wait.wait(
            probe,
            ready=lambda seen: any(ready(state) for state in seen.states),
            hopeless=lambda seen: any(failed(state) for state in seen.states),
            successes=successes,
            timeout=timeout,
            what=what,
            describe=lambda seen: seen.error or "".join(describe(state) for state in seen.states),
        )
    except wait.WaitTimeoutError as error:
        wanted = f"; {successes} wanted in a row" if successes > 1 else ""
        raise WaitError(f"{error} (asked {asked} times{wanted})") from None
    except wait.WaitHopelessError as error:
        raise WaitError(str(error)) from None
    return seen.states[0]
