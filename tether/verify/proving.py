"""A whole verification: deploy, prove one thing after the other, remove."""

import dataclasses
import datetime
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tether import wait
from tether.mesh import Mesh
from tether.verify import authorization, crossing, expectation, failover, rounds, strictness
from tether.verify.crossing import Direction
from tether.verify.expectation import Expectation
from tether.verify.matrix import Cell, Matrix, Mode, Outcome, Party, Proof, Protocol
from tether.verify.rounds import Judged, Settled
from tether.verify.stand import Needs, Stand, StandError

Answer = TypeVar("Answer", bound=Judged)

TITLES = {
    Proof.HTTP: "HTTP requests cross between every two clusters, with the right identities on both ends",
    Proof.GRPC: "gRPC calls cross likewise",
    Proof.TCP: "plain TCP connections cross likewise",
    Proof.STRICT: "the same with strict mTLS, while plaintext is refused",
    Proof.AUTHORIZATION: "a policy denies a wrong identity of another cluster and lets the right one in",
    Proof.FAILOVER: "with a cluster's own copy scaled to zero another cluster answers, and back",
}
"""What each proof shows, in the order in which they are made."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to prove and how."""

    image: str
    """Istio's echo application (``app``)."""
    trust_domain: str
    proofs: tuple[Proof, ...] = tuple(Proof)
    requests: int = 20
    """Per direction, protocol and mode."""
    timeout: float = 60
    """Seconds that a change may take to reach every proxy, for each step."""
    keep: bool = False
    """Leave the namespace for looking."""

    @property
    def crossed(self) -> tuple[Protocol, ...]:
        """Protocols whose own proof is asked for."""
        return tuple(protocol for protocol in Protocol if Proof(protocol) in self.proofs)

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """Protocols that the other proofs use: those that are asked for, or all."""
        return self.crossed or tuple(Protocol)


def prove(
    mesh: Mesh,
    plan: Plan,
    *,
    cancel: threading.Event | None = None,
    on_change: Callable[[str], None] = lambda _: None,
    clock: wait.Clock = wait.SYSTEM_CLOCK,
) -> Matrix:
    """Make every proof that is asked for; what was made for them is removed again, whatever happens.

    Raises:
        tether.wait.WaitCancelledError: ``cancel`` was set.
    """
    proving = _Proving(mesh, plan, cancel or threading.Event(), on_change, clock)
    stand = proving.stand
    kept = False
    try:
        matrix = proving.matrix()
        kept = plan.keep
    finally:
        if kept:
            stand.keep()
        else:
            stand.remove()
    return dataclasses.replace(matrix, kept=stand.namespace if kept else "")


class _Proving:
    """The proofs in order; what failed once is not tried again in another way."""

    def __init__(
        self,
        mesh: Mesh,
        plan: Plan,
        cancel: threading.Event,
        on_change: Callable[[str], None],
        clock: wait.Clock,
    ) -> None:
        self._mesh = mesh
        self._plan = plan
        self._cancel = cancel
        self._on_change = on_change
        self._clock = clock
        self._cells: list[Cell] = []
        self._outcomes: list[Outcome] = []
        self._broken: dict[Direction, str] = {}
        """Directions that are known not to work, and why."""
        needs = Needs(
            image=plan.image,
            # The failover speaks HTTP, and so does the kubelet's question whether the application is ready.
            protocols=tuple(dict.fromkeys((Protocol.HTTP, *plan.protocols))),
            stranger=Proof.AUTHORIZATION in plan.proofs or Proof.FAILOVER in plan.proofs,
            outsider=Proof.STRICT in plan.proofs,
            failover=Proof.FAILOVER in plan.proofs,
        )
        self.stand = Stand(
            mesh, needs, trust_domain=plan.trust_domain, cancel=cancel, on_change=on_change, clock=clock
        )  # fmt: skip

    def matrix(self) -> Matrix:
        """Everything that was seen, also where it ended early."""
        began = self._clock.now()
        wrong = ""
        try:
            self.stand.build()
            self._prove()
        except StandError as error:
            wrong = str(error)
        return Matrix(
            stack=self._mesh.blueprint.stack,
            clusters=tuple(Party(name=one.name, role=str(one.member.role)) for one in self._mesh.clusters),
            proofs=self._plan.proofs,
            cells=tuple(self._cells),
            outcomes=tuple(self._outcomes),
            wrong=wrong,
            seconds=round(self._clock.now() - began, 1),
            verified_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )

    def _prove(self) -> None:
        self._cross(Mode.PERMISSIVE, self._plan.crossed)
        if Proof.STRICT in self._plan.proofs:
            self._be_strict()
        if Proof.AUTHORIZATION in self._plan.proofs:
            self._authorize()
        if Proof.FAILOVER in self._plan.proofs:
            self._fail_over()

    def _cross(self, mode: Mode, protocols: Sequence[Protocol]) -> None:
        """Ask in every direction, with the mode set already."""
        ways = crossing.directions(self._mesh.clusters, protocols)
        tried = [way for way in ways if way not in self._broken]
        questions = [crossing.question(self.stand, way, mode, self._plan.requests) for way in tried]
        settled = self._settle(questions, f"sending requests between the clusters, {mode}")
        found = {way: dataclasses.replace(one.answer, rounds=len(one.earlier) + 1)
                 for way, one in zip(tried, settled, strict=True)}  # fmt: skip
        self._cells += [found.get(way) or crossing.not_tried(way, mode, self._broken[way]) for way in ways]
        for way, cell in found.items():
            if cell.wrong:
                self._broken[way] = f"{way} was not proved in mode {mode}"

    def _be_strict(self) -> None:
        protocols, requests = self._plan.protocols, self._plan.requests
        control = strictness.plaintext(self.stand, Mode.PERMISSIVE, protocols, requests)
        self._expect(control, "asking in plaintext, permissive")
        self.stand.set_mode(Mode.STRICT)
        outcomes = self._expect(
            strictness.plaintext(self.stand, Mode.STRICT, protocols, requests), "asking in plaintext, strict"
        )
        lenient = {(one.destination, one.protocol) for one in outcomes if one.wrong}
        for way in crossing.directions(self._mesh.clusters, protocols):
            if (way.destination.name, way.protocol) in lenient:
                self._broken.setdefault(way, f"strict mTLS is not in force in {way.destination.name}")
        self._cross(Mode.STRICT, protocols)

    def _authorize(self) -> None:
        ways, requests = crossing.directions(self._mesh.clusters, self._plan.protocols), self._plan.requests
        outcomes = self._expect_along(
            ways, authorization.before(self.stand, ways, requests), "asking as another identity"
        )
        for way, one in zip(ways, outcomes, strict=True):
            if one.wrong:
                self._broken.setdefault(way, f"{way} was not proved with another identity")
        policy = authorization.policy(self.stand)
        self.stand.configure(policy)
        self._expect_along(
            ways, authorization.denied(self.stand, ways, requests), "asking as a wrong identity, with a policy"
        )
        self._expect_along(
            ways, authorization.allowed(self.stand, ways, requests), "asking as the right identity, with a policy"
        )
        self.stand.withdraw(policy)

    def _fail_over(self) -> None:
        requests = self._plan.requests
        for cluster in self._mesh.clusters:
            steps = [
                failover.at_home(self.stand, cluster, requests),
                failover.away(self.stand, cluster, requests),
                failover.at_home(self.stand, cluster, requests, again=True),
            ]
            reachable = [way for way in crossing.directions(self._mesh.clusters, [Protocol.HTTP])
                         if way.source is cluster and way not in self._broken]  # fmt: skip
            if not reachable:
                why = f"no other cluster answers {cluster.name}"
                self._outcomes += [step.not_tried(why) for step in steps]
                continue
            self._expect(steps[:1], f"asking {cluster.name}'s own copy")
            self.stand.scale(cluster, 0)
            self._expect(steps[1:2], f"asking without {cluster.name}'s own copy")
            self.stand.scale(cluster, 1)
            self.stand.await_pod(cluster)
            self._expect(steps[2:], f"asking with {cluster.name}'s own copy back")

    def _expect_along(self, ways: Sequence[Direction], expectations: Sequence[Expectation], what: str) -> list[Outcome]:
        """Expect something of directions, but of those that are broken already."""
        pairs = list(zip(ways, expectations, strict=True))
        tried = self._settle([one for way, one in pairs if way not in self._broken], what)
        told = iter([expectation.outcome(one) for one in tried])
        outcomes = [one.not_tried(self._broken[way]) if way in self._broken else next(told) for way, one in pairs]
        self._outcomes += outcomes
        return outcomes

    def _expect(self, expectations: Sequence[Expectation], what: str) -> list[Outcome]:
        outcomes = [expectation.outcome(one) for one in self._settle(expectations, what)]
        self._outcomes += outcomes
        return outcomes

    def _settle(self, questions: Sequence[Callable[[], Answer]], what: str) -> list[Settled[Answer]]:
        return rounds.settle(
            questions, timeout=self._plan.timeout, what=what, cancel=self._cancel, on_change=self._on_change,
            clock=self._clock,
        )  # fmt: skip
