"""A record as text for a terminal."""

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from tether.addresses import with_port
from tether.errors import count
from tether.trace.record import Actor, Outcome, Participant, Record, Step

_SIGNS = {
    Outcome.OK: ("✓", "green"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.SKIPPED: ("·", "dim"),
    Outcome.UNSEEN: ("?", "yellow"),
    Outcome.NO_WAY: ("✗", "bold yellow"),
}


def headline(record: Record) -> str:
    """What was traced."""
    return (
        f"First authentication of {record.namespace}/{record.service_account} of {record.remote} "
        f"to istiod in {record.primary}"
    )


def verdict(record: Record) -> str:
    """The whole trace in one line."""
    if record.ok:
        return f"Authenticated: {record.identity}"
    failed = record.failed
    if failed is None:
        return "Not authenticated."
    return f"Not authenticated. First failure in step {number(record, failed)}, {failed.title}"


def number(record: Record, step: Step) -> int:
    """Number of a step, from 1."""
    return record.steps.index(step) + 1


def milliseconds(seconds: float) -> str:
    """A short time for people."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def show(record: Record, console: Console) -> None:
    """Print the record: one block per step, what went wrong last, where it is read first."""
    took = f"[{count(len(record.steps), 'step')}, {milliseconds(record.seconds)}]"
    console.print(f"{headline(record)}   {took}", markup=False, soft_wrap=True)
    actors = {one.actor: one for one in record.participants}
    for step in record.steps:
        console.print()
        for line in _step(record, step, actors):
            console.print(line, soft_wrap=True)
    console.print()
    console.print(Text(verdict(record), "bold green" if record.ok else "bold red"), soft_wrap=True)
    for line in _diagnosis(record):
        console.print(line, soft_wrap=True)


def _step(record: Record, step: Step, actors: Mapping[Actor, Participant]) -> Iterator[Text]:
    sign, style = _SIGNS[step.outcome]
    indent = "   " if step.inside else ""
    took = f"+{milliseconds(step.started)}" + (f", {milliseconds(step.seconds)}" if step.seconds else "")
    yield Text.assemble(
        indent, (f"{sign} {number(record, step):>2} ", style), (step.title, "bold"), "  ", _way(step, actors),
        (f"  {took}", "dim"),
    )  # fmt: skip
    for name, value in _rows(step):
        yield Text.assemble(f"{indent}     ", (f"{name:<9}", "dim"), value)
    for one in step.verdicts:
        mark, colour = ("✓", "green") if one.ok else ("✗", "red")
        yield Text.assemble(f"{indent}     ", (f"{mark} ", colour), f"{one.what}: {one.detail}")
    if step.message:
        style = "red" if step.outcome is Outcome.FAILED else "yellow" if step.outcome is Outcome.NO_WAY else "dim"
        label = f"{step.source_of_message}: " if step.source_of_message else ""
        yield Text.assemble(f"{indent}     ", (f"{label}{step.message}", style))


def _way(step: Step, actors: Mapping[Actor, Participant]) -> str:
    names = [step.source, *([step.via] if step.via else []), step.target]
    told = [actors[name].name if name in actors else str(name) for name in names]
    return " → ".join(dict.fromkeys(told))


def _rows(step: Step) -> Iterator[tuple[str, str]]:
    if step.address and step.port:
        yield "to", f"{with_port(step.address, step.port)}, as {step.server_name}"
    if step.call:
        yield "call", step.call
    if step.credential:
        yield "shows", step.credential
    if step.identity:
        yield "is", step.identity
    if step.answer:
        yield "answer", step.answer


def _diagnosis(record: Record) -> Iterator[Text]:
    found = record.diagnosis
    if found is None:
        if record.diagnosed:
            yield Text("The doctor finds nothing wrong with the mesh: look at what was asked of it.")
        return
    yield Text.assemble(("Doctor: ", "bold"), (f"{found.check} ", "bold red"), f"{found.subject}: not so: ",
                        found.title)  # fmt: skip
    for name, value in (("seen", found.seen), ("cause", found.cause), ("page", found.page)):
        yield Text.assemble("    ", (f"{name:<6}", "dim"), value)
    yield Text.assemble("    ", ("fix", "dim"))
    for line in found.fix.splitlines():
        # Flush left: commands are pasted, and a here-document must not be indented.
        yield Text(line)
