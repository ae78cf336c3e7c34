"""The page about the comparison, written from its rows: ``docs/conformance/doctor-and-istioctl.md``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.comparison import Row, Said

_INTRODUCTION = """\
# The doctor and istioctl on the same broken meshes

`python -m conformance.comparison` breaks a mesh in one way, asks `tether doctor` and `istioctl` the same twenty seconds
later, mends it, and goes on with the next. Of `istioctl` counts what it says otherwise than on the healthy mesh: a line
with `+` is new, one with `-` is missing. `analyze`, `remote-clusters` and `proxy-status` are asked about the primary,
`experimental precheck` about the remote. Nothing here is written by hand; the whole texts, with the doctor's
fixes and the seconds that each took, are in [doctor-and-istioctl.json](doctor-and-istioctl.json). The seconds are
those of a machine that did much else; a row can be made anew alone: `--only 'the token*'`.
"""
_SHOWN = 2
_SIGNS = {"`+`": "more", "`-`": "less"}


def render(rows: "Sequence[Row]") -> str:
    """The page as Markdown."""
    tools = [said.tool for said in rows[0].istioctl] if rows else []
    found = sum(1 for row in rows if row.check)
    slowest = max((row.seconds for row in rows), default=0)
    lines = [
        _INTRODUCTION,
        f"The doctor found {found} of {len(rows)}, the slowest in {slowest:.0f} s. "
        + " ".join(f"`{tool}` said anything new about {_count(rows, tool)}." for tool in tools)
        + "\n",
        "| what is broken | tether doctor, first finding | " + " | ".join(f"istioctl {tool}" for tool in tools) + " |",
        "|" + "---|" * (len(tools) + 2),
        *(
            f"| {row.title} | {f'**{row.check}** {_plain(row.seen)}' if row.check else 'nothing'} | "
            + " | ".join(_cell(said) for said in row.istioctl)
            + " |"
            for row in rows
        ),
        "",
    ]
    return "\n".join(lines)


def _count(rows: "Sequence[Row]", tool: str) -> int:
    return sum(1 for row in rows for said in row.istioctl if said.tool == tool and (said.more or said.less))


def _cell(said: "Said") -> str:
    shown = [f"{sign} {_plain(line)}" for sign, name in _SIGNS.items() for line in getattr(said, name)[:_SHOWN]]
    rest = len(said.more) + len(said.less) - len(shown)
    if not shown:
        return "nothing new"
    return "<br>".join([*shown, *([f"… {rest} more lines"] if rest else [])])


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
