"""``tether doctor``: what is wrong with a mesh, the cause first, with the command that mends it."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tether.cli.delivery import give
from tether.cli.forms import Output
from tether.cli.talk import say
from tether.cli.target import Target, opened
from tether.doctor import document, rendering
from tether.doctor import rights as rights_of_the_doctor
from tether.doctor.check import Check, Finding, Severity, Status
from tether.doctor.examination import Examination, examine
from tether.doctor.registry import CHECKS
from tether.errors import ExitCode, Problem, UsageError
from tether.mesh import Mesh

_WATCH_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    output: Output = Output.TEXT
    fail_on: Severity = Severity.ERROR
    only: Sequence[str] = ()
    watch: bool = False


def doctor(target: Target, wish: Wish) -> ExitCode:
    """Examine the mesh and print what was found.

    Raises:
        UsageError: the options do not fit together, or name no check.
        NotFoundError: the stack has no clusters.
    """
    checks = chosen(wish.only)
    if wish.watch and wish.output is not Output.TEXT:
        raise UsageError("--watch shows changes as they come, as text only; leave out --output")
    with opened(target) as mesh:
        if wish.watch:
            return _watch(mesh, checks, wish)
        began = time.monotonic()
        found = _examine(mesh, checks)
        _print(mesh, found, time.monotonic() - began, wish.output)
        return _code(found, wish)


def chosen(only: Sequence[str]) -> Sequence[Check]:
    """The checks that are asked for, all by default.

    Raises:
        UsageError: there is no such check; names every one that is unknown.
    """
    known = {check.id: check for check in CHECKS}
    unknown = [name for name in only if name.upper() not in known]
    if unknown:
        raise UsageError(
            "No such check.",
            [Problem(subject="--only", shown=name, wrong="is no check of the doctor", why="nothing would be asked",
                     fix="tether doctor --list") for name in unknown],
        )  # fmt: skip
    wanted = {name.upper() for name in only}
    return [check for check in CHECKS if not wanted or check.id in wanted]


def listing(output: Output) -> str:
    """Every check, without a mesh."""
    if output is Output.JSON:
        return document.of_checks(CHECKS).text()
    return "".join(f"{check.id}  {check.family:<7} {check.severity:<8} {check.title}\n" for check in CHECKS)


def rights(namespace: str, output: Output) -> str:
    """What the doctor may do in a cluster, as YAML or JSON, without a mesh."""
    if output is Output.JSON:
        return document.of_rights(namespace).text()
    return rights_of_the_doctor.render(namespace)


def _examine(mesh: Mesh, checks: Sequence[Check]) -> Examination:
    if not sys.stderr.isatty():
        return examine(mesh, checks)
    columns = (TextColumn("examining the mesh"), BarColumn(bar_width=24), TextColumn("{task.completed} answers"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        return examine(mesh, checks, on_done=lambda _: progress.advance(task))


def _print(mesh: Mesh, found: Examination, seconds: float, output: Output) -> None:
    if output is Output.TEXT:
        rendering.show(mesh, found, seconds, Console(highlight=False))
    elif output is Output.JSON:
        give(document.of_examination(mesh, found, seconds))
    elif output is Output.JUNIT:
        print(rendering.junit(mesh, found, seconds))  # noqa: T201 - the result
    else:
        print(rendering.markdown(mesh, found))  # noqa: T201 - the result


def _code(found: Examination, wish: Wish) -> ExitCode:
    return ExitCode.OK if found.is_healthy(fail_on=wish.fail_on) else ExitCode.UNHEALTHY


def _watch(mesh: Mesh, checks: Sequence[Check], wish: Wish) -> ExitCode:
    """Examine again and again, and show what changed; Ctrl-C ends it with the last state's exit code."""
    console = Console(highlight=False)
    began = time.monotonic()
    last = _examine(mesh, checks)
    _print(mesh, last, time.monotonic() - began, Output.TEXT)
    say(f"Watching, every {_WATCH_SECONDS:.0f} seconds; Ctrl-C ends it.")
    try:
        while True:
            time.sleep(_WATCH_SECONDS)
            found = examine(mesh, checks)
            for finding in changes(last, found):
                console.print(f"{time.strftime('%H:%M:%S')} {finding.check.id} {finding.subject}: {finding.status}: "
                              f"{finding.answer.seen}", markup=False, soft_wrap=True)  # fmt: skip
                if finding.status is Status.WRONG:
                    rendering.show_finding(finding, found, console)
            last = found
    except KeyboardInterrupt:
        return _code(last, wish)


def changes(before: Examination, after: Examination) -> list[Finding]:
    """Findings of the later round whose status is another than before; those that are only muted say nothing new."""
    old = {(finding.check.id, finding.subject): finding.status for finding in before.findings}
    return [
        finding
        for finding in after.findings
        if finding.status is not Status.MUTED and finding.status is not old[finding.check.id, finding.subject]
    ]
