"""``tether expiry``: which certificates and credentials end, when, and which of them soon."""

import datetime
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tether import durations
from tether.cli import project
from tether.cli.delivery import deliver, draw
from tether.cli.ending import Ending, of_state
from tether.cli.engine import Engine
from tether.cli.foreseen_forms import code
from tether.cli.forms import Comment
from tether.cli.project import Project
from tether.cli.state import State
from tether.errors import ExitCode, NotFoundError, Problem, UsageError

SCHEMA_VERSION = 1


def expiry(place: Project, within: str, output: Comment, out: Path | None) -> ExitCode:
    """Tell what ends.

    Returns:
        7 where something ends soon.

    Raises:
        UsageError: ``within`` is no duration.
        NotFoundError: the stack was never made.
    """
    limit = _limit(within)
    engine = Engine(place, project.full_environment(place))
    exported = engine.export()
    if exported is None:
        raise NotFoundError(f"There is no stack {place.stack}. Make it with: make up")
    state = State(exported)
    outputs: dict[str, Any] = {}
    if state.outputs:
        outputs = json.loads(engine.ask("stack", "output", "--json", "--show-secrets"))
    now = datetime.datetime.now(datetime.UTC)
    found = of_state(state, cast("dict[str, str]", outputs.get("kubeconfigs") or {}))
    soon = [one for one in found if one.is_soon(now, limit)]
    if output is Comment.JSON:
        deliver(json.dumps(document(found, now, limit, place.stack), indent=2) + "\n", out)
    elif output is Comment.MARKDOWN:
        deliver("\n".join(_markdown(found, now, limit, place.stack)) + "\n", out)
    else:
        draw(lambda console: _show(found, now, limit, console), out)
    return ExitCode.UNHEALTHY if soon else ExitCode.OK


def _limit(within: str) -> datetime.timedelta:
    try:
        return datetime.timedelta(seconds=durations.seconds(within))
    except ValueError as error:
        problem = Problem(
            subject="--within", shown=within, wrong=str(error), why="what ends sooner is a finding",
            fix="tether expiry --within 30d",
        )  # fmt: skip
        raise UsageError("The time cannot be read.", [problem]) from None


def verdict(found: Sequence[Ending], now: datetime.datetime, limit: datetime.timedelta) -> str:
    """All of it in one line."""
    soon = sum(one.is_soon(now, limit) for one in found)
    if soon:
        return f"{soon} of {len(found)} need somebody."
    return f"Nothing of {len(found)} needs anybody." if found else "Nothing here ever ends."


def _show(found: Sequence[Ending], now: datetime.datetime, limit: datetime.timedelta, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("WHAT", "ENDS", "DATE", "RENEWED BY"):
        table.add_column(column, overflow="fold")
    for one in found:
        style = "red" if one.is_soon(now, limit) else ""
        table.add_row(Text(one.subject, style), Text(_left(one, now), style), _day(one), Text(one.renewal))
    if found:
        console.print(table)
    console.print(verdict(found, now, limit), style="bold", markup=False)


def _markdown(found: Sequence[Ending], now: datetime.datetime, limit: datetime.timedelta, stack: str) -> Iterator[str]:
    yield from (f"### What ends in stack {code(stack)}", "", f"**{verdict(found, now, limit)}**")
    if found:
        yield from ("", "| | what | ends | date | renewed by |", "|---|---|---|---|---|")
    for one in found:
        sign = "❗" if one.is_soon(now, limit) else ""
        yield f"| {sign} | {one.subject} | {_left(one, now)} | {_day(one)} | {code(one.renewal)} |"


def _left(one: Ending, now: datetime.datetime) -> str:
    return durations.ending(one.left(now).total_seconds())


def _day(one: Ending) -> str:
    return one.ends.date().isoformat()


def document(found: Sequence[Ending], now: datetime.datetime, limit: datetime.timedelta, stack: str) -> dict[str, Any]:
    """The result for programs."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": "expiry",
        "stack": stack,
        "verdict": verdict(found, now, limit),
        "endings": [
            {
                "subject": one.subject,
                "ends": one.ends.isoformat(timespec="seconds"),
                "daysLeft": round(one.left(now) / datetime.timedelta(days=1), 2),
                "soon": one.is_soon(now, limit),
                "renewal": one.renewal,
            }
            for one in found
        ],
    }
