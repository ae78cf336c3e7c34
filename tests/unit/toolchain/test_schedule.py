import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from toolchain import golang, schedule
from toolchain.places import Cache
from toolchain.store import Artefact, Store, Workshop


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def planned(self, names: Sequence[str], finished: Sequence[str]) -> None:
        self.lines.append(f"make {' '.join(names) or 'nothing'}, have {' '.join(finished) or 'nothing'}")

    def started(self, name: str) -> None:
        self.lines.append(f"+{name}")

    def waiting(self, name: str) -> None:
        self.lines.append(f"?{name}")

    def finished(self, name: str) -> None:
        self.lines.append(f"-{name}")

    def failed(self, name: str, error: BaseException) -> None:
        self.lines.append(f"!{name}")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(tmp_path))


def touch(workshop: Workshop) -> None:
    (workshop.draft / "content").write_text(" ".join(sorted(path.parent.name for path in workshop.needs.values())))


def test_needs_are_made_first_and_each_only_once(store: Store):
    base = Artefact(name="base", make=touch)
    left, right = (Artefact(name=name, make=touch, needs=(base,)) for name in ("left", "right"))
    top = Artefact(name="top", make=touch, needs=(left, right))
    heard = Heard()
    made = schedule.realise([top], store, heard)
    assert set(made) == {"base", "left", "right", "top"}
    assert heard.lines[0] == "make base left right top, have nothing"
    order = [line for line in heard.lines if line[0] in "+-"]
    assert order[:2] == ["+base", "-base"]
    assert order[-2:] == ["+top", "-top"]
    assert sorted(order[2:6]) == ["+left", "+right", "-left", "-right"]


def test_with_everything_there_nothing_is_started(store: Store):
    artefact = Artefact(name="thing", make=touch)
    schedule.realise([artefact], store, Heard())
    heard = Heard()
    schedule.realise([artefact], store, heard)
    assert heard.lines == ["make nothing, have thing"]


def test_a_failure_names_the_part_and_the_way_on_and_keeps_what_was_finished(store: Store):
    def fail(workshop: Workshop) -> None:
        raise ValueError("no such flour")

    good = Artefact(name="good", make=touch)
    bad = Artefact(name="bad", make=fail, needs=(good,))
    never = Artefact(name="never", make=touch, needs=(bad,))
    heard = Heard()
    with pytest.raises(schedule.BuildError, match=r"(?s)^bad: .*no such flour.*make tools") as caught:
        schedule.realise([never], store, heard)
    assert caught.value.name == "bad"
    assert store.has(good)
    assert "!bad" in heard.lines
    assert "+never" not in heard.lines


def test_a_lane_is_never_fuller_than_its_limit_while_others_go_on(store: Store):
    limit = schedule.LANES[golang.LANE]
    guard, running, peak = threading.Lock(), [0], [0]

    def crowded(workshop: Workshop) -> None:
        with guard:
            running[0] += 1
            peak[0] = max(peak[0], running[0])
        time.sleep(0.05)
        with guard:
            running[0] -= 1

    many = [Artefact(name=f"go{number}", make=crowded, lane=golang.LANE) for number in range(limit * 3)]
    free = Artefact(name="free", make=touch)
    heard = Heard()
    schedule.realise([*many, free], store, heard)
    assert peak[0] == limit
    assert heard.lines.index("+free") < heard.lines.index(f"+go{limit}")
