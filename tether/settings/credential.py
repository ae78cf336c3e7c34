"""With what istiod proves to a remote's API server who it is; a cluster's own values replace the mesh's."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from tether.credential import DEFAULT_LIFETIME_HOURS, LEAST_LIFETIME_HOURS, MOST_LIFETIME_HOURS, CredentialKind
from tether.errors import Problem
from tether.settings.base import Model, mapping, objects
from tether.settings.wording import fix, remove, shown, subject
from tether.topology import Role

_KEY = "remoteCredential"
_LIFETIME = "lifetimeHours"
_LIFETIME_SAYS = "bound: how long a token is valid, if the API server does not allow less; renewed at half of it"


class RemoteCredential(Model):
    """A cluster's own words on its credential."""

    kind: CredentialKind | None = Field(default=None, description="`token-secret` or `bound`; the mesh's when left out")
    lifetime_hours: int | None = Field(
        default=None, ge=LEAST_LIFETIME_HOURS, le=MOST_LIFETIME_HOURS, description=_LIFETIME_SAYS
    )


class RemoteCredentialSettings(Model):
    """The credentials of all remotes that say nothing else."""

    kind: CredentialKind = Field(
        default=CredentialKind.TOKEN_SECRET,
        description="`token-secret`: one without an end, kept in a Secret of the remote; `bound`: one that ends, and "
        "that `pulumi up` renews",
    )
    lifetime_hours: int = Field(
        default=DEFAULT_LIFETIME_HOURS, ge=LEAST_LIFETIME_HOURS, le=MOST_LIFETIME_HOURS, description=_LIFETIME_SAYS
    )


def in_force(mesh: RemoteCredentialSettings, own: RemoteCredential) -> RemoteCredentialSettings:
    """What holds for one remote."""
    return mesh.model_copy(update=own.model_dump(exclude_none=True))


def check(document: Mapping[str, Any], project: str) -> list[Problem]:
    """Find what would be passed over in silence; the mesh's own lifetime may wait for a remote that wants it."""
    common = mapping(document.get(_KEY)).get("kind", CredentialKind.TOKEN_SECRET)
    problems: list[Problem] = []
    for index, cluster in enumerate(objects(document.get("clusters"))):
        problems += _check_cluster(cluster, index, common, project)
    return problems


def _check_cluster(cluster: Mapping[str, Any], index: int, common: Any, project: str) -> Iterator[Problem]:
    own = mapping(cluster.get(_KEY))
    path = ("clusters", index, _KEY)
    if own and cluster.get("role") == Role.PRIMARY:
        yield Problem(
            subject=subject(path, project),
            wrong="is for remotes, and this is the primary",
            why="istiod reads its own cluster with the rights of its pod",
            fix=remove(path, project),
        )
    elif _LIFETIME in own and own.get("kind", common) == CredentialKind.TOKEN_SECRET:
        yield Problem(
            subject=subject((*path, _LIFETIME), project),
            shown=shown((*path, _LIFETIME), own[_LIFETIME]),
            wrong=f"is for a credential of kind {CredentialKind.BOUND}, and this one is of kind "
            f"{CredentialKind.TOKEN_SECRET}",
            why="the token would have no end, whatever is written here",
            fix=fix((*path, "kind"), CredentialKind.BOUND, project),
        )
