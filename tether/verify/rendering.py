"""A verification as text and JUnit, and what can be proved; JSON is the matrix's own document."""

from collections.abc import Iterator
from typing import Literal
from xml.etree import ElementTree

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tether.document import Document, Kind, Part
from tether.errors import count
from tether.verify.matrix import Cell, Matrix, Outcome, Proof
from tether.verify.proving import TITLES

_WIDEST = 400
_GOOD, _BAD = ("✓", "green"), ("✗", "bold red")


def verdict(matrix: Matrix) -> str:
    """The whole verification in one line."""
    took = f"{count(matrix.requests, 'request')}, {matrix.lost} lost, {matrix.seconds:.1f} s"
    if matrix.is_proved:
        return f"Proved: {', '.join(matrix.proofs)}. {took}."
    return f"Not proved: {count(len(matrix.complaints), 'finding')}. {took}."


def show(matrix: Matrix, console: Console) -> None:
    """Print what is wrong first, then the requests, then the rest."""
    names = ", ".join(f"{party.name} ({party.role})" for party in matrix.clusters)
    head = f"Mesh of stack {matrix.stack}: {names}" if matrix.stack else f"Mesh: {names}"
    console.print(Text(head), soft_wrap=True)
    if matrix.complaints:
        console.print()
    for sentence in matrix.complaints:
        console.print(Text.assemble((f"{_BAD[0]} ", _BAD[1]), sentence), soft_wrap=True)
    for table in (_cells(matrix), _outcomes(matrix)):
        if table.row_count:
            console.print()
            # A table that is cut off says nothing; a narrow terminal folds its lines.
            needed = Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum
            console.width = max(console.width, needed)
            console.print(table)
    console.print()
    console.print(Text(verdict(matrix), "bold"), soft_wrap=True)


def junit(matrix: Matrix) -> str:
    """The verification in the form that CI systems read: one test case per cell and outcome."""
    cases = list(_cases(matrix))
    failed = [case for case in cases if case[2]]
    suite = ElementTree.Element(
        "testsuite", name="tether verify", time=f"{matrix.seconds:.1f}", timestamp=matrix.verified_at,
        tests=str(len(cases)), failures=str(len(failed)), errors="0", skipped="0",
    )  # fmt: skip
    for proof, name, wrong, seen in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=f"verify.{proof}", name=name)
        if wrong:
            ElementTree.SubElement(case, "failure", type=proof, message=wrong).text = wrong
        ElementTree.SubElement(case, "system-out").text = seen
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


class ProofPart(Part):
    """Something that can be proved."""

    name: Proof
    """As `--only` takes it."""
    title: str
    """What must come true."""


class ProofsDocument(Document):
    """Everything that can be proved."""

    kind: Literal[Kind.PROOFS] = Kind.PROOFS
    proofs: tuple[ProofPart, ...]
    """In the order in which they are proved."""


def listing(*, json_wanted: bool) -> str:
    """Every proof, without a mesh."""
    if json_wanted:
        return ProofsDocument(proofs=tuple(ProofPart(name=proof, title=TITLES[proof]) for proof in Proof)).text()
    return "".join(f"{proof:<14} {TITLES[proof]}\n" for proof in Proof)


def _cells(matrix: Matrix) -> Table:
    table = _table("FROM → TO", "PROTOCOL", "MODE", right=("SENT", "LOST", "P50 MS", "P95 MS", "MAX MS"))
    table.add_column("IDENTITIES")
    for cell in matrix.cells:
        numbers = map(_milliseconds, (cell.p50_ms, cell.p95_ms, cell.max_ms))
        table.add_row(_way(cell), cell.protocol, cell.mode, *_sent(cell), *numbers, _identities(cell))
    return table


def _outcomes(matrix: Matrix) -> Table:
    """One line per expectation; the single directions and protocols are in the document."""
    table = _table("PROOF", "EXPECTED", "WHERE", right=("SO", "AFTER S"))
    groups: dict[tuple[Proof, str], list[Outcome]] = {}
    for one in matrix.outcomes:
        groups.setdefault((one.proof, one.expectation), []).append(one)
    for (proof, expectation), members in groups.items():
        sign = _BAD if any(one.wrong for one in members) else _GOOD
        tried = [one for one in members if one.requests]
        so = f"{sum(one.fulfilled for one in tried)}/{sum(one.requests for one in tried)}" if tried else "-"
        after = f"{max(one.seconds for one in tried):.1f}" if tried else "-"
        ways = ", ".join(dict.fromkeys(_way(one) for one in members))
        table.add_row(proof, Text.assemble(sign, " ", expectation), ways, so, after)
    return table


def _table(*left: str, right: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _way(part: Cell | Outcome) -> str:
    return part.source if part.source == part.destination else f"{part.source} → {part.destination}"


def _sent(cell: Cell) -> tuple[str, str]:
    return (str(cell.requests), str(cell.lost)) if cell.requests else ("-", "-")


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _identities(cell: Cell) -> Text:
    """Whether both ends proved who they are; the whole identities are in the document."""
    if cell.wrong:
        return Text.assemble(_BAD, " ", "not tried" if not cell.requests else "" if cell.lost else "wrong")
    return Text.assemble(_GOOD, " both")


def _cases(matrix: Matrix) -> Iterator[tuple[str, str, str, str]]:
    """Proof, name, what is wrong and what was seen."""
    if matrix.wrong:
        yield "setup", "the echo applications run in every cluster", matrix.wrong, ""
    for cell in matrix.cells:
        seen = (
            f"{cell.requests} sent, {cell.lost} lost, p50 {_milliseconds(cell.p50_ms)} ms, "
            f"p95 {_milliseconds(cell.p95_ms)} ms, {cell.client or 'nobody'} asked {cell.server or 'nobody'}"
        )
        yield str(cell.protocol), f"{cell.source} to {cell.destination}, {cell.mode}", cell.wrong, seen
    for one in matrix.outcomes:
        name = f"{one.source} to {one.destination}, {one.protocol}: {one.expectation}"
        yield str(one.proof), name, one.wrong, f"{one.seen}; after {one.seconds:.1f} s"
