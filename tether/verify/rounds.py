"""Asking again until it is so: configuration takes a moment to reach every proxy."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tether import wait

_WORKERS = 8


class Judged(Protocol):
    """What a question gives."""

    @property
    def wrong(self) -> str:
        """Why it is not so; empty where it is."""
        ...


Answer = TypeVar("Answer", bound=Judged)


@dataclass(frozen=True)
class Settled(Generic[Answer]):
    """What came of a question in the end."""

    answer: Answer
    """Of the last round."""
    earlier: tuple[Answer, ...]
    """Of the rounds before, in which it was not so yet."""
    seconds: float
    """From the beginning to the end of the last round."""


def settle(
    questions: Sequence[Callable[[], Answer]],
    *,
    timeout: float,
    what: str,
    cancel: threading.Event,
    on_change: Callable[[str], None] = lambda _: None,
    clock: wait.Clock = wait.SYSTEM_CLOCK,
) -> list[Settled[Answer]]:
    """Ask every question until it is so, or time is over; what is so is not asked again.

    Raises:
        tether.wait.WaitCancelledError: cancelled.
    """
    began = clock.now()
    given: list[list[Answer]] = [[] for _ in questions]
    seconds = [0.0] * len(questions)

    def open_questions() -> list[int]:
        return [number for number, answers in enumerate(given) if not answers or answers[-1].wrong]

    def round_() -> list[int]:
        def ask(number: int) -> None:
            given[number].append(questions[number]())
            seconds[number] = clock.now() - began

        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(ask, open_questions()))
        return open_questions()

    def describe(left: list[int]) -> str:
        # Not what was seen: that differs from round to round, and the last round's is part of the answer.
        return f"{what}: not so yet for {len(left)} of {len(questions)}" if left else ""

    if not questions:
        return []
    on_change(what)
    with contextlib.suppress(wait.WaitTimeoutError):
        wait.wait(
            round_, ready=lambda left: not left, timeout=timeout, what=what, describe=describe, on_change=on_change,
            cancel=cancel, clock=clock,
        )  # fmt: skip
    return [
        Settled(answers[-1], tuple(answers[:-1]), round(taken, 2))
        for answers, taken in zip(given, seconds, strict=True)
    ]
