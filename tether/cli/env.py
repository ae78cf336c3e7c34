"""``tether env``: the shell variables of a checkout, and environments that end by themselves."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tether import durations
from tether.cli import project
from tether.cli.claim import DEFAULT_TIMEOUT
from tether.cli.delivery import give
from tether.cli.forms import Form
from tether.cli.talk import say
from tether.cli.target import StackOption
from tether.environments import lifetime, registry, timers
from tether.environments.registry import Entry, Phase
from tether.environments.settings_file import MOST_REMOTES
from tether.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from tether.document import Document

DOWN_TIMEOUT = "10m"
RESUME_TIMEOUT = "3m"


def _names(incomplete: str) -> list[str]:
    """Names for the shell's completion."""
    return [entry.name for entry in registry.of_user().entries() if entry.name.startswith(incomplete)]


Name = Annotated[str, typer.Argument(help="Of the environment.", autocompletion=_names)]
OutputOption = Annotated[Form, typer.Option("--output", "-o", help="Form of the result on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")]

app = typer.Typer(
    name="env",
    help="Shell variables of this checkout, and environments that end by themselves.\n\n"
    'Alone it prints the variables: eval "$(tether env)" makes pulumi, kubectl and istioctl work on the checkout.',
    invoke_without_command=True,
)


@app.callback()
def env(context: typer.Context, stack: StackOption = None, output: OutputOption = Form.TEXT) -> None:
    """Print shell variables for this checkout: eval "$(tether env)" makes pulumi, kubectl and istioctl work on it."""
    if context.invoked_subcommand is not None:
        if stack is not None:
            raise UsageError(f"--stack is for tether env alone; leave it out: tether env {context.invoked_subcommand}")
        return
    from tether.cli import variables

    variables.show(project.find(Path.cwd(), stack), output)


@app.command()
def up(
    name: Annotated[str, typer.Argument(help="Of the environment; made up if left out.", autocompletion=_names)] = "",
    ttl: Annotated[
        str, typer.Option("--ttl", help=f"How long it lives: 45m, 2h, 1d; by default {lifetime.DEFAULT}.")
    ] = "",
    remotes: Annotated[
        int | None,
        typer.Option("--remotes", help=f"How many remotes, 1 to {MOST_REMOTES}; by default as the settings say."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="Stack file to take; by default the checkout's own.")
    ] = None,
    owner: Annotated[
        int | None, typer.Option("--owner", help="Number of a process that it must not outlive, for example $PPID.")
    ] = None,
    timeout: Annotated[
        str, typer.Option("--timeout", help="After this everything is cancelled in good order.")
    ] = DEFAULT_TIMEOUT,
    output: OutputOption = Form.TEXT,
) -> None:
    """Make an environment with a state, a home, a passphrase and a kubeconfig of its own, or go on with one.

    It is removed by `tether env reap` once its time is over; have that run by itself: tether env timer
    """
    from tether.cli import environment_documents, environments, summary
    from tether.cli.claim import Wish

    wish = Wish(name=name, ttl=ttl, remotes=remotes, settings=settings, owner=owner, timeout=timeout)
    entry, outcome = environments.up(registry.of_user(), Path.cwd(), wish)
    if output is Form.JSON:
        give(environment_documents.of_run(entry, outcome))
    else:
        summary.show(outcome, Console(highlight=False))


@app.command("list")
def listing(output: OutputOption = Form.TEXT) -> None:
    """List the environments of this user, also those that only containers tell of by their labels."""
    from tether.cli import environment_documents, reaping

    known = registry.of_user()
    entries = [*known.entries(), *reaping.lost_ones(known)]
    if output is Form.JSON:
        parts = tuple(environment_documents.part(entry) for entry in entries)
        give(environment_documents.EnvironmentsDocument(environments=parts))
        return
    if not entries:
        say("There is no environment. Make one with: tether env up")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("NAME", "STATE", "CLUSTERS", "AGE", "ENDS", "OWNER"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        clusters = str(entry.clusters) if entry.phase is not Phase.LOST else "?"
        table.add_row(Text(entry.name, "bold"), entry.phase, clusters, _age(entry), _end(entry), str(entry.owner))
    Console(highlight=False).print(table)


@app.command()
def show(name: Name, output: OutputOption = Form.TEXT) -> None:
    """Show one environment: how long it lives, where its own things lie, its endpoints, how to work on it."""
    from tether.cli import environment_documents, environments, summary

    entry = environments.find(registry.of_user(), name)
    known = environments.outputs(entry)
    if output is Form.JSON:
        give(environment_documents.of_entry(entry, known))
        return
    console = Console(highlight=False)
    facts = {
        "Environment": f"{entry.name}, {entry.phase}",
        "Ends": _end(entry),
        "Age": _age(entry),
        "Owner": str(entry.owner) + (f", process {entry.owner.process}" if entry.owner.process else ""),
        "Folder": str(entry.folder),
        "Program": str(entry.checkout),
    }
    for fact, value in facts.items():
        console.print(Text.assemble((f"{fact:<13}", "dim"), value), soft_wrap=True)
    if endpoints := known.get("endpoints"):
        console.print()
        console.print(summary.table(endpoints))
    console.print("\nWork on it:", style="bold")
    quoted = shlex.quote(str(entry.folder))
    for command, purpose in (
        (f'export KUBECONFIG="$(tether env kubeconfig {entry.name})"', "kubectl"),
        (f'cd {quoted} && eval "$(.venv/bin/tether env)"', "pulumi, tether doctor, tether verify"),
    ):
        console.print(Text.assemble("  ", command, (f"  # {purpose}", "dim")), soft_wrap=True)


@app.command()
def kubeconfig(name: Name, output: OutputOption = Form.TEXT) -> None:
    """Print the path of one kubeconfig with a context for each cluster; no file of yours is changed."""
    from tether.cli import environment_documents, environments

    place = environments.place_of(environments.find(registry.of_user(), name))
    file = environments.write_kubeconfig(place)
    if output is Form.JSON:
        contexts = tuple(environments.contexts(place))
        give(environment_documents.KubeconfigDocument(kubeconfig=str(file), contexts=contexts))
    else:
        print(file)  # noqa: T201 - the result


@app.command()
def extend(
    name: Name,
    by: Annotated[str, typer.Argument(help="How much longer: 30m, 1h.", metavar="TIME")] = "1h",
    output: OutputOption = Form.TEXT,
) -> None:
    """Let an environment live longer; one that was kept ends again, that much from now."""
    from tether.cli import environments

    _tell(environments.extend(registry.of_user(), name, by), output)


@app.command()
def keep(name: Name, output: OutputOption = Form.TEXT) -> None:
    """Let an environment stand until somebody takes it down. It ends again after: tether env extend NAME."""
    from tether.cli import environments

    _tell(environments.keep(registry.of_user(), name), output)


@app.command()
def down(
    name: Name,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Give up whatever cannot be reached or removed any more.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", help="After this the engine is cancelled, and the state kept.")
    ] = DOWN_TIMEOUT,
    output: OutputOption = Form.TEXT,
) -> None:
    """Remove an environment: clusters, containers, network, volumes, processes, state, folder."""
    from tether.cli import environment_documents, environments, reaping

    seconds = _seconds(timeout, "down NAME", DOWN_TIMEOUT)
    known = registry.of_user()
    entry = known.find(name) or next((one for one in reaping.lost_ones(known) if one.name == name), None)
    entry = entry or environments.find(known, name)
    there = [*environments.look(entry).lines(), f"folder {entry.folder}"] if dry_run or not yes else []
    document = environment_documents.EnvironmentRemovalDocument(dry_run=dry_run, name=name, things=tuple(there))
    if dry_run:
        _result(document, there, output)
        return
    if not yes:
        for line in there:
            say(line)
        if not sys.stdin.isatty():
            raise UsageError(
                f"Nobody is there to be asked, so nothing was removed. Say yes beforehand: tether env down {name} --yes"
            )
        typer.confirm(f"Remove all this of environment {name}?", abort=True, err=True)
    reaping.remove(known, entry, seconds=seconds, force=force)
    if output is Form.JSON:
        give(document)
    else:
        say(f"Environment {name} is gone: no cluster, container, network, volume, process or file of it is left.")


@app.command()
def reap(
    dry_run: DryRun = False,
    timeout: Annotated[
        str, typer.Option("--timeout", help="Of each: after this the engine is cancelled, and the state kept.")
    ] = DOWN_TIMEOUT,
    output: OutputOption = Form.TEXT,
) -> None:
    """Remove environments that have expired, or whose process is dead: found by file, label and name. Does not ask.

    Only what this user made on this host with `tether env`; nothing that a live run works on.
    """
    from tether.cli import environment_documents, reaping

    seconds = _seconds(timeout, "reap", DOWN_TIMEOUT)
    known, moment = registry.of_user(), lifetime.now()
    told: list[tuple[reaping.Case, str]] = []
    complete = True
    if dry_run:
        told = [(case, "would be removed") for case in reaping.cases(known, moment)]
    else:
        complete = reaping.reap(known, moment, seconds=seconds, on_done=lambda case, fate: told.append((case, fate)))
    lines = [f"{case.entry.name}  {fate}: {case.why} (found by its {case.found_by})" for case, fate in told]
    _result(environment_documents.reaping(told, dry_run=dry_run), lines, output)
    if not told:
        say("No environment is over.")
    sys.exit(ExitCode.OK if complete else ExitCode.FAILED)


@app.command()
def pause(name: Name, output: OutputOption = Form.TEXT) -> None:
    """Stop the nodes of an environment, which gives the machine its memory back; its time runs on."""
    from tether.cli import environment_documents, pausing

    entry = pausing.pause(registry.of_user(), name)
    if output is Form.JSON:
        give(environment_documents.of_entry(entry))
    else:
        say(f"Environment {name} is paused. Have it go on with: tether env resume {name}")


@app.command()
def resume(
    name: Name,
    timeout: Annotated[str, typer.Option("--timeout", help="How long the mesh may take.")] = RESUME_TIMEOUT,
    output: OutputOption = Form.TEXT,
) -> None:
    """Start the nodes of a paused environment again, and prove that requests cross."""
    from tether.cli import environment_documents, pausing, summary

    seconds = _seconds(timeout, "resume NAME", RESUME_TIMEOUT)
    done = pausing.resume(registry.of_user(), name, seconds=seconds)
    if output is Form.JSON:
        give(environment_documents.of_resume(done))
    else:
        took = f"healthy after {done.healthy_seconds:.0f} s, proved after {done.seconds:.0f} s"
        say(f"Environment {name} goes on, {took}: {summary.verified(dataclasses.asdict(done.proof))}")


@app.command()
def timer(output: OutputOption = Form.TEXT) -> None:
    """Print what has this machine reap by itself: a systemd timer, or a line of cron; sets nothing up."""
    from tether.cli import environment_documents

    program = str(Path(sys.argv[0]).absolute())
    if output is Form.JSON:
        give(environment_documents.TimerDocument(systemd=timers.systemd(program), cron=timers.cron(program)))
    else:
        print(timers.text(program))  # noqa: T201 - the result


def _seconds(text: str, command: str, default: str) -> float:
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise UsageError(
            f"--timeout {text} {error}; nothing was changed. For example: tether env {command} --timeout {default}"
        ) from None


def _age(entry: Entry) -> str:
    return durations.spoken((lifetime.now() - entry.created).total_seconds())


def _end(entry: Entry) -> str:
    from tether.cli import environments

    seconds = environments.left(entry, lifetime.now())
    end = durations.ending(seconds) if seconds is not None else "kept"
    return f"{end}; {entry.why_abandoned}" if entry.why_abandoned else end


def _tell(entry: Entry, output: Form) -> None:
    from tether.cli import environment_documents, environments

    if output is Form.JSON:
        give(environment_documents.of_entry(entry))
    else:
        print(f"{entry.name}  {environments.ending(entry)}")  # noqa: T201 - the result


def _result(document: "Document", lines: list[str], output: Form) -> None:
    if output is Form.JSON:
        give(document)
        return
    for line in lines:
        print(line)  # noqa: T201 - the result
