"""What a mesh that stands already cannot follow, however its settings are changed."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tether import recorded, topology
from tether.environments.folder import environment_of
from tether.errors import Problem, SettingsError, count
from tether.settings import AuthoritySource, ClusterSettings, Settings, exposure
from tether.settings.node_ports import ServiceType
from tether.settings.wording import fix, subject
from tether.topology import Role

_RELEASE = "kubernetes:helm.sh/v3:Release"
_SERVICE = "kubernetes:core/v1:Service"
_GATE = "tether:index:GatewayReady"
"""Of a gateway at nodes it has triggers beside the release (components.east_west_gateway)."""
_CHAIN = "tether:index:CertificateChain"
_ISTIOD = "tether:index:IstiodReady"
"""Recorded once istiod has answered."""
_ROLES = {"tether:index:Primary": Role.PRIMARY, "tether:index:Remote": Role.REMOTE}
_ROOT = ("algorithm", "rootDays", "organization")
"""Of a generated root, by their names on the wire: with another one it is another root."""
_CLUSTER = "tether:index:Cluster"
_OF_THE_MESH = ("exposure", "serviceType")


def anew(environment: str, stack: str) -> str:
    """What makes a mesh anew, as a part of a sentence.

    Args:
        environment: Its name, if the stack is that of an environment.
        stack: Pulumi's name of the stack.
    """
    if environment:
        return f"tether env down {environment}, and then the same again"
    return f"tether down --stack {stack}, and then tether up --stack {stack}"


def refuse(
    wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str, node_image: str, *, way: str
) -> None:
    """Refuse settings that the engine would only half carry out.

    Args:
        wanted: The settings as they are now.
        resources: What the engine recorded of the stack.
        project: Namespace of the settings, for messages.
        node_image: Of the toolchain, which kind clusters are made of unless their settings name another.
        way: What makes the mesh anew (:func:`anew`).

    Raises:
        SettingsError: carries every problem.
    """
    kept = [one for one in resources if not one.get("delete")]
    problems = [
        *_namespace(wanted, kept, project),
        *_roles(wanted, kept, project),
        *_root(wanted, kept, project),
        *_ways_in(wanted, kept, project),
        *_clusters(wanted, kept, project, node_image),
    ]
    problems = [replace(one, fix=f"{one.fix}  # as it stands; to change it: {way}") for one in problems]
    if problems:
        raise SettingsError(f"{count(len(problems), 'problem')} in the settings; nothing was changed.", problems)


def check(wanted: Settings, node_image: str) -> None:
    """The same inside of the Pulumi program, as far as the state is in a folder of this machine.

    Raises:
        pulumi.RunError: carries every problem; shown by the engine without a traceback.
    """
    # The SDK takes a second to import, and the command line looks without it.
    import pulumi

    folder = recorded.folder_of(os.environ.get("PULUMI_BACKEND_URL", ""))
    project, stack = pulumi.get_project(), pulumi.get_stack()
    environment = environment_of(Path.cwd())
    try:
        made = recorded.resources(folder, project, stack) if folder else []
        refuse(wanted, made, project, node_image, way=anew(environment, stack))
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def _made(resources: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What the engine recorded, by type and name."""
    return {(str(one.get("type")), str(one.get("urn")).rpartition("::")[2]): one for one in resources}


def _differs(
    path: tuple[int | str, ...], project: str, *, now: object, before: object, wrong: str, why: str
) -> Problem:
    """A setting that says something else than the mesh was made with, and the command that takes it back."""
    return Problem(
        subject=subject(path, project),
        shown=str(now),
        wrong=f"the mesh stands, and {wrong}",
        why=why,
        fix=fix(path, str(before), project),
    )


def _namespace(wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str) -> Iterator[Problem]:
    """Another namespace of Istio, where Helm would refuse CRDs and roles that belong to the release in the old one."""
    before = next((one["inputs"].get("istioNamespace") for one in resources if one.get("type") == _ISTIOD), None)
    if before not in (None, wanted.istio_namespace):
        yield _differs(
            ("istioNamespace",), project, now=wanted.istio_namespace, before=before,
            wrong=f"istiod is in {before}",
            why="Istio's charts share CRDs and roles, which Helm lets one namespace have at a time: the mesh would be "
            "half moved",
        )  # fmt: skip


def _roles(wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str) -> Iterator[Problem]:
    """Clusters that would become a primary or a remote, while the charts of the other role are installed."""
    made = _made(resources)
    for index, cluster in enumerate(wanted.clusters):
        before = next((role for kind, role in _ROLES.items() if (kind, cluster.name) in made), cluster.role)
        if before is not cluster.role:
            yield _differs(
                ("clusters", index, "role"), project, now=cluster.role, before=before,
                wrong=f"{cluster.name} is a {before} in it",
                why="the charts of one role cannot be installed over those of the other: the mesh would be half made",
            )  # fmt: skip


def _root(wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str) -> Iterator[Problem]:
    """Another generated root, which istiod refuses while it runs (docs/explanation/certificate-authority.md)."""
    authority = wanted.certificate_authority
    held = next((one["inputs"] for one in resources if one.get("type") == _CHAIN), None)
    is_up = any(one.get("type") == _ISTIOD for one in resources)
    if held is None or not is_up or authority.source is not AuthoritySource.GENERATED:
        return
    now = authority.model_dump(mode="json", by_alias=True)
    for name in _ROOT:
        if name in held and held[name] != now[name]:
            yield _differs(
                ("certificateAuthority", name), project, now=now[name], before=held[name],
                wrong=f"its root certificate was made with {held[name]}",
                why="istiod refuses another root while it runs, and workloads go on with the one that they know: "
                "half of the mesh would not trust the other",
            )  # fmt: skip


def _clusters(
    wanted: Settings, resources: Sequence[Mapping[str, Any]], project: str, node_image: str
) -> Iterator[Problem]:
    """Kind clusters that would be made anew, one problem for each setting that says so.

    Their Kubernetes provider stays the one that it is, so the engine would believe that what was in them is in the
    new ones.
    """
    made = _made(resources)
    settings: dict[tuple[int | str, ...], tuple[object, object, list[str]]] = {}
    for index, cluster in enumerate(topology.plan(wanted).clusters):
        held = made.get((_CLUSTER, cluster.name))
        if held is None or (_RELEASE, f"{cluster.name}-base") not in made:
            continue
        now = {
            "ipFamily": wanted.ip_family.value,
            "podCidr": cluster.pod_cidr,
            "serviceCidr": cluster.service_cidr,
            "nodeImage": cluster.node_image or node_image,
            "kindConfig": dict(cluster.kind_config),
        }
        before: Mapping[str, Any] = held["inputs"]
        changed = [name for name, value in now.items() if before.get(name, value) != value]
        # With another family come other ranges, unless they are named.
        for name in changed[:1] if "ipFamily" in changed else changed:
            path = ("ipFamily",) if name == "ipFamily" else ("clusters", index, name)
            settings.setdefault(path, (now[name], before[name], []))[2].append(cluster.name)
    for path, (value, was, names) in settings.items():
        problem = _differs(
            path, project, now=value, before=was,
            wrong=f"{', '.join(names)} {'was' if len(names) == 1 else 'were'} made with {was}",
            why="a cluster would be made anew, without what is in it",
        )  # fmt: skip
        # No command sets a whole mapping.
        yield problem if isinstance(was, str) else replace(problem, fix=f"edit it back to {json.dumps(was)}")


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
        yield _differs(
            path, project, now=now.value, before=before.value,
            wrong=f"the east-west gateway of {', '.join(names)} is a {before.value} in it",
            why="it would follow in part only: a remote would lose its Service istiod where the primary's gateway "
            "changes, and requests to a remote whose own changes would be lost",
        )  # fmt: skip


def _in_force(wanted: Settings, cluster: ClusterSettings) -> ServiceType:
    held = exposure.in_force(wanted.exposure, cluster.exposure, cluster.platform)
    return held.service_type or ServiceType.LOAD_BALANCER


def _before(
    cluster: ClusterSettings, clusters: Sequence[ClusterSettings], resources: Sequence[Mapping[str, Any]]
) -> ServiceType | None:
    """What a gateway is now: the primary's as its remotes go by it, a remote's as its gate has it; None before."""
    made = _made(resources)
    if cluster.role is Role.REMOTE:
        gate = made.get((_GATE, cluster.name))
        if gate is None:
            return None
        inputs: Mapping[str, Any] = gate.get("inputs") or {}
        return _type(at_nodes=bool(set(inputs.get("triggers") or ()) - {"release"}))
    tied = [f"{one.name}-istiod" for one in clusters if one.role is Role.REMOTE]
    tied = [name for name in tied if (_RELEASE, name) in made]
    return _type(at_nodes=(_SERVICE, tied[0]) in made) if tied else None


def _type(*, at_nodes: bool) -> ServiceType:
    return ServiceType.NODE_PORT if at_nodes else ServiceType.LOAD_BALANCER
