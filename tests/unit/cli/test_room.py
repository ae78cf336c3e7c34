"""What a machine has left beside environments that are still coming up, with a stand-in for what it says of itself."""

import dataclasses
import time

import pytest

from tests.unit.cli.env_desk import NAME, Desk
from tests.unit.environments.making import living
from tests.unit.preflight.test_checks import GOOD
from tether.cli import environments, room
from tether.environments.registry import Phase
from tether.preflight import Need
from tether.preflight.checks import INOTIFY_IDLE, INOTIFY_LEAST

TWO_CLUSTERS = 2 * INOTIFY_LEAST
TWO_MORE = 2 * INOTIFY_IDLE


def come_up(desk: Desk, name: str, *, more_clusters: int) -> None:
    """Have an environment that stands be one that is still to get more clusters."""
    assert desk.type("up", name) == 0
    entry = environments.find(desk.known, name)
    changed = dataclasses.replace(
        entry, phase=Phase.MAKING, worker=living(), clusters=entry.clusters + more_clusters
    )  # fmt: skip
    desk.known.write(changed)


def leave(desk: Desk, inotify: int) -> None:
    desk.bench.facts = dataclasses.replace(GOOD, inotify_free=inotify)


@pytest.mark.parametrize(("left", "code"), [(TWO_CLUSTERS, 0), (TWO_CLUSTERS - 1, 3)], ids=["enough", "too little"])
def test_what_others_still_take_is_waited_for_where_that_decides(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], left: int, code: int
) -> None:
    """Observed: three environments that were asked for at once all saw room, and none of them came up."""
    come_up(desk, "a", more_clusters=2)
    leave(desk, TWO_CLUSTERS + TWO_MORE - 1)
    waited: list[float] = []

    def have_its_nodes(seconds: float) -> None:
        waited.append(seconds)
        desk.known.write(dataclasses.replace(environments.find(desk.known, "a"), phase=Phase.STANDING, worker=None))
        leave(desk, left)

    monkeypatch.setattr(room, "sleep", have_its_nodes)
    capfd.readouterr()
    assert desk.type("up", NAME) == code
    assert len(waited) == 1
    said = capfd.readouterr().err
    assert "waiting for the nodes of a" in said
    assert (f"{left} of {GOOD.inotify_instances} free" in said) is bool(code)


@pytest.mark.parametrize("more", [0, 2], ids=["they have their nodes", "there is room for all"])
def test_nothing_is_waited_for_where_it_does_not_decide(desk: Desk, monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    come_up(desk, "a", more_clusters=more)
    leave(desk, TWO_CLUSTERS + more * INOTIFY_IDLE)
    monkeypatch.setattr(room, "sleep", lambda _: pytest.fail("waited"))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert desk.type("up", NAME) == 0


def test_who_never_gets_its_nodes_is_not_waited_for_without_an_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    come_up(desk, "a", more_clusters=2)
    leave(desk, TWO_CLUSTERS)
    monkeypatch.setattr(room, "WAIT_SECONDS", -1.0)
    assert desk.type("up", NAME) == 3
    assert "beside what runs already and what is coming up: a" in capfd.readouterr().err


def test_what_has_little_time_does_not_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    come_up(desk, "a", more_clusters=2)
    leave(desk, TWO_CLUSTERS)
    waited: list[float] = []
    monkeypatch.setattr(room, "sleep", waited.append)
    monkeypatch.setattr(room, "monotonic", lambda: time.monotonic() + 60 * len(waited))
    assert desk.type("up", NAME, "--timeout", "50s") == 3
    assert len(waited) == 1


def test_of_three_that_are_asked_for_at_once_the_third_has_no_room_by_default() -> None:
    """Linux gives a user 128 instances."""
    assert Need(clusters=2, promised={"a": 2}).inotify < 128 < Need(clusters=2, promised={"a": 2, "b": 2}).inotify
