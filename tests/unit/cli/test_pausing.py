"""What counts as having come back after a pause."""

import datetime
from typing import Any

import pytest

from tether import kube
from tether.cli import pausing

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)


class Api:
    def __init__(self, *pods: dict[str, Any], error: str = "") -> None:
        self._pods, self._error = list(pods), error

    def get(self, path: str, query: object = None) -> dict[str, Any]:
        assert path == "/api/v1/pods"
        if self._error:
            raise kube.KubeError(self._error)
        return {"items": self._pods}


def pod(*containers: dict[str, Any], phase: str = "Running") -> dict[str, Any]:
    return {"metadata": {"name": "istiod"}, "status": {"phase": phase, "containerStatuses": list(containers)}}


def container(began: str | None, *, ready: bool = True) -> dict[str, Any]:
    return {"ready": ready, "state": {"running": {"startedAt": began}} if began else {"waiting": {}}}


AFTER, BEFORE = "2026-11-28T12:00:00Z", "2026-11-28T11:59:59Z"


def test_pods_that_started_anew_and_are_ready_have_come_back() -> None:
    done = pod(phase="Succeeded")
    assert pausing.stale("east", Api(pod(container(AFTER)), done), NOON) == []  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "one",
    [
        pod(container(BEFORE)),
        pod(container(AFTER, ready=False)),
        pod(container(AFTER), container(None)),
        pod(),
        {"metadata": {"name": "istiod"}},
    ],
)
def test_what_an_api_server_remembers_from_before_the_pause_does_not_count(one: dict[str, Any]) -> None:
    assert pausing.stale("east", Api(one), NOON) == ["east: istiod is not ready"]  # pyright: ignore[reportArgumentType]


def test_an_api_server_that_does_not_answer_yet_is_waited_for() -> None:
    assert pausing.stale("east", Api(error="refused"), NOON) == ["east: refused"]  # pyright: ignore[reportArgumentType]
