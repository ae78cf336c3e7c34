"""``python -m conformance``: Istio's integration tests on Tether's mesh."""

import argparse
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from conformance import dressing, page, record
from conformance.catalogue import GROUPS, LEFT_OUT, Group, dealt
from conformance.events import Outcome, Seen
from conformance.explanations import explanation
from conformance.peer import peer_standing
from conformance.record import Record, Result
from conformance.runner import PATIENCE_SECONDS, Program, run
from conformance.stand import PROJECT, Stand, standing
from tether import parts, scratch
from tether.errors import ExitCode
from toolchain import build, istio_tests, runtime, schedule, sources

DOCS = PROJECT / "docs" / "conformance"
RESULTS = DOCS / "results.json"
PEER_RESULTS = DOCS / "peer-results.json"
LOGS = PROJECT / ".tether" / "conformance"
MINUTES = 180.0
SHORTEST_SECONDS = 90.0
"""A group that has less time left is not begun: deploying the echo application alone takes half of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, keep the results after every group, print the numbers."""
    options = _options(arguments)
    # Ended from outside, it still ends the test program and takes its mesh down.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    results = PEER_RESULTS if options.peer else RESULTS
    build.ensure(PROJECT)
    helm = build.ensure_helm(PROJECT)
    made = build.ensure_istio_tests()
    built = made[istio_tests.TESTS.name]
    programs = {suite: Program(suite=suite, tests=built, patience=options.patience) for suite in istio_tests.PACKAGES}
    known = {suite: program.listed() for suite, program in programs.items()}
    listed = {suite: _chosen(tests, options.only) for suite, tests in known.items()}
    if wanted := _wanted(options):
        listed = _that_ended(wanted, listed, record.read(RESULTS))
    if not any(listed.values()):
        sys.stdout.write("no test to run\n")
        return 0
    with scratch.folder() as folder, _mesh(options, helm, folder) as stand:
        tell("laying the tests' installation values over the mesh")
        images = made[istio_tests.TEST_IMAGES.name] / istio_tests.IMAGES
        dressing.dress(stand, programs["pilot"].sources, images, helm)
        keep(listed_only(listed if options.peer else known), results)
        before = dressing.order(stand)
        deadline = time.monotonic() + options.minutes * 60
        tests_of = dealt(listed)
        for group in GROUPS:
            if tests := tests_of[group.title]:
                with _tidied(stand, before):
                    keep(run_group(group, tests, programs[group.suite], stand, deadline), results)
    whole = keep([], results)
    sys.stdout.write(", ".join(f"{whole.count(outcome)} {outcome}" for outcome in Outcome) + "\n")
    return _code(whole)


def _code(whole: Record) -> int:
    """A failure that nobody has explained is a failure of the run."""
    unknown = [one.test for one in whole.results if one.outcome is Outcome.FAILED and not explanation(one)]
    if unknown:
        tell(f"failed, and conformance/explanations.py does not say why: {', '.join(unknown)}")
    return ExitCode.FAILED if unknown else ExitCode.OK


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stack", help="use this stack, which the tests will change; by default one of their own")
    where.add_argument("--peer", action="store_true", help="use a mesh of the documented sequence, to compare with")
    parser.add_argument("--only", default="*", help="tests to run, with * for anything; other results are kept")
    parser.add_argument("--failed", action="store_true", help="run those only that failed on Tether's mesh")
    parser.add_argument("--not-run", action="store_true", help="run those only that no run got to yet")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"for all tests together (default {MINUTES:g})")
    parser.add_argument(
        "--patience", type=int, default=PATIENCE_SECONDS,
        help=f"seconds that a call may fail before a test gives up (default {PATIENCE_SECONDS}, which is Istio's; "
        "more on a machine that does other things meanwhile)",
    )  # fmt: skip
    return parser.parse_args(arguments)


def _chosen(tests: Sequence[str], pattern: str) -> list[str]:
    return [test for test in tests if any(fnmatchcase(test, one) for one in pattern.split(","))]


def _wanted(options: argparse.Namespace) -> set[Outcome]:
    switches = {Outcome.FAILED: options.failed, Outcome.NOT_RUN: options.not_run}
    return {outcome for outcome, on in switches.items() if on}


def _that_ended(
    wanted: Collection[Outcome], listed: Mapping[str, Sequence[str]], known: Record | None
) -> dict[str, list[str]]:
    """Those of the tests that ended in one of these ways when they were last tried on Tether's mesh."""
    ended = {(one.suite, one.test) for one in (known.results if known else ()) if one.outcome in wanted}
    return {suite: [test for test in tests if (suite, test) in ended] for suite, tests in listed.items()}


@contextlib.contextmanager
def _mesh(options: argparse.Namespace, helm: Path, folder: Path) -> Generator[Stand]:
    with peer_standing(helm, folder) if options.peer else standing(options.stack, folder) as stand:
        yield stand


@contextlib.contextmanager
def _tidied(stand: Stand, before: Mapping[str, dressing.Order]) -> Generator[None]:
    """Take away after a group what its tests left, also when the group was interrupted."""
    try:
        yield
    finally:
        for thing in dressing.tidy(stand, before):
            tell(f"  tidied: {thing}")


def listed_only(known: Mapping[str, Sequence[str]]) -> list[Result]:
    """What can be said of tests before any is run: left out for a reason, or not run yet."""
    result: list[Result] = []
    groups = dealt(known)
    suites = {group.title: group.suite for group in GROUPS}
    for suite, tests in known.items():
        result += [
            Result(suite=suite, group="", test=test, outcome=Outcome.DOES_NOT_APPLY, reason=LEFT_OUT[test])
            for test in tests
            if test in LEFT_OUT
        ]
    for title, tests in groups.items():
        result += [
            Result(
                suite=suites[title], group=title, test=test, outcome=Outcome.NOT_RUN, reason="no run got to it yet"
            )
            for test in tests
        ]  # fmt: skip
    return result


def run_group(group: Group, tests: Sequence[str], program: Program, stand: Stand, deadline: float) -> list[Result]:
    """Run one group within its own time and what is left of all."""
    left = deadline - time.monotonic()
    if left < SHORTEST_SECONDS:
        return [
            Result(
                suite=group.suite, group=group.title, test=test, outcome=Outcome.NOT_RUN,
                reason="the time for all tests was over",
            )
            for test in tests
        ]  # fmt: skip
    minutes = min(group.minutes, left / 60)
    tell(f"{group.title}: {len(tests)} tests, at most {minutes:.0f} min")
    LOGS.mkdir(parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() else "-" for letter in group.title)
    log = LOGS / f"{time.strftime('%m%d-%H%M%S')}-{name}.jsonl"
    reader = run(program, stand, tests, minutes * 60, _tell_end, log)
    results = record.results_of(group.suite, group.title, tests, reader, round(minutes))
    if any(result.outcome is Outcome.FAILED for result in results) or reader.suite_failure:
        tell(f"  {reader.suite_failure or 'failures'}: {log.relative_to(PROJECT)}")
    return results


def _tell_end(seen: Seen) -> None:
    tell(f"  {seen.outcome}: {seen.test} ({seen.seconds:.0f} s, {seen.subtests['passed']} subtests passed)")


def keep(results: Sequence[Result], path: Path) -> Record:
    """Merge results into the record and write the page anew: an interrupted run loses nothing."""
    used = parts.read(PROJECT / parts.FILE)
    versions = {
        "Istio": used.istio_version,
        "Envoy": f"{used.envoy_version} ({used.data_plane} data plane)",
        "Kubernetes": used.kubernetes_version,
    }
    whole = record.merged(record.read(path), versions, results)
    record.write(whole, path)
    if kept := record.read(RESULTS):
        (DOCS / "README.md").write_text(page.render(kept, record.read(PEER_RESULTS)))
    return whole


def tell(line: str) -> None:
    """Talk on standard error; the numbers alone are the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def told(run: Callable[[], int]) -> int:
    """Run, and say in a sentence what is known to go wrong; returns the exit code."""
    try:
        return run()
    except (schedule.BuildError, runtime.NoRuntimeError, sources.SourceError) as error:
        tell(str(error))
        return ExitCode.PREFLIGHT if isinstance(error, runtime.NoRuntimeError) else ExitCode.FAILED
    except subprocess.CalledProcessError as error:
        command = " ".join(str(part) for part in error.cmd)
        tell(f"{command} ended with {error.returncode}" + (f": {error.stderr.strip()}" if error.stderr else ""))
        return ExitCode.FAILED


if __name__ == "__main__":
    sys.exit(told(main))
