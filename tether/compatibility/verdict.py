"""Whether versions may be used together: one verdict for the command line and for the program."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from tether.compatibility import asking, chart, judging
from tether.errors import Problem, UnsupportedError, count
from tether.parts import Parts
from tether.preflight import Finding
from tether.settings import Settings
from tether.topology import Topology

VARIABLE = "TETHER_ALLOW_UNSUPPORTED"
"""How ``tether up --allow-unsupported`` reaches the program: the engine passes its environment on."""


def is_allowed(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether the settings or this run's environment turn refusals into warnings."""
    return settings.allow_unsupported or environment.get(VARIABLE) == "true"


def istio_of(outputs: Mapping[str, Any]) -> str:
    """The version of Istio that a stack's outputs tell of; empty where they tell of no mesh."""
    mesh = outputs.get("mesh")
    return str(cast("dict[str, Any]", mesh).get("istioVersion") or "") if isinstance(mesh, dict) else ""


def examine(
    plan: Topology, parts: Parts, folder: Path, *, running: str = "", project: str = "tether"
) -> tuple[list[Finding], dict[str, str]]:
    """Judge everything that a mesh is about to be made of.

    Args:
        plan: The mesh.
        parts: The parts in use.
        folder: Folder of the project.
        running: Version of Istio that the mesh has now; empty where there is none yet, or it is not known.
        project: Namespace of the settings, for messages.

    Returns:
        Every finding, and why clusters could not be judged, by name.
    """
    answers = asking.ask(plan, folder)
    findings = [
        *judging.istio(parts.istio_version),
        *judging.kubernetes(plan, parts, answers.versions, project),
        *judging.proxies(parts),
        *judging.standing(parts, running),
        *judging.charts(chart.read(parts, folder)),
    ]
    return findings, answers.silent


def enforce(
    findings: list[Finding], silent: Mapping[str, str], warn: Callable[[str], None], *, allowed: bool, project: str
) -> None:
    """Warn of what may be used, and refuse the rest.

    Raises:
        UnsupportedError: carries every finding that is fatal, unless all are allowed.
    """
    for cluster, reason in silent.items():
        warn(f"Kubernetes of {cluster} was not judged: {reason}")
    for finding in findings:
        if allowed or not finding.fatal:
            warn(_plain(finding.problem))
    fatal = [finding.problem for finding in findings if finding.fatal]
    if fatal and not allowed:
        raise UnsupportedError(
            f"Versions that cannot be used: {count(len(fatal), 'finding')}; nothing was created.\n"
            "To go on all the same, warned of what may break: tether up --allow-unsupported\n"
            f"For good: {judging.permission(project)}",
            fatal,
        )


def _plain(problem: Problem) -> str:
    return str(problem).strip()
