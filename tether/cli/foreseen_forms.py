"""A preview as text and Markdown; both say what its document says (tether.cli.foreseen_document)."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tether.cli.foreseen import Action, Change, Foreseen, Violation
from tether.errors import count

COMMENT_LIMIT = 60_000
"""Letters; GitHub takes 65,536 in a comment, GitLab more."""
_STYLES = {Action.REPLACE: "red", Action.DELETE: "red", Action.CREATE: "green", Action.CHANGE: "yellow"}
_SHOWN_PROPERTIES = 5
_CUT = "\n\n… cut here: the rest is in the job's log.\n"


def verdict(foreseen: Foreseen, *, drift: bool = False) -> str:
    """The whole preview in one line."""
    amounts = [f"{foreseen.count(action)} to {action}" for action in Action if foreseen.count(action)]
    if not foreseen.complete or foreseen.errors:
        head = "The preview failed" + (f" after {', '.join(amounts)}" if amounts else "")
    elif drift:
        head = f"Drifted: {', '.join(amounts)}" if amounts else "Nothing has drifted"
    else:
        head = ", ".join(amounts) or "Nothing to change"
    tail = f", {foreseen.unchanged} unchanged" if foreseen.unchanged else ""
    refused = _policies(foreseen, "; refused by", mandatory=True)
    return head + tail + refused + _policies(foreseen, "; advice of", mandatory=False) + "."


def _policies(foreseen: Foreseen, verb: str, *, mandatory: bool) -> str:
    """How many policies say so, each counted once however many resources break it; empty for none."""
    number = len({(one.pack, one.policy) for one in foreseen.violations if one.mandatory is mandatory})
    return f"{verb} {'1 policy' if number == 1 else f'{number} policies'}" if number else ""


def show(foreseen: Foreseen, headline: str, console: Console) -> None:
    """Print one line per change, then what policies and the engine say."""
    if foreseen.changes:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("ACTION", "RESOURCE", "TYPE", "BECAUSE OF"):
            table.add_column(column, overflow="fold")
        for one in foreseen.changes:
            style = _STYLES[one.action]
            table.add_row(Text(one.action, style), Text(one.name), Text(one.type), Text(because(one)))
        console.print(table)
    for one in foreseen.violations:
        sign, style = ("✗", "red") if one.mandatory else ("!", "yellow")
        console.print(Text.assemble((f"{sign} {one.policy} ", style), _about(one)), soft_wrap=True)
    for text in foreseen.errors:
        console.print(Text.assemble(("error: ", "bold red"), text), soft_wrap=True)
    console.print(headline, style="bold", markup=False)


def because(change: Change) -> str:
    """The inputs that differ, the first few by name."""
    rest = len(change.properties) - _SHOWN_PROPERTIES
    shown = ", ".join(change.properties[:_SHOWN_PROPERTIES])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _about(violation: Violation) -> str:
    where = f"{violation.name}: " if violation.name else ""
    return f"({violation.pack}) {where}{violation.message}"


def markdown(foreseen: Foreseen, title: str, headline: str) -> str:
    """The preview for a comment on a pull request; never longer than one may be."""
    text = "\n".join(_lines(foreseen, title, headline)) + "\n"
    if len(text) <= COMMENT_LIMIT:
        return text
    # At the end of a line: half a row is no row.
    kept = text[: COMMENT_LIMIT - len(_CUT)].rpartition("\n")[0]
    return kept + ("\n```" if kept.count("\n```") % 2 else "") + _CUT


def _lines(foreseen: Foreseen, title: str, headline: str) -> Iterator[str]:
    yield from (f"### {title}", "", f"**{headline}**")
    if foreseen.violations:
        yield from ("", "| policy | level | resource | it says |", "|---|---|---|---|")
        for one in foreseen.violations:
            level = "mandatory" if one.mandatory else "advisory"
            yield f"| {code(one.policy)} | {level} | {code(one.name)} | {code(one.message)} |"
    for word, texts in (("error", foreseen.errors), ("warning", foreseen.warnings)):
        if texts:
            yield from ("", f"{count(len(texts), word)}:", "", "```text")
            # A fence inside would end this one.
            yield from (text.replace("```", "'''") for text in texts)
            yield "```"
    if foreseen.changes:
        yield from ("", "| action | resource | type | because of |", "|---|---|---|---|")
        for one in foreseen.changes:
            yield f"| {one.action} | {code(one.name)} | {code(one.type)} | {code(because(one))} |"


def code(text: str) -> str:
    """Text as code in a table: nothing in it is taken for Markdown, a mention or a link."""
    plain = " ".join(text.replace("`", "'").replace("|", "\\|").split())
    return f"`{plain}`" if plain else ""
