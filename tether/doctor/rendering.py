"""An examination as text, JUnit and Markdown; they say the same as its document."""

from collections.abc import Iterator
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text

from tether.doctor.check import Family, Finding, Severity, Status
from tether.doctor.examination import Examination
from tether.errors import count
from tether.mesh import Mesh

_SIGNS = {
    Status.OK: ("✓", "green"),
    Status.WRONG: ("✗", "red"),
    Status.MUTED: ("·", "dim"),
    Status.UNKNOWN: ("?", "yellow"),
}
WORDS = {Status.OK: "right", Status.WRONG: "wrong", Status.MUTED: "not checked", Status.UNKNOWN: "unknown"}
"""How a check ended, for people."""


def title(mesh: Mesh) -> str:
    """What was examined."""
    names = ", ".join(f"{one.name} ({one.member.role})" for one in mesh.clusters)
    return f"Mesh of stack {mesh.blueprint.stack}: {names}" if mesh.blueprint.stack else f"Mesh: {names}"


def verdict(examination: Examination) -> str:
    """The whole examination in one line."""
    errors = sum(finding.check.severity is Severity.ERROR for finding in examination.wrong)
    warnings = len(examination.wrong) - errors
    unknown = examination.unknown
    parts = [count(errors, "error")] if errors else []
    parts += [count(warnings, "warning")] if warnings else []
    if errors or warnings:
        head = ("Unhealthy: " if errors else "Healthy, with ") + ", ".join(parts)
    else:
        head = "Nothing is known to be wrong" if unknown else "Healthy"
    tail = f"; {count(len(unknown), 'question')} could not be asked" if unknown else ""
    return f"{head}{tail}."


def show(mesh: Mesh, examination: Examination, seconds: float, console: Console) -> None:
    """Print causes first, then one line per family."""
    console.print(f"{title(mesh)}   [{count(len(examination.findings), 'check')}, {seconds:.1f} s]", markup=False)
    for finding in examination.wrong:
        console.print()
        show_finding(finding, examination, console)
    if examination.unknown:
        console.print()
    for finding in examination.unknown:
        sign, style = _SIGNS[Status.UNKNOWN]
        line = Text.assemble((f"{sign} {finding.check.id} ", style), finding.subject, f"  {finding.answer.seen}")
        console.print(line, soft_wrap=True)
    console.print()
    for line in _families(examination):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(verdict(examination), style="bold")


def show_finding(finding: Finding, examination: Examination, console: Console) -> None:
    """Print one thing that is wrong with everything that helps."""
    sign, style = _SIGNS[finding.status]
    warning = finding.check.severity is Severity.WARNING
    style = "yellow" if warning else style
    console.print(
        Text.assemble((f"{sign} {finding.check.id}", f"bold {style}"), " ", (finding.subject, "bold"), "  ",
                      ("warning: " if warning else "error: ") + f"not so: {finding.check.title}"), soft_wrap=True,
    )  # fmt: skip
    for name, value in _rows(finding, examination):
        lines = value.splitlines() or [""]
        console.print(Text.assemble((f"    {name:<8}", "dim"), lines[0]), soft_wrap=True)
        for line in lines[1:]:
            # Flush left: commands are pasted, and a here-document must not be indented.
            console.print(Text(line), soft_wrap=True)


def _rows(finding: Finding, examination: Examination) -> Iterator[tuple[str, str]]:
    yield "seen", finding.answer.seen
    yield "symptom", finding.check.symptom
    yield "cause", finding.answer.cause or finding.check.cause
    for line in finding.evidence:
        yield "log", line
    yield "fix", finding.answer.fix if "\n" not in finding.answer.fix else f"\n{finding.answer.fix}"
    yield "page", finding.check.page
    muted = [f"{other.check.id} {other.subject}" for other in examination.findings
             if finding.check.id in other.muted_by]  # fmt: skip
    if muted:
        yield "mutes", ", ".join(muted)


def _families(examination: Examination) -> Iterator[Text]:
    for family in Family:
        findings = [finding for finding in examination.findings if finding.check.family is family]
        if not findings:
            continue
        text = Text(f"  {family:<8}", "dim")
        for status in Status:
            number = sum(finding.status is status for finding in findings)
            if number:
                sign, style = _SIGNS[status]
                text.append(f"{sign} {number} {WORDS[status]}  ", style)
        yield text


def junit(mesh: Mesh, examination: Examination, seconds: float) -> str:
    """The examination in the form that CI systems read (JUnit: one test case per check and cluster)."""
    wrong, skipped = len(examination.wrong), 0
    suite = ElementTree.Element("testsuite", name="tether doctor", time=f"{seconds:.2f}")
    for finding in examination.findings:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"doctor.{finding.check.family}",
            name=f"{finding.check.id} {finding.subject}: {finding.check.title}",
        )
        if finding.status is Status.WRONG:
            failure = ElementTree.SubElement(
                case, "failure", type=str(finding.check.severity), message=finding.answer.seen
            )
            failure.text = (
                f"{finding.answer.cause or finding.check.cause}\nFix:\n{finding.answer.fix}\n{finding.check.page}"
            )
        elif finding.status is not Status.OK:
            skipped += 1
            ElementTree.SubElement(case, "skipped", message=finding.answer.seen)
    suite.attrib |= {
        "tests": str(len(examination.findings)),
        "failures": str(wrong),
        "errors": "0",
        "skipped": str(skipped),
    }
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def markdown(mesh: Mesh, examination: Examination) -> str:
    """The examination for a comment on a pull request."""
    lines = [f"## {verdict(examination)}", "", title(mesh), ""]
    for finding in examination.wrong:
        lines += [
            f"### {finding.check.id} {_plain(finding.subject)}: not so: {finding.check.title}", "",
            f"- **seen** {_plain(finding.answer.seen)}",
            f"- **cause** {_plain(finding.answer.cause or finding.check.cause)}",
            *(f"- **log** `{line}`" for line in finding.evidence),
            f"- **page** {finding.check.page}", "", "```shell", finding.answer.fix, "```", "",
        ]  # fmt: skip
    lines += ["| check | cluster | answer | seen |", "|---|---|---|---|"]
    lines += [f"| {one.check.id} | {_plain(one.subject)} | {WORDS[one.status]} | {_plain(one.answer.seen)} |"
              for one in examination.findings]  # fmt: skip
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, also in a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
