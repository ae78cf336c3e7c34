import dataclasses
import datetime
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.kube.fake_api import FakeApi
from tether.verify import echo, owner, reaper
from tether.verify.reaper import State

HOUR = datetime.timedelta(hours=1)
NOW = datetime.datetime.now(datetime.UTC)


def namespace(name: str = "tether-verify-1", *, by: owner.Owner | None = None, **labels: str) -> dict[str, Any]:
    made = echo.namespace_object(name)
    metadata = made["metadata"]
    metadata["creationTimestamp"] = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    metadata["labels"] |= labels
    if by is not None:
        metadata["annotations"][reaper.OWNER] = owner.write(by)
    return made


def cluster(*namespaces: dict[str, Any]) -> FakeApi:
    api = FakeApi()
    api.objects["/api/v1/namespaces"] = {"items": list(namespaces)}
    return api


def state(entry: dict[str, Any]) -> State:
    (found,) = reaper.remnants(cluster(entry))
    return found.state


def ended_process() -> owner.Owner:
    """A process that was here and is gone."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = dataclasses.replace(owner.this_process(HOUR), process=child.pid)
    child.communicate(b"\n")
    return found


def test_what_this_process_works_in_is_in_use() -> None:
    assert state(namespace()) is State.IN_USE


def test_what_a_dead_process_left_is_removed_at_once() -> None:
    api = cluster(namespace(by=ended_process()))

    assert reaper.reap(api) == ["tether-verify-1"]
    assert api.deleted == ["/api/v1/namespaces/tether-verify-1"]


def test_a_number_that_was_given_to_another_program_is_no_owner() -> None:
    assert state(namespace(by=dataclasses.replace(owner.this_process(HOUR), started="1"))) is State.LEFT


def test_a_zombie_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    zombie = dataclasses.replace(owner.this_process(HOUR), process=child.pid)
    try:
        assert zombie.is_gone(NOW)
    finally:
        child.wait()


@pytest.mark.parametrize("elsewhere", [{"host": "another"}, {"machine": "another boot"}])
def test_a_process_of_another_machine_is_given_its_time(elsewhere: dict[str, str]) -> None:
    there = dataclasses.replace(ended_process(), **elsewhere)
    late = dataclasses.replace(there, until=(NOW - HOUR).isoformat())

    assert state(namespace(by=there)) is State.IN_USE
    assert state(namespace(by=late)) is State.LEFT


def test_what_was_kept_is_removed_on_demand_only() -> None:
    api = cluster(namespace(by=ended_process(), **{reaper.KEPT: "true"}))

    assert reaper.reap(api) == []
    assert reaper.reap(api, kept=True) == ["tether-verify-1"]


def test_what_is_in_use_is_not_removed_on_demand_either() -> None:
    api = cluster(namespace())

    assert reaper.reap(api, kept=True) == []
    assert api.deleted == []


def test_what_ends_already_is_no_remnant() -> None:
    ending = namespace(by=ended_process())
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert reaper.remnants(cluster(ending)) == []


def test_a_namespace_with_a_copied_label_is_left_alone() -> None:
    copied = namespace(by=ended_process())
    copied["metadata"]["name"] = "production"

    assert reaper.reap(cluster(copied), kept=True) == []


@pytest.mark.parametrize("annotation", ["", "nonsense", "{}", "[]", '{"until": "soon"}'])
def test_a_namespace_of_nobody_known_is_judged_by_its_age(annotation: str) -> None:
    young, old = namespace("tether-verify-1"), namespace("tether-verify-2")
    old["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    for one in (young, old):
        one["metadata"]["annotations"][reaper.OWNER] = annotation

    assert [one.state for one in reaper.remnants(cluster(young, old))] == [State.IN_USE, State.LEFT]


@given(st.text())
def test_any_annotation_is_read_without_an_error(line: str) -> None:
    owner.read(line)


def test_what_is_written_is_read_again() -> None:
    me = owner.this_process(HOUR)

    assert owner.read(owner.write(me)) == me
    assert me.is_here()
    assert not me.is_gone(NOW + 2 * HOUR)
