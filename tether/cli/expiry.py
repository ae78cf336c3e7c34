"""``tether expiry``: which certificates and credentials end, when, and which of them soon."""

import datetime
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

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
from tether.document import Document, Kind, Part
from tether.errors import ExitCode, NotFoundError, Problem, UsageError


class EndingPart(Part):
    """One thing and when it ends."""

    subject: str
    """What ends."""
    ends: str
    """When, in ISO 8601."""
    days_left: float
    """Until then; negative once it has ended."""
    soon: bool
    """Whether somebody has to act."""
    renewal: str
    """How it is renewed, and by whom."""


class ExpiryDocument(Document):
    """Which certificates and credentials of a mesh end, and when."""

    kind: Literal[Kind.EXPIRY] = Kind.EXPIRY
    stack: str
    """Name of the stack."""
    verdict: str
    """All of it in one line."""
    endings: tuple[EndingPart, ...]
    """The soonest first."""


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
        deliver(document(found, now, limit, place.stack).text(), out)
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


def document(found: Sequence[Ending], now: datetime.datetime, limit: datetime.timedelta, stack: str) -> ExpiryDocument:
    """The result for programs."""
    return ExpiryDocument(
        stack=stack,
        verdict=verdict(found, now, limit),
        endings=tuple(
            EndingPart(
                subject=one.subject,
                ends=one.ends.isoformat(timespec="seconds"),
                days_left=round(one.left(now) / datetime.timedelta(days=1), 2),
                soon=one.is_soon(now, limit),
                renewal=one.renewal,
            )
            for one in found
        ),
    )
