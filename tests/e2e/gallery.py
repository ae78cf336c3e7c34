"""The gallery of traces in docs/trace: a healthy run, and one for each way in which a proxy fails to authenticate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.environment import PROJECT
from tether.trace import diagram, document
from tether.trace.record import Record

FOLDER = PROJECT / "docs" / "trace"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One trace of the gallery."""

    name: str
    title: str
    story: str
    """What was done to the mesh, and what can be read off the picture. Markdown."""
    failed: str = ""
    """ID of the step that fails first; empty for a healthy run."""
    message: str = ""
    """Regular expression for the words of the first failure, or of the call to istiod that follows from it."""
    finding: str = ""
    """Regular expression for the doctor's first finding; empty where the mesh itself is healthy."""


def save(record: Record, name: str) -> None:
    """Write a record with its drawings."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(document.write(record))
    (FOLDER / f"{name}.svg").write_text(diagram.svg(record))
    (FOLDER / f"{name}.mmd").write_text(diagram.mermaid(record))
    if name == "healthy":
        (FOLDER / f"{name}.png").write_bytes(diagram.png(record))


def load(name: str) -> Record:
    """A record of the gallery."""
    return document.read((FOLDER / f"{name}.json").read_text())


def page(pictures: Sequence[Picture]) -> str:
    """The gallery's page."""
    lines = [
        "# Gallery of traces",
        "",
        "Each picture is a run of `tether trace` on a real mesh, broken on purpose in one way, and is drawn from the",
        "record beside it. `tests/e2e/test_trace.py` plays them all again and compares; with `TETHER_E2E_GALLERY=1` it",
        "writes this folder anew. What the parts of a record mean: [reference](../reference/trace.md). What a healthy",
        "run tells: [how a proxy first authenticates](../explanation/authentication.md).",
        "",
        "| picture | first failure | what the server says | doctor |",
        "|---|---|---|---|",
    ]
    for picture in pictures:
        record = load(picture.name)
        failed = record.failed
        step = f"{record.steps.index(failed) + 1} {failed.title}" if failed else "none"
        words = _cell(said(record))
        finding = record.diagnosis.check if record.diagnosis else ""
        lines.append(f"| [{picture.title}](#{_anchor(picture.title)}) | {step} | {words} | {finding} |")
    for picture in pictures:
        files = f"[record]({picture.name}.json) · [Mermaid]({picture.name}.mmd)"
        files += f" · [PNG]({picture.name}.png)" if picture.name == "healthy" else ""
        lines += [
            "",
            f"## {picture.title}",
            "",
            picture.story,
            "",
            f"![{picture.title}]({picture.name}.svg)",
            "",
            files,
        ]
    return "\n".join(lines) + "\n"


def said(record: Record) -> str:
    """The server's own words about what went wrong: istiod's log where it has them, else the first failure's."""
    words = [step for step in record.steps if step.outcome == "failed" and step.message]
    of_istiod = [step for step in words if step.source_of_message == "istiod's log"]
    return next((step.message for step in [*of_istiod, *words]), "")


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _cell(words: str) -> str:
    return f"`{words.replace('|', '/').replace('`', ' ')}`" if words else ""


_VOLATILE: Sequence[tuple[str, str]] = (
    (r"\b\d+\.\d+\.\d+\.\d+(:\d+)?", "ADDRESS"),
    (r"\b(?:[0-9A-F]{2}:){7}[0-9A-F]{2}\b", "FINGERPRINT"),
    (r"-[0-9a-f]{8,10}-[a-z0-9]{5}\b", "-POD"),
    (r"tether-trace-[0-9a-f]{6}\b", "tether-trace-ID"),
    (r"-[0-9a-f]{8}-control-plane", "-NODE"),
    (r"(?<![A-Za-z0-9.-])\d+(?:\.\d+)?(?: (?:ms|s|min|h|days|years)\b)?", "N"),
)


_OF_A_POD = ("gateway-restart", "gateway-injection", "gateway-ready")
"""Steps that every restart shows; the others depend on what its log and its conditions held at the end."""


def shape(record: Record) -> dict[str, Any]:
    """What of a record must be the same in every run: who, what, how it ended and in which words.

    A real pod asks for its certificate and its configuration side by side, and Envoy names one of several
    listeners that it rejects: there neither order nor words are compared.
    """
    played = [step for step in record.steps if not step.id.startswith("gateway-")]
    return {
        "participants": [[one.actor, one.name, one.cluster] for one in record.participants],
        "steps": [
            {
                "id": step.id, "title": step.title, "way": [step.source, step.via or "", step.target],
                "inside": step.inside, "outcome": step.outcome, "port": step.port,
                "checks": [[one.what, one.ok] for one in step.verdicts], "answer": _steady(step.answer),
                "message": _steady(step.message),
            }
            for step in played
        ],
        "pod": {step.id: [step.title, step.outcome] for step in record.steps if step.id in _OF_A_POD},
        "finding": finding(record),
    }  # fmt: skip


def finding(record: Record) -> list[str]:
    """The doctor's first error."""
    found = record.diagnosis
    return [found.check, found.subject] if found else []


def _steady(words: str) -> str:
    for pattern, name in _VOLATILE:
        words = re.sub(pattern, name, words)
    return words


def redrawn(name: str) -> dict[Path, str]:
    """What the drawings of a committed record must be."""
    record = load(name)
    return {FOLDER / f"{name}.svg": diagram.svg(record), FOLDER / f"{name}.mmd": diagram.mermaid(record)}
