"""Rules about Helm values: which of them are Tether's own, and where they would be passed over."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from tether import helm_values
from tether.errors import Problem
from tether.helm_values import Chart
from tether.settings.base import mapping, objects
from tether.settings.wording import remove, subject
from tether.topology import Platform

Path = tuple[int | str, ...]


def check(document: Mapping[str, Any], project: str) -> list[Problem]:
    """Check the Helm values of the mesh and of every cluster, as they were written."""
    drafts = objects(document.get("clusters"))
    made = [draft.get("platform", Platform.KIND) == Platform.KIND for draft in drafts]
    problems = list(
        _check(mapping(document.get("helmValues")), ("helmValues",), project, has_kind=not made or any(made))
    )
    for index, (draft, is_kind) in enumerate(zip(drafts, made, strict=True)):
        path = ("clusters", index, "helmValues")
        problems += _check(
            mapping(draft.get("helmValues")), path, project, has_kind=is_kind, address_is_free=not is_kind
        )
    return problems


def _check(
    values: Mapping[str, Any], above: Path, project: str, *, has_kind: bool, address_is_free: bool = False
) -> Iterator[Problem]:
    for chart in Chart:
        own = values.get(chart)
        if not isinstance(own, dict):
            continue
        for found in helm_values.trespasses(chart, cast("dict[str, Any]", own), address_is_free=address_is_free):
            path = (*above, chart.value, *found.path)
            yield Problem(
                subject=subject(path, project),
                wrong="is Tether's own" if found.is_whole else f"is no object, and would take {found.owned} away",
                why=found.reason,
                fix=remove(path, project),
            )
        if chart is Chart.METALLB and own and not has_kind:
            path = (*above, chart.value)
            yield Problem(
                subject=subject(path, project),
                wrong="is for clusters of platform kind, and there is none here",
                why="it would be passed over in silence",
                fix=remove(path, project),
            )
