"""``python -m bench.remotes``: what ``pulumi up`` takes with more and more remotes, and what one more of them costs."""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.measure import reading
from bench.stack import PROJECT, Stack, empty, tell
from toolchain import build, environment

REMOTES = (1, 2, 4)
POLL_SECONDS = 0.02
_WORTH_TELLING = 0.1
"""Seconds."""
_MADE = ("create", "create-replacement", "update", "read", "read-replacement")


@dataclass
class Span:
    """When the engine worked on one resource, in seconds since the run began."""

    begins: float
    ends: float | None = None


@dataclass(frozen=True)
class Step:
    """A resource of a chain in which each had to wait for the one before."""

    name: str
    seconds: float
    """That the engine worked on it."""
    waited: float
    """Since the step before ended, or the run began: the program goes on, and the engine compares."""

    def __str__(self) -> str:
        return f"{self.name} {self.seconds:.1f}" + (
            f" after {self.waited:.1f}" if self.waited >= _WORTH_TELLING else ""
        )


@dataclass(frozen=True, kw_only=True)
class Run:
    """One measured ``pulumi up``."""

    title: str
    seconds: float
    chain: Sequence[Step]
    """The longest one; empty where nothing was made."""

    @property
    def chain_seconds(self) -> float:
        """What the chain alone takes: no run can be faster."""
        return sum(step.seconds for step in self.chain)

    @property
    def rest(self) -> tuple[float, float, float]:
        """The other seconds: before the chain began, between its steps, and after it had ended."""
        before, *between = [step.waited for step in self.chain]
        return before, sum(between), self.seconds - self.chain_seconds - before - sum(between)


@dataclass
class Watch:
    """Reads the engine's event log while it is written: the engine's own times are whole seconds."""

    file: Path
    spans: dict[str, Span] = field(default_factory=dict[str, Span])

    @contextmanager
    def watching(self) -> Generator[None]:
        """Read along for the length of a block."""
        over = threading.Event()
        reader = threading.Thread(target=self._read, args=(over, time.monotonic()))
        reader.start()
        try:
            yield
        finally:
            over.set()
            reader.join()

    def _read(self, over: threading.Event, began: float) -> None:
        rest = ""
        with self.file.open() as log:
            while True:
                is_last = over.is_set()
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    self.take(json.loads(line), time.monotonic() - began)
                if is_last:
                    return
                time.sleep(POLL_SECONDS)

    def take(self, event: Mapping[str, Any], now: float) -> None:
        """Note an event (pulumi/pulumi sdk/go/common/apitype/events.go)."""
        for kind in ("resourcePreEvent", "resOutputsEvent"):
            metadata = event.get(kind, {}).get("metadata", {})
            if metadata.get("op") in _MADE:
                if kind == "resourcePreEvent":
                    self.spans[metadata["urn"]] = Span(now)
                elif span := self.spans.get(metadata["urn"]):
                    span.ends = now


def longest_chain(spans: Mapping[str, Span], resources: Sequence[Mapping[str, Any]]) -> list[Step]:
    """From the resource that was ready last back along what each waited for, in order of time."""
    needs = _needs(resources)
    ends = {urn: span.ends for urn, span in spans.items() if span.ends is not None and urn in needs}
    chain: list[Step] = []
    here = max(ends, key=lambda urn: ends[urn], default=None)
    while here is not None:
        before = max(needs[here] & ends.keys(), key=lambda urn: ends[urn], default=None)
        begins = spans[here].begins
        chain.append(Step(_spoken(here), ends[here] - begins, begins - (ends[before] if before else 0)))
        here = before
    return chain[::-1]


def _needs(resources: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What each resource that is no component waits for: itself, and with the components that it is in.

    A component that is waited for stands for what is in it.
    """
    by_urn = {str(one["urn"]): one for one in resources}
    inside: dict[str, set[str]] = {urn: set() for urn in by_urn}
    around = {urn: [urn, *_ancestors(urn, by_urn)] for urn in by_urn}
    customs = [urn for urn, one in by_urn.items() if one.get("custom")]
    for urn in customs:
        for place in around[urn]:
            inside[place].add(urn)
    needs: dict[str, set[str]] = {}
    for urn in customs:
        named = {need for place in around[urn] for need in by_urn[place].get("dependencies", ())}
        named.add(str(by_urn[urn].get("provider", "")).rpartition("::")[0])
        needs[urn] = {inner for need in named for inner in inside.get(need, ())} - {urn}
    return needs


def _ancestors(urn: str, by_urn: Mapping[str, Mapping[str, Any]]) -> Generator[str]:
    while parent := by_urn.get(urn, {}).get("parent"):
        urn = str(parent)
        yield urn


def _spoken(urn: str) -> str:
    """A resource by its type and name: ``Release cluster2-base``."""
    *_, types, name = urn.split("::")
    return f"{types.rpartition(':')[2]} {name}"


def content(remotes: int) -> str:
    """A stack file with as many remotes."""
    clusters = [
        {"name": f"cluster{number}", "role": "remote" if number > 1 else "primary", "network": f"network{number}"}
        for number in range(1, remotes + 2)
    ]
    return yaml.safe_dump({"config": {"tether:clusters": clusters}})


def measured(stack: Stack, title: str, *, grows: bool = True) -> Run:
    """Bring a stack up and look what it waited for, where it grows."""
    with tempfile.NamedTemporaryFile(prefix="tether-bench-", suffix=".events") as log:
        watch = Watch(Path(log.name))
        with reading() as taken, watch.watching():
            stack.up("--event-log", log.name)
    chain = longest_chain(watch.spans, stack.resources()) if grows else []
    run = Run(title=title, seconds=taken.seconds, chain=chain)
    tell(f"  {title}: {run.seconds:.1f} s; chain: " + ", ".join(map(str, run.chain)))
    return run


def runs(settings: Mapping[str, str], remotes: int) -> Generator[Run]:
    """From nothing, then one remote less, if there is more than one, and one more again; everything is removed."""
    tell(f"{remotes} of {max(REMOTES)} remotes")
    with empty(settings, content(remotes)) as stack:
        try:
            yield measured(stack, f"from nothing, {remotes}")
            if remotes > 1:
                stack.config.write_text(content(remotes - 1))
                yield measured(stack, f"from {remotes} to {remotes - 1}", grows=False)
                stack.config.write_text(content(remotes))
                yield measured(stack, f"from {remotes - 1} to {remotes}")
        finally:
            stack.destroy()


def table(done: Sequence[Run]) -> str:
    """Markdown; each run beside the chain of its own that it cannot be faster than, and beside the first run."""
    titles = ["remotes", "seconds", "longest chain", "before it", "between", "after it", "seconds / chain",
              "seconds / first row"]  # fmt: skip
    rows = [titles, ["---"] * len(titles)]
    for run in done:
        own = [""] * 5
        if run.chain:
            own = [f"{value:.1f}" for value in (run.chain_seconds, *run.rest)]
            own.append(f"{run.seconds / run.chain_seconds:.2f}")
        rows.append([run.title, f"{run.seconds:.1f}", *own, f"{run.seconds / done[0].seconds:.2f}"])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> int:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.remotes", description=__doc__)
    parser.add_argument(
        "--remotes", type=int, nargs="+", default=REMOTES, metavar="N", help="numbers of remotes (default: 1 2 4)"
    )
    numbers = parser.parse_args().remotes
    build.ensure(PROJECT)
    settings = {**os.environ, **environment.variables(PROJECT), "PULUMI_DEBUG_COMMANDS": "true"}
    sys.stdout.write(table([run for number in numbers for run in runs(settings, number)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
