"""One verification, from deploying the echo application to removing it."""

import datetime
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from tether import kube, wait
from tether.revision import DEFAULT, Revision
from tether.verify import echo, judgement, reaper
from tether.verify.pods import ready_pod

Result = TypeVar("Result")


class VerificationError(Exception):
    """The mesh did not prove itself; the text is one sentence that says which direction got what."""


@dataclass(frozen=True)
class Side:
    """One cluster."""

    name: str
    """Istio cluster ID."""
    api: kube.Api


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do."""

    image: str
    """Istio's echo application (``app``)."""
    trust_domain: str = "cluster.local"
    revision: Revision = DEFAULT
    prefix: str = "tether-verify"
    requests: int = 20
    """Per asking cluster."""
    timeout: float = 120
    """Seconds for everything but the removal."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was seen."""

    requests: int
    """Sent in the round that proved the mesh, by all clusters together."""
    rounds: int
    """How many rounds it took until every proxy knew every endpoint."""
    answers: dict[str, dict[str, int]]
    """Asking cluster → answering cluster → count."""
    identities: list[str]
    """SPIFFE identities that were seen across clusters."""
    seconds: float
    verified_at: str
    """ISO 8601, UTC."""


def verify(
    sides: Sequence[Side],
    plan: Plan,
    *,
    meanwhile: Callable[[], float] | None = None,
    cancel: threading.Event | None = None,
    on_change: Callable[[str], None] = lambda _: None,
    clock: wait.Clock = wait.SYSTEM_CLOCK,
) -> Report:
    """Prove that every cluster's requests are answered by every cluster, over mTLS.

    Everything that was made is removed again, also after a failure or a cancellation.

    Args:
        sides: the clusters.
        plan: what to do.
        meanwhile: waits for what requests need and pods do not, while those start; tells the seconds that are left.
        cancel: ends it.
        on_change: is told how far it is.
        clock: what it goes by.

    Raises:
        VerificationError: not proved in time.
        WaitCancelledError: ``cancel`` was set.
    """
    run = _Run(sides, plan, cancel or threading.Event(), on_change, clock)
    try:
        return run.prove(meanwhile)
    finally:
        run.remove()


class _Run:
    def __init__(
        self,
        sides: Sequence[Side],
        plan: Plan,
        cancel: threading.Event,
        on_change: Callable[[str], None],
        clock: wait.Clock,
    ) -> None:
        self._sides = sides
        self._plan = plan
        self._cancel = cancel
        self._on_change = on_change
        self._clock = clock
        self._namespace = f"{plan.prefix}-{secrets.token_hex(4)}"
        self._started = clock.now()
        self._deadline = self._started + plan.timeout
        self._rounds = 0
        self._expected = judgement.Expectation(
            [side.name for side in sides], self._namespace, plan.trust_domain, plan.requests
        )

    def prove(self, meanwhile: Callable[[], float] | None) -> Report:
        self._on_change("deploying the echo application")
        self._everywhere(self._deploy)
        if meanwhile is not None:
            self._deadline = meanwhile() + self._clock.now()
        pods = self._everywhere(self._await_pod)
        self._on_change("sending requests")

        def ask() -> Mapping[str, echo.Tally | str]:
            self._rounds += 1
            return self._everywhere(lambda side: self._ask(side, pods[side.name]))

        seen = self._wait(ask, lambda round_: judgement.complaint(self._expected, round_), "requests between clusters")
        return self._report({name: found for name, found in seen.items() if isinstance(found, echo.Tally)})

    def remove(self) -> None:
        """Remove the namespaces, without waiting for Kubernetes to finish; pods end at once."""
        self._on_change("removing the echo application")
        self._everywhere(lambda side: reaper.remove(side.api, self._namespace))

    def _everywhere(self, action: Callable[[Side], Result]) -> dict[str, Result]:
        with ThreadPoolExecutor(len(self._sides)) as pool:
            results = pool.map(action, self._sides)
            return {side.name: result for side, result in zip(self._sides, results, strict=True)}

    def _wait(self, probe: Callable[[], Result], complain: Callable[[Result], str], what: str) -> Result:
        """Probe until there is nothing to complain about."""
        last = ""

        def judged() -> tuple[Result, str]:
            nonlocal last
            state = probe()
            last = complain(state)
            return state, last

        try:
            state, _ = wait.wait(
                judged,
                ready=lambda judgement: not judgement[1],
                timeout=max(0.0, self._deadline - self._clock.now()),
                what=what,
                describe=lambda judgement: judgement[1],
                on_change=self._on_change,
                cancel=self._cancel,
                clock=self._clock,
            )
        except wait.WaitTimeoutError:
            raise VerificationError(f"not verified within {self._plan.timeout:g} s: {last}") from None
        return state

    def _deploy(self, side: Side) -> None:
        try:
            side.api.create("/api/v1/namespaces", echo.namespace_object(self._namespace, self._plan.revision))
            for path, body in echo.objects(self._namespace, side.name, self._plan.image):
                side.api.create(path, body)
        except kube.KubeError as error:
            raise VerificationError(f"the echo application could not be deployed in {side.name}: {error}") from None

    def _await_pod(self, side: Side) -> str:
        def probe() -> tuple[str, str]:
            try:
                return ready_pod(side.api, self._namespace)
            except kube.KubeError as error:
                return "", str(error)

        found = self._wait(
            probe,
            lambda state: "" if state[0] else f"the echo application of {side.name} is not ready: {state[1]}",
            f"the echo application of {side.name}",
        )
        return found[0]

    def _ask(self, side: Side, pod: str) -> echo.Tally | str:
        command = echo.client_command(self._namespace, self._plan.requests)
        try:
            done = side.api.execute(self._namespace, pod, command, container=echo.APP, timeout=30, cancel=self._cancel)
        except kube.KubeError as error:
            return str(error)
        if done.exit_code != 0:
            return (done.stderr or done.stdout).strip()[-300:] or f"the client ended with {done.exit_code}"
        return echo.tally(echo.read_answers(done.stdout))

    def _report(self, seen: Mapping[str, echo.Tally]) -> Report:
        crossed = [
            identity
            for source, found in seen.items()
            for cluster, client, server in found.identities
            if cluster != source
            for identity in (client, server)
        ]
        return Report(
            requests=self._plan.requests * len(self._sides),
            rounds=self._rounds,
            answers={source: dict(sorted(found.clusters.items())) for source, found in seen.items()},
            identities=sorted(set(crossed)),
            seconds=round(self._clock.now() - self._started, 1),
            verified_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
