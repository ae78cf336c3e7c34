"""What counts as having come back after a pause."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.workbench import calls, checkout, cluster, exported, stack, write_state
from tests.unit.compatibility.making import RELEASED
from tether import parts
from tether.cli import pausing, project

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)


class Api:
    """Remembers what was deleted."""

    def __init__(self) -> None:
        self.deleted: list[tuple[str, object]] = []

    def delete(self, path: str, query: object = None) -> None:
        self.deleted.append((path, query))


def pod(*containers: dict[str, Any], phase: str = "Running", name: str = "istiod", owner: str = "") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "istio-system", "ownerReferences": [{"kind": owner}] if owner else []}
    return {"metadata": metadata, "status": {"phase": phase, "containerStatuses": list(containers)}}


def container(began: str | None, *, ready: bool = True) -> dict[str, Any]:
    return {"ready": ready, "state": {"running": {"startedAt": began}} if began else {"waiting": {}}}


AFTER, BEFORE = "2026-11-28T12:00:00Z", "2026-11-28T11:59:59Z"


def test_pods_that_started_anew_and_are_ready_have_come_back() -> None:
    done = pod(phase="Succeeded")
    assert list(pausing.stale([pod(container(AFTER)), done], NOON)) == []


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
    assert list(pausing.stale([one], NOON)) == ["istiod is not ready"]


def test_pods_of_other_namespaces_are_not_waited_for_where_one_is_asked_about() -> None:
    one = pod(container(BEFORE))
    assert list(pausing.stale([one], NOON, "kube-system")) == []
    assert list(pausing.stale([one], NOON, "istio-system")) == ["istiod is not ready"]


def test_what_failed_and_waits_is_replaced_where_something_makes_a_new_one() -> None:
    failed = {"ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    api = Api()
    pods = [
        pod(failed, name="speaker", owner="DaemonSet"),
        pod(failed, name="controller", owner="ReplicaSet"),
        pod(failed, name="of-a-user"),
        pod(failed, name="static", owner="Node"),
        pod(container(BEFORE), name="not-yet", owner="ReplicaSet"),
        pod(container(None), name="pulling", owner="ReplicaSet"),
    ]
    pausing.replace_waiting(api, pods)  # pyright: ignore[reportArgumentType]
    within = "/api/v1/namespaces/istio-system/pods"
    assert [path for path, _ in api.deleted] == [f"{within}/speaker", f"{within}/controller"]
    assert {str(query) for _, query in api.deleted} == {"{'gracePeriodSeconds': '0'}"}


def test_nodes_are_stopped_in_words_that_every_runtime_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--time`` is deprecated by Docker 28, and ``--timeout`` is unknown to those before it and to podman."""
    place = checkout(tmp_path)
    write_state(place, exported(stack(), cluster("cluster1")))
    parts.write(RELEASED, place.root / parts.FILE)
    program = tmp_path / "bin" / RELEASED.container_runtime
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{program.parent}/calls\n')
    program.chmod(0o755)
    monkeypatch.setattr(project, "full_environment", lambda _: {"PATH": f"{program.parent}:/usr/bin:/bin"})  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]

    pausing._Runtime(place).stop(["one", "two"])  # pyright: ignore[reportPrivateUsage]

    assert calls(program.parent) == ["stop -t 10 one two"]
