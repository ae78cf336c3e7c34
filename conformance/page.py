"""The page about the results, written from them: ``docs/conformance/README.md``."""

import re
from collections.abc import Iterable, Iterator

from conformance.events import Outcome
from conformance.explanations import explanation
from conformance.record import Record, Result

_INTRODUCTION = """\
# Istio's own integration tests on Tether's mesh

Istio's integration tests (`tests/integration/pilot` and `tests/integration/security` in its module) run against a mesh
that is already there. `make conformance` builds them from the pinned Istio, brings up a stack of its own with
`tether up` (one primary, one remote, an ingress gateway in each), runs what applies to such a mesh, writes
[results.json](results.json) and this page after every group, and takes the stack down. Nothing here is written by hand.

What is laid over the mesh before the run is what Istio's own runs install it with (`tests/integration/base.yaml`,
`iop-integration-test-defaults.yaml`, `security/main_test.go`): small requests, access log, DNS capture, no default
retries, istiod's switches for tests, an egress gateway, two more ports of the ingress gateway; and the Gateway API's
kinds. See `conformance/fixture.py`. The mesh of the documented sequence gets the same. And every node refuses requests
to a Service that it does not know yet: such a request would leave the machine, and whoever answered out there would be
asked again and again (`conformance/dressing.py`).

| command | what it runs |
|---|---|
| `make conformance` | everything, on a mesh of its own |
| `.venv/bin/python -m conformance --only 'TestReachability,TestTraffic/dns'` | these tests; other results are kept |
| `.venv/bin/python -m conformance --failed` | what failed, once more |
| `.venv/bin/python -m conformance --not-run` | what no run got to yet |
| `.venv/bin/python -m conformance --failed --peer` | the same on a mesh of Istio's documented sequence |
| `.venv/bin/python -m conformance --stack NAME` | on a stack that is up, which stays up and is changed |

Two cores need hours for everything. The tests' whole output is in `.tether/conformance/`.

- **passed** — the test and all its subtests passed
- **failed** — at least one subtest failed; which and why is said below
- **does not apply** — the test says so itself (one cluster only, one network only, …), or it is left out for a reason
- **not run** — the time was over before its turn, or in the middle of it

`TestTraffic` is half of its suite; its sections are counted as tests. What failed is run once more before it is
believed; column "run" says which run the result is of.

How the doctor compares with `istioctl` on broken meshes: [doctor-and-istioctl.md](doctor-and-istioctl.md).
"""


def render(record: Record, peer: Record | None = None) -> str:
    """The page as Markdown.

    Args:
        record: results on Tether's mesh.
        peer: results on a mesh of the documented sequence, of the same parts.
    """
    if peer and peer.parts != record.parts:
        peer = None
    lines = [*_numbers(record), *_groups(record), *_failures(record, peer), *_others(record), ""]
    return "\n".join([_INTRODUCTION, *lines])


def _numbers(record: Record) -> Iterator[str]:
    yield "## In numbers\n"
    yield "Made with " + ", ".join(f"{name} {value}" for name, value in record.parts.items()) + ".\n"
    yield "| group | tests passed | failed | do not apply | not run | subtests passed | failed |"
    yield "|---|---|---|---|---|---|---|"
    for group in _names(record):
        yield _sum(group, [result for result in record.results if result.group == group])
    left_out = [result for result in record.results if not result.group]
    if left_out:
        yield _sum("left out", left_out)
    yield _sum("**all**", record.results)


def _names(record: Record) -> list[str]:
    return list(dict.fromkeys(result.group for result in record.results if result.group))


def _sum(title: str, results: "list[Result] | tuple[Result, ...]") -> str:
    counts = [sum(1 for result in results if result.outcome is outcome) for outcome in Outcome]
    inner = [sum(result.passed for result in results), sum(result.failed for result in results)]
    return f"| {title} | " + " | ".join(str(number) for number in (*counts, *inner)) + " |"


def _groups(record: Record) -> Iterator[str]:
    for group in _names(record):
        ran = [result for result in record.results if result.group == group and _was_run(result)]
        if not ran:
            continue
        yield f"\n## {group[0].upper()}{group[1:]}\n"
        yield "| test | outcome | run | subtests passed | failed | skipped | seconds |"
        yield "|---|---|---|---|---|---|---|"
        for result in ran:
            yield (
                f"| {result.test} | {_mark(result)} | {result.attempts} | {result.passed} | {result.failed} "
                f"| {result.skipped} | {result.seconds:g} |"
            )


def _was_run(result: Result) -> bool:
    """Whether there is more to tell than the reason why it was not run."""
    return result.outcome in (Outcome.PASSED, Outcome.FAILED) or result.passed + result.failed > 0


def _mark(result: Result) -> str:
    return f"**{result.outcome}**" if result.outcome is Outcome.FAILED else str(result.outcome)


def _failures(record: Record, peer: Record | None) -> Iterator[str]:
    failed = [result for result in record.results if result.outcome is Outcome.FAILED]
    if not failed:
        return
    yield "\n## What failed, and why\n"
    yield (
        "The last line of each says what the same test does on a mesh that was installed in the documented sequence,\n"
        "step by step with Istio's charts and `istioctl`, of the same images (`bench/peer.py`).\n"
    )
    known = {(result.suite, result.test): result for result in (peer.results if peer else ())}
    for result in failed:
        yield f"- **{result.test}**: {explanation(result) or 'not explained yet'}"
        if result.reason:
            yield f"  - it said: `{_plain(result.reason)}`"
        for name in result.failures[:_SHOWN]:
            yield f"  - `{_plain(name)}`"
        if len(result.failures) > _SHOWN:
            yield f"  - and {len(result.failures) - _SHOWN} more (results.json)"
        yield f"  - {_beside(result, known.get((result.suite, result.test)))}"


def _beside(result: Result, peer: Result | None) -> str:
    """How a failed test does on the peer's mesh."""
    if peer is None or peer.outcome is Outcome.NOT_RUN:
        return "on the mesh of the documented sequence: not run"
    if peer.outcome is not Outcome.FAILED:
        return f"on the mesh of the documented sequence: **{peer.outcome}**"
    here, there = _unnumbered(result.failures), _unnumbered(peer.failures)
    if here == there:
        return "on the mesh of the documented sequence: failed, in the same subtests"
    only = ", ".join(f"`{_plain(name)}`" for name in sorted(here - there)[:_SHOWN]) or "none"
    return (
        f"on the mesh of the documented sequence: failed, in {len(there)} subtests, {len(here & there)} of them the "
        f"same; only here: {only}"
    )


def _unnumbered(failures: Iterable[str]) -> set[str]:
    """Names without the numbers that the tests' framework gives a namespace anew in every run."""
    return {_NUMBER.sub("echo-N", name) for name in failures}


def _others(record: Record) -> Iterator[str]:
    for outcome, title in ((Outcome.NOT_RUN, "Not run"), (Outcome.DOES_NOT_APPLY, "Does not apply")):
        chosen = [result for result in record.results if result.outcome is outcome]
        if chosen:
            yield f"\n## {title}\n"
            yield "| test | why |"
            yield "|---|---|"
            yield from (f"| {result.test} | {_plain(result.reason)} |" for result in chosen)


def _plain(text: str) -> str:
    """One line that cannot break a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")


_SHOWN = 12
_NUMBER = re.compile(r"\becho-\d+-\d+")
