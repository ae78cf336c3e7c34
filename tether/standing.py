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
_GATE = "tether:index:GatewayReady"
"""Of a gateway at nodes it has triggers (components.east_west_gateway)."""
_OF_THE_MESH = ("exposure", "serviceType")


def refuse(wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str) -> None:
    """Refuse settings that the engine would only half carry out.

    Args:
        wanted: The settings as they are now.
        resources: What the engine recorded of the stack.
        project: Namespace of the settings, for messages.

    Raises:
        SettingsError: carries every problem.
    """
    problems = [*_ways_in(wanted, resources, project)]
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


def _ways_in(wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str) -> Iterator[Problem]:
    """Networks that would be entered in another way than now, one problem for each setting that says so.

    Service ``istiod`` of a remote is the chart's where the primary has a load balancer, and Tether's own where it is
    entered at nodes (components.istiod_endpoints). One update makes the new one before the old one goes, under one
    name: Helm would take Tether's away, or refuse to make its own over it. A remote's own gateway changes, but istiod
    keeps the old address beside the new one until it starts anew, and what goes there is lost: a Service without an
    address is not looked at (istio/istio pilot/pkg/serviceregistry/kube/controller/controller.go, addOrUpdateService).
    """
    ways = [(_before(one, wanted.clusters, resources), _in_force(wanted, one)) for one in wanted.clusters]
    changed = [index for index, (before, now) in enumerate(ways) if before and before is not now]
    followers = [index for index, one in enumerate(wanted.clusters) if ways[index][0] and not one.exposure.service_type]
    # What the mesh says can be taken back only where all that go by it have changed.
    is_of_the_mesh = set(followers) <= set(changed)
    settings: dict[tuple[int | str, ...], list[int]] = {}
    for index in changed:
        own = ("clusters", index, *_OF_THE_MESH)
        settings.setdefault(_OF_THE_MESH if is_of_the_mesh and index in followers else own, []).append(index)
    for path, indices in settings.items():
        names = [wanted.clusters[index].name for index in indices]
        before, now = ways[indices[0]]
        assert before is not None  # noqa: S101 - or it would not have changed
        yield Problem(
            subject=subject(path, project),
            shown=now.value,
            wrong=f"the mesh stands, and the east-west gateway of {', '.join(names)} is a {before.value} in it",
            why="it would follow in part only: a remote would lose its Service istiod where the primary's gateway "
            "changes, and requests to a remote whose own changes would be lost",
            fix=f"{fix(path, before.value, project)}  # as it stands; to change it: tether down, and then tether up",
        )


def _in_force(wanted: Settings, cluster: ClusterSettings) -> ServiceType:
    held = exposure.in_force(wanted.exposure, cluster.exposure, cluster.platform)
    return held.service_type or ServiceType.LOAD_BALANCER


def _before(
    cluster: ClusterSettings, clusters: Sequence[ClusterSettings], resources: Sequence[Mapping[str, Any]]
) -> ServiceType | None:
    """What a gateway is now: the primary's as its remotes go by it, a remote's as its gate has it; None before."""
    made = {(str(one.get("type")), str(one.get("urn")).rpartition("::")[2]): one for one in resources}
    if cluster.role is Role.REMOTE:
        gate = made.get((_GATE, cluster.name))
        if gate is None:
            return None
        inputs: Mapping[str, Any] = gate.get("inputs") or {}
        return _type(at_nodes=bool(inputs.get("triggers")))
    tied = [f"{one.name}-istiod" for one in clusters if one.role is Role.REMOTE]
    tied = [name for name in tied if (_RELEASE, name) in made]
    return _type(at_nodes=(_SERVICE, tied[0]) in made) if tied else None


def _type(*, at_nodes: bool) -> ServiceType:
    return ServiceType.NODE_PORT if at_nodes else ServiceType.LOAD_BALANCER
