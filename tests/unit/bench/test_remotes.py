"""What the engine's events say of a run's longest chain."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import remotes
from bench.remotes import Run, Span, Step, Watch, longest_chain, table

PREFIX = "urn:pulumi:bench::tether::tether:index:Mesh$kubernetes:core/v1:Thing::"


def urn(name: str) -> str:
    return PREFIX + name


def resource(name: str, *needs: str, provider: str = "", parent: str = "", custom: bool = True) -> dict[str, Any]:
    return {
        "urn": urn(name), "custom": custom, "dependencies": [urn(one) for one in needs],
        "provider": f"{urn(provider)}::id" if provider else "", "parent": urn(parent) if parent else "",
    }  # fmt: skip


def event(kind: str, name: str, operation: str = "create") -> dict[str, Any]:
    return {kind: {"metadata": {"op": operation, "urn": urn(name)}}}


def test_the_chain_is_what_each_waited_for_last() -> None:
    spans = {urn("cluster"): Span(0, 10), urn("slow"): Span(0, 12), urn("chart"): Span(13, 20)}
    spans[urn("gate")] = Span(20, 21)
    made = [resource("cluster"), resource("slow"), resource("chart", "cluster", "slow"), resource("gate", "chart")]
    assert longest_chain(spans, made) == [
        Step("Thing slow", 12, 0), Step("Thing chart", 7, 1), Step("Thing gate", 1, 0)
    ]  # fmt: skip


def test_a_provider_is_waited_for_too_and_components_are_not() -> None:
    spans = {urn("provider"): Span(0, 4), urn("chart"): Span(4, 6), urn("mesh"): Span(0, 7)}
    made = [resource("provider"), resource("chart", provider="provider"), resource("mesh", "chart", custom=False)]
    assert longest_chain(spans, made) == [Step("Thing provider", 4, 0), Step("Thing chart", 2, 0)]


def test_a_component_waits_with_what_is_in_it_and_is_waited_for_like_that() -> None:
    spans = {urn("secret"): Span(0, 3), urn("chart"): Span(3, 5), urn("proof"): Span(5, 6), urn("slow"): Span(0, 4)}
    made = [
        resource("secret"), resource("slow"), resource("gateway", "secret", custom=False),
        resource("chart", parent="gateway"), resource("proof", "gateway", "slow"),
    ]  # fmt: skip
    assert longest_chain(spans, made) == [
        Step("Thing secret", 3, 0), Step("Thing chart", 2, 0), Step("Thing proof", 1, 0)
    ]  # fmt: skip


def test_what_was_there_before_is_no_part_of_the_chain() -> None:
    made = [resource("old"), resource("new", "old")]
    assert longest_chain({urn("new"): Span(1, 3)}, made) == [Step("Thing new", 2, 1)]
    assert longest_chain({}, made) == []


@pytest.mark.parametrize("operation", ["same", "delete", "refresh"])
def test_what_is_not_made_has_no_span(operation: str) -> None:
    watch = Watch(Path("unused"))
    watch.take(event("resourcePreEvent", "a", operation), 1)
    watch.take({"diagnosticEvent": {}}, 2)
    assert watch.spans == {}


def test_the_log_is_read_along_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "events"
    log.touch()
    watch = Watch(log)
    seen = threading.Event()

    def take(event: Mapping[str, Any], now: float) -> None:
        Watch.take(watch, event, now)
        seen.set()

    monkeypatch.setattr(watch, "take", take)
    with watch.watching(), log.open("w") as out:
        begun, ended = (json.dumps(event(kind, "a")) + "\n" for kind in ("resourcePreEvent", "resOutputsEvent"))
        out.write(begun + ended[:9])
        out.flush()
        assert seen.wait(5)
        out.write(ended[9:])
    span = watch.spans[urn("a")]
    assert span.ends is not None
    assert span.ends >= span.begins


def test_every_run_stands_beside_its_chain_and_the_first() -> None:
    chain = (Step("a", 10, 3), Step("b", 10, 2))
    runs = [Run(title="one", seconds=40, chain=chain), Run(title="fewer", seconds=10, chain=())]
    assert table(runs).splitlines()[2:] == [
        "| one | 40.0 | 20.0 | 3.0 | 2.0 | 15.0 | 2.00 | 1.00 |",
        "| fewer | 10.0 |  |  |  |  |  | 0.25 |",
    ]
    assert ", ".join(map(str, chain)) == "a 10.0 after 3.0, b 10.0 after 2.0"


def test_a_stack_has_one_primary_and_as_many_remotes_as_asked_for() -> None:
    text = remotes.content(2)
    assert (text.count("role: primary"), text.count("role: remote")) == (1, 2)
