"""Rules that hold between settings.

They look at the document as it was written, not at the parsed models, so that they
speak in the same breath as complaints about single values.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tether import topology
from tether.errors import Problem
from tether.redact import HIDDEN
from tether.settings import authority
from tether.settings.clouds import CLOUDS
from tether.settings.wording import fix, remove, shown, subject
from tether.topology import Platform, Role

_OWN_KEYS: Mapping[Platform, tuple[str, ...]] = {
    Platform.KIND: ("podCidr", "serviceCidr", "nodeImage", "kindConfig"),
    Platform.EXISTING: ("kubeconfig", "context", "apiServer", "apiServerName", "apiServerCa", "v1Endpoints"),
    **{cloud: (cloud.value,) for cloud in CLOUDS},
}
_ROLES = frozenset(Role)


@dataclass(frozen=True)
class _Draft:
    """A cluster as it was written; anything may be missing or of the wrong type."""

    index: int
    values: Mapping[str, Any]

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return str(value) if isinstance(value, str | int) else ""

    @property
    def label(self) -> str:
        return self.text("name") or f"clusters[{self.index}]"

    @property
    def platform(self) -> str:
        return self.text("platform") or Platform.KIND

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def path(self, key: str) -> tuple[int | str, ...]:
        return ("clusters", self.index, key)


def check(document: Mapping[str, Any], project: str) -> list[Problem]:
    """Check what single values cannot show; values that are wrong by themselves are passed over."""
    problems = list(authority.check(document.get("certificateAuthority"), project))
    written = document.get("clusters")
    if not isinstance(written, list):
        return problems
    entries = cast("list[Any]", written)
    drafts = [
        _Draft(index, cast("dict[str, Any]", entry)) for index, entry in enumerate(entries) if isinstance(entry, dict)
    ]
    for rule in _RULES:
        problems += rule(drafts, project)
    return problems


def _number_of_clusters(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    if len(drafts) < 2:
        index = len(drafts)
        yield Problem(
            subject=subject(["clusters"], project),
            wrong=f"names {['no cluster', 'only one cluster'][index]}",
            why="primary-remote needs one primary and at least one remote",
            fix=" && ".join(
                fix(("clusters", index, key), value, project)
                for key, value in (
                    ("name", _free(drafts, "name", "cluster")),
                    ("role", Role.REMOTE if index else Role.PRIMARY),
                    ("network", _free(drafts, "network", "network")),
                )
            ),
        )
    on_this_machine = [draft for draft in drafts if draft.platform == Platform.KIND]
    if len(on_this_machine) > topology.POOL_LIMIT:
        yield Problem(
            subject=subject(["clusters"], project),
            wrong=f"names {len(on_this_machine)} kind clusters, the limit is {topology.POOL_LIMIT}",
            why="the container network has load balancer addresses for that many",
            fix=remove(("clusters", on_this_machine[-1].index), project),
        )


def _names(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    for draft, first in _repeated(drafts, "name"):
        yield Problem(
            subject=subject(draft.path("name"), project),
            shown=shown(draft.path("name"), draft.text("name")),
            wrong=f"is also the name of clusters[{first.index}]",
            why="the name is the Istio cluster ID, and istiod takes only the first cluster of one ID",
            fix=fix(draft.path("name"), _free(drafts, "name", "cluster"), project),
        )
    for draft in drafts:
        name = draft.text("name")
        if draft.platform == Platform.KIND and len(name) > topology.KIND_CLUSTER_LIMIT:
            yield Problem(
                subject=subject(draft.path("name"), project),
                shown=shown(draft.path("name"), name),
                wrong=f"has {len(name)} characters; a kind cluster's name has at most {topology.KIND_CLUSTER_LIMIT}",
                why="with the environment's suffix it becomes the node's host name, a DNS label of 63 characters",
                fix=fix(draft.path("name"), name[: topology.KIND_CLUSTER_LIMIT].rstrip("-"), project),
            )


def _roles(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    primaries = [draft for draft in drafts if draft.text("role") == Role.PRIMARY]
    if len(drafts) > 1 and not primaries and all(draft.text("role") in _ROLES for draft in drafts):
        yield Problem(
            subject=subject(["clusters"], project),
            wrong="name no primary",
            why="istiod runs in the primary; remotes alone have no control plane",
            fix=fix(drafts[0].path("role"), Role.PRIMARY, project),
        )
    for draft in primaries[1:]:
        yield Problem(
            subject=subject(draft.path("role"), project),
            shown='"primary"',
            wrong=f"makes {draft.label} a second primary beside {primaries[0].label}",
            why="in primary-remote one istiod serves all clusters",
            fix=fix(draft.path("role"), Role.REMOTE, project),
        )


def _networks(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    for draft, first in _repeated(drafts, "network"):
        yield Problem(
            subject=subject(draft.path("network"), project),
            shown=shown(draft.path("network"), draft.text("network")),
            wrong=f"is the network of {first.label} too; {draft.label} needs one of its own",
            why="Istio takes pods on one network for directly reachable and would pass by the east-west gateway",
            fix=fix(draft.path("network"), _free(drafts, "network", "network"), project),
        )


def _platform_keys(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    for draft in drafts:
        if draft.platform not in set(Platform):
            continue
        for other, key in ((other, key) for other, keys in _OWN_KEYS.items() for key in keys):
            if other != draft.platform and draft.has(key):
                yield Problem(
                    subject=subject(draft.path(key), project),
                    shown=shown(draft.path(key), draft.values[key]),
                    wrong=f"belongs to clusters of platform {other}, and {draft.label} is of platform {draft.platform}",
                    why="it would be passed over in silence",
                    fix=remove(draft.path(key), project),
                )


def _v1_endpoints(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    for draft in drafts:
        if draft.platform == Platform.EXISTING and draft.text("role") == Role.PRIMARY and draft.has("v1Endpoints"):
            yield Problem(
                subject=subject(draft.path("v1Endpoints"), project),
                shown=shown(draft.path("v1Endpoints"), draft.values["v1Endpoints"]),
                wrong=f"is for remotes, and {draft.label} is the primary",
                why="Kubernetes keeps the Endpoints of an istiod that has pods, so it would be passed over in silence",
                fix=remove(draft.path("v1Endpoints"), project),
            )


def _clouds(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    for draft in drafts:
        if draft.platform in set(CLOUDS) and not draft.has(draft.platform):
            path = (*draft.path(draft.platform), "region")
            yield Problem(
                subject=subject(path, project),
                wrong=f"is missing: {draft.label} is made in a cloud, and nothing says where",
                why="what it costs and how far it is from the others depends on it",
                fix=fix(path, "", project),
            )


def _access(drafts: Sequence[_Draft], project: str) -> Iterator[Problem]:
    existing = [draft for draft in drafts if draft.platform == Platform.EXISTING]
    seen: dict[tuple[str, str], _Draft] = {}
    for draft in existing:
        access = (draft.text("kubeconfig"), draft.text("context"))
        if not any(access):
            yield Problem(
                subject=subject(draft.path("context"), project),
                wrong=f"is missing: {draft.label} exists already, and neither kubeconfig nor context says where",
                why="taking whatever context is current could change the wrong cluster",
                fix=fix(draft.path("context"), "", project),
            )
        # Two that are still encrypted look alike here.
        elif access in seen and access[0] != HIDDEN:
            yield Problem(
                subject=subject(draft.path("context" if access[1] else "kubeconfig"), project),
                wrong=f"leads {draft.label} to the same cluster as {seen[access].label}",
                why="one cluster cannot be two members of the mesh",
                fix=fix(draft.path("context"), "", project),
            )
        else:
            seen[access] = draft
        if draft.text("role") == Role.REMOTE and not draft.has("apiServer"):
            yield Problem(
                subject=subject(draft.path("apiServer"), project),
                wrong=f"is missing: the address at which other clusters reach the API server of {draft.label}",
                why="the primary's istiod reads the remote's API server through it; the address in a kubeconfig is "
                "often good for one machine only",
                fix=fix(draft.path("apiServer"), "https://api.remote.example.com:6443", project),
            )
    for draft, first in _repeated(existing, "apiServer"):
        yield Problem(
            subject=subject(draft.path("apiServer"), project),
            shown=shown(draft.path("apiServer"), draft.text("apiServer")),
            wrong=f"is the API server of {first.label} too",
            why="one cluster cannot be two members of the mesh",
            fix=fix(draft.path("apiServer"), "", project),
        )


def _repeated(drafts: Sequence[_Draft], key: str) -> Iterator[tuple[_Draft, _Draft]]:
    """Pair every cluster whose value was there before with the first that has it."""
    first: dict[str, _Draft] = {}
    for draft in drafts:
        value = draft.text(key)
        if value and first.setdefault(value, draft) is not draft:
            yield draft, first[value]


def _free(drafts: Sequence[_Draft], key: str, stem: str) -> str:
    taken = {draft.text(key) for draft in drafts}
    return next(name for number in range(1, len(drafts) + 2) if (name := f"{stem}{number}") not in taken)


_RULES: tuple[Callable[[Sequence[_Draft], str], Iterator[Problem]], ...] = (
    _number_of_clusters,
    _names,
    _roles,
    _networks,
    _platform_keys,
    _v1_endpoints,
    _clouds,
    _access,
)
