"""What a mesh that stands already cannot follow, however its settings are changed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tether import recorded
from tether.errors import Problem, SettingsError, count
from tether.settings import ClusterSettings, Settings, exposure
from tether.settings.node_ports import ServiceType
from tether.settings.wording import fix, subject
from tether.topology import Role

_RELEASE = "kubernetes:helm.sh/v3:Release"
_SERVICE = "kubernetes:core/v1:Service"


def refuse(wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str) -> None:
    """Refuse settings that the engine would only half carry out.

    Args:
        wanted: The settings as they are now.
        resources: What the engine recorded of the stack.
        project: Namespace of the settings, for messages.

    Raises:
        SettingsError: carries every problem.
    """
    problems = [*_way_to_istiod(wanted, resources, project)]
    if problems:
        raise SettingsError(f"{count(len(problems), 'problem')} in the settings; nothing was changed.", problems)


def check(wanted: Settings) -> None:
    """The same inside of the Pulumi program, as far as the state is in a folder of this machine.

    Raises:
        pulumi.RunError: carries every problem; shown by the engine without a traceback.
    """
    # The SDK takes a second to import, and the command line looks without it.
    import pulumi

    folder = recorded.folder_of(os.environ.get("PULUMI_BACKEND_URL", ""))
    project = pulumi.get_project()
    try:
        refuse(wanted, recorded.resources(folder, project, pulumi.get_stack()) if folder else [], project)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def _way_to_istiod(wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str) -> Iterator[Problem]:
    """A primary whose gateway would be entered in another way than its remotes go by.

    Service ``istiod`` of a remote is the chart's where the primary has a load balancer, and Tether's own where it is
    entered at nodes (components.istiod_endpoints). One update makes the new one before the old one goes, under one
    name: Helm would take Tether's away, or refuse to make its own over it.
    """
    index, primary = next(
        (index, cluster) for index, cluster in enumerate(wanted.clusters) if cluster.role is Role.PRIMARY
    )
    held = exposure.in_force(wanted.exposure, primary.exposure, primary.platform)
    now = held.service_type or ServiceType.LOAD_BALANCER
    others = [name for name, before in _standing(wanted.clusters, resources) if before is not now]
    if not others:
        return
    path = ("clusters", index, "exposure", "serviceType") if primary.exposure.service_type else _OF_THE_MESH
    before = next(one for one in ServiceType if one is not now)
    yield Problem(
        subject=subject(path, project),
        shown=now.value,
        wrong=f"the gateway of {primary.name} stands as a {before.value}, and so {', '.join(others)} "
        f"{'goes' if len(others) == 1 else 'go'} by it",
        why="Service istiod of a remote would be made anew under the name that it has, and taken away after that: "
        "no proxy there would find istiod",
        fix=f"{fix(path, before.value, project)}  # as it stands; to change it: tether down, and then tether up",
    )


_OF_THE_MESH = ("exposure", "serviceType")


def _standing(
    clusters: Sequence[ClusterSettings], resources: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, ServiceType]]:
    """The remotes that have their Service, by what the primary's gateway was when they got it."""
    made = {(str(one.get("type")), str(one.get("urn")).rpartition("::")[2]) for one in resources}
    for cluster in clusters:
        name = f"{cluster.name}-istiod"
        if cluster.role is Role.REMOTE and (_RELEASE, name) in made:
            yield cluster.name, ServiceType.NODE_PORT if (_SERVICE, name) in made else ServiceType.LOAD_BALANCER
