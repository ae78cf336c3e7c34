"""A gate: a list of facts that must hold before the next thing may be made."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tether import kube, wait


@dataclass(frozen=True)
class Finding:
    """What a probe saw."""

    ready: bool
    seen: str
    cause: str = ""
    """Likely cause and where to look; empty when ready."""
    value: Any = None
    """What later steps need, for example an address."""


@dataclass(frozen=True)
class Step:
    """One fact of a gate."""

    name: str
    probe: Callable[[], Finding]


class GateTimeoutError(Exception):
    """A gate did not open in time; the text names the step, its last state and the likely cause."""

    def __init__(self, step: str, finding: Finding, seconds: float) -> None:
        cause = f" Likely cause: {finding.cause}" if finding.cause else ""
        super().__init__(f"{step}: not ready within {seconds:g} s. Last state: {finding.seen}.{cause}")
        self.step = step
        self.finding = finding


def pass_gate(
    steps: Sequence[Step],
    *,
    timeout: float,
    cancel: threading.Event | None = None,
    on_change: Callable[[str], None] = lambda _: None,
    clock: wait.Clock = wait.SYSTEM_CLOCK,
) -> list[Finding]:
    """Wait until every step is ready, one after the other, within one time limit.

    Returns:
        The last finding of each step.

    Raises:
        GateTimeoutError: a step was not ready when the time was over.
        WaitCancelledError: ``cancel`` was set.
    """
    deadline = clock.now() + timeout
    findings: list[Finding] = []
    for step in steps:
        findings.append(_pass_step(step, timeout, deadline, cancel, on_change, clock))
    return findings


def _pass_step(
    step: Step,
    timeout: float,
    deadline: float,
    cancel: threading.Event | None,
    on_change: Callable[[str], None],
    clock: wait.Clock,
) -> Finding:
    last = Finding(ready=False, seen="not asked yet")

    def probe() -> Finding:
        nonlocal last
        last = _answer(step)
        return last

    try:
        return wait.wait(
            probe,
            ready=lambda finding: finding.ready,
            timeout=max(0.0, deadline - clock.now()),
            what=step.name,
            describe=lambda finding: finding.seen,
            on_change=lambda words: on_change(f"{step.name}: {words}"),
            cancel=cancel,
            clock=clock,
        )
    except wait.WaitTimeoutError:
        raise GateTimeoutError(step.name, last, timeout) from None


def _answer(step: Step) -> Finding:
    try:
        return step.probe()
    except kube.KubeError as error:
        return Finding(
            ready=False,
            seen=str(error),
            cause="the API server does not answer this machine, or the kubeconfig's user may not do this",
        )
