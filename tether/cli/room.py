"""Whether this machine has room for a mesh, beside what was promised to others that are still coming up."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

from tether import parts, preflight
from tether.cli import project, records
from tether.cli.engine import Engine
from tether.cli.project import Project
from tether.cli.state import State, of_environment
from tether.cli.talk import say, warn
from tether.environments import registry
from tether.environments.registry import Entry, Registry
from tether.errors import PreflightError, Problem, count
from tether.preflight import Finding, Need
from tether.settings import Settings

WAIT_SECONDS = 120.0
"""For others to have their nodes; two meshes that start at once take a minute for theirs."""
_EACH = 2.0


def check(place: Project, wanted: Settings, deadline: float | None = None) -> None:
    """Look at the machine, tell what is merely unwise, and refuse what cannot work.

    Args:
        place: The checkout and its stack.
        wanted: Its settings.
        deadline: Moment of the monotonic clock until which there is time for it; None: always.

    Raises:
        PreflightError: carries every fatal finding.
    """
    environment: Mapping[str, str] = {}
    runtime = ""
    tools_folder: Path | None = None
    made = records.read(place).clusters
    try:
        chosen = parts.read(place.root / parts.FILE)
        environment, runtime = chosen.environment, chosen.container_runtime
        made = made or _made_from_elsewhere(place)
    except parts.PartsMissingError:
        tools_folder = _cold_cache()
    need = preflight.need(wanted, made=made, tools_folder=tools_folder, project=place.name, runtime=runtime)
    if need.is_nothing:
        return
    folders = [tools_folder] if tools_folder else []
    findings = look(
        registry.of_user(), need, environment, folders, asking=place.environment, deadline=deadline
    )  # fmt: skip
    for finding in findings:
        if not finding.fatal:
            warn(str(finding.problem).strip())
    if problems := fatal(findings):
        raise PreflightError(
            f"This machine cannot carry the mesh: {count(len(problems), 'finding')}; nothing was created.", problems
        )


def look(
    known: Registry,
    need: Need,
    environment: Mapping[str, str],
    folders: Iterable[Path] = (),
    *,
    asking: str = "",
    deadline: float | None = None,
) -> list[Finding]:
    """Look at the machine.

    A node takes its inotify instances while it starts, and only then is seen what is left of them. Where there are
    enough but for what others were promised, this waits until they have their nodes.

    Args:
        known: the environments of this machine.
        need: what is needed; ``promised`` is found here.
        environment: variables for the container runtimes.
        folders: whose free space is asked for.
        asking: the environment that it is for; who came after it is promised nothing before it. Empty: all are.
        deadline: moment of the monotonic clock after which nothing is waited for.
    """
    end = min(monotonic() + WAIT_SECONDS, deadline or float("inf"))
    told = False
    while True:
        need = replace(need, promised=_promised(known, asking))
        facts = preflight.gather(need.ports, folders, environment, inotify=need.inotify)
        findings = preflight.examine(facts, need)
        alone = preflight.examine(facts, replace(need, promised={}))
        waits = {one.subject for one in fatal(findings)} == {preflight.INOTIFY} and not fatal(alone)
        if not waits or monotonic() > end:
            return findings
        if not told:
            say(f"waiting for the nodes of {', '.join(need.promised)}, to see what is left for this one")
        told = True
        sleep(_EACH)


def fatal(findings: Iterable[Finding]) -> list[Problem]:
    """What keeps a mesh from being made."""
    return [finding.problem for finding in findings if finding.fatal]


def _promised(known: Registry, asking: str) -> dict[str, int]:
    """Clusters by environment that is coming up, without those that it has already."""
    entries = {entry.name: entry for entry in known.entries()}
    promised = registry.promised(list(entries.values()), asking)
    return {name: left for name, number in promised.items() if (left := number - _made(entries[name])) > 0}


def _made(entry: Entry) -> int:
    state = of_environment(entry)
    return len(state.clusters()) if state else 0


def _made_from_elsewhere(place: Project) -> int:
    """How many kind clusters another checkout made, as a state tells that both share."""
    if not place.shared_state:
        return 0
    exported = Engine(place, project.full_environment(place)).export()
    return len(State(exported).clusters()) if exported else 0


def _cold_cache() -> Path | None:
    """The cache, if the tools must still be built in it."""
    from toolchain import places

    artefacts = places.cache().artefacts
    return None if artefacts.is_dir() and any(artefacts.iterdir()) else places.cache().root
