"""Something that has to come true of all requests of a round, and how it is told."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from tether.verify.client import Sample
from tether.verify.matrix import Outcome, Proof, Protocol
from tether.verify.rounds import Settled


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What is asked and how the requests have to end."""

    proof: Proof
    source: str
    destination: str
    protocol: Protocol
    what: str
    """What has to come true, as a sentence without a full stop."""
    cause: str
    """The usual reason where it does not."""
    ask: Callable[[], Sample]
    fulfilled: Callable[[Sample], int]
    """How many requests of a round ended as they have to."""
    answer_due: bool = True
    """Whether every request should be answered by somebody."""

    def __call__(self) -> Outcome:
        """Ask, and judge what came of it."""
        sample = self.ask()
        fulfilled = self.fulfilled(sample)
        return Outcome(
            proof=self.proof, source=self.source, destination=self.destination, protocol=self.protocol,
            expectation=self.what, requests=sample.requests, fulfilled=fulfilled, seen=str(sample),
            lost=sample.unanswered if self.answer_due else 0,
            wrong="" if fulfilled == sample.requests else
            f"{self}: so for {fulfilled} of {sample.requests} requests only ({sample}). Likely cause: {self.cause}",
        )  # fmt: skip

    def __str__(self) -> str:
        where = self.source if self.source == self.destination else f"{self.source} → {self.destination}"
        return f"{where}, {self.protocol}, {self.proof}: not so: {self.what}"

    def not_tried(self, why: str) -> Outcome:
        """The outcome where nothing was asked."""
        return Outcome(
            proof=self.proof, source=self.source, destination=self.destination, protocol=self.protocol,
            expectation=self.what, requests=0, fulfilled=0, seen="not tried",
            wrong=f"{self} is unknown, it was not tried, because {why}",
        )  # fmt: skip


def outcome(settled: Settled[Outcome]) -> Outcome:
    """The last round's outcome, with what the rounds before it cost."""
    early = sum(one.requests - one.fulfilled for one in settled.earlier)
    lost = sum(one.lost for one in (*settled.earlier, settled.answer))
    return dataclasses.replace(settled.answer, early=early, lost=lost, seconds=settled.seconds)
