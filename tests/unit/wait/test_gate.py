"""Gates: when they open, and what they say while they stay shut."""

import threading

import pytest

from tests.unit.wait.fake_clock import FakeClock
from tether import gate, kube, wait


def steps(*findings: gate.Finding) -> list[gate.Step]:
    return [gate.Step(f"step {number}", lambda finding=finding: finding) for number, finding in enumerate(findings, 1)]


GOOD = gate.Finding(ready=True, seen="fine", value=7)
BAD = gate.Finding(ready=False, seen="it sulks", cause="bad weather")


def test_a_gate_opens_when_every_step_is_ready() -> None:
    assert gate.pass_gate(steps(GOOD, GOOD), timeout=1, clock=FakeClock()) == [GOOD, GOOD]


def test_a_gate_that_stays_shut_names_step_state_and_cause() -> None:
    with pytest.raises(gate.GateTimeoutError) as caught:
        gate.pass_gate(steps(GOOD, BAD, GOOD), timeout=30, clock=FakeClock())

    assert str(caught.value) == "step 2: not ready within 30 s. Last state: it sulks. Likely cause: bad weather"


def test_all_steps_share_one_time_limit() -> None:
    clock = FakeClock()
    slow = iter([BAD] * 12 + [GOOD] * 100)

    with pytest.raises(gate.GateTimeoutError):
        gate.pass_gate([gate.Step("slow", lambda: next(slow)), *steps(BAD)], timeout=20, clock=clock)

    assert sum(clock.slept) == pytest.approx(20)


def test_an_api_server_that_does_not_answer_is_a_state_and_not_the_end() -> None:
    answers = iter([kube.KubeError("connection refused"), GOOD])

    def probe() -> gate.Finding:
        answer = next(answers)
        if isinstance(answer, kube.KubeError):
            raise answer
        return answer

    told: list[str] = []
    gate.pass_gate([gate.Step("it", probe)], timeout=30, clock=FakeClock(), on_change=told.append)

    assert told == ["it: connection refused", "it: fine"]


def test_a_gate_can_be_cancelled() -> None:
    cancel = threading.Event()
    cancel.set()

    with pytest.raises(wait.WaitCancelledError):
        gate.pass_gate(steps(BAD), timeout=30, clock=FakeClock(), cancel=cancel)
