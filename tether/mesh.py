"""A mesh that is there: its clusters, opened, with what each is expected to be.

``tether doctor``, ``trace``, ``verify`` and ``report`` work on this and nothing else, so that they do the same
for a stack of Tether's and for a mesh that somebody else made.
"""

import contextlib
import shlex
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from tether import kube, metadata
from tether.revision import DEFAULT, Revision, labelled
from tether.topology import DEFAULT_TRUST_DOMAIN, Role

DEFAULT_NAMESPACE = "istio-system"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One cluster of a mesh, before it is opened."""

    name: str
    """What the user calls it: the cluster's name in the settings, or its kubeconfig context."""
    role: Role
    kubeconfig: str = field(repr=False)
    """Content, current context set. Secret."""
    cluster_id: str = ""
    """Istio cluster ID that it is meant to have; empty where nobody said."""
    network: str = ""
    """Network that it is meant to be on; empty where nobody said."""
    kubectl: str = "kubectl"
    """How a user runs kubectl on it, for commands that are printed."""


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """Which clusters a mesh consists of and what it is meant to be."""

    members: tuple[Member, ...]
    """The primary first."""
    istio_namespace: str = DEFAULT_NAMESPACE
    trust_domain: str = DEFAULT_TRUST_DOMAIN
    revision: Revision | None = None
    """None where nobody said: the clusters tell."""
    stack: str = ""
    """Name of the stack that made it; empty where it is not Tether's."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster of a mesh, open."""

    member: Member
    api: kube.Api

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.member.name

    @property
    def is_primary(self) -> bool:
        """Whether istiod runs here."""
        return self.member.role is Role.PRIMARY


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A mesh with every API server at hand."""

    blueprint: Blueprint
    clusters: tuple[Cluster, ...]
    """The primary first."""
    revision: Revision = DEFAULT
    """That serves the remotes."""

    @property
    def primary(self) -> Cluster:
        """The cluster that runs istiod."""
        return self.clusters[0]

    @property
    def remotes(self) -> tuple[Cluster, ...]:
        """The clusters that it serves."""
        return self.clusters[1:]

    @property
    def namespace(self) -> str:
        """Istio's namespace, the same in every cluster."""
        return self.blueprint.istio_namespace

    @property
    def istiod_host(self) -> str:
        """The name by which the remotes know istiod."""
        return self.revision.host(self.namespace)


@contextlib.contextmanager
def connect(blueprint: Blueprint) -> Generator[Mesh]:
    """Open every cluster for the length of a block; asked is only for the revision, and only where nobody said it.

    Raises:
        tether.kube.KubeconfigError: a kubeconfig cannot be used.
    """
    with contextlib.ExitStack() as stack:
        clusters = tuple(
            Cluster(member=member, api=stack.enter_context(kube.connect(member.kubeconfig)))
            for member in blueprint.members
        )
        said = blueprint.revision
        found = _serving(clusters, blueprint.istio_namespace) if said is None else said
        yield Mesh(blueprint=blueprint, clusters=clusters, revision=found)


def _serving(clusters: Sequence[Cluster], namespace: str) -> Revision:
    """The revision that serves a mesh; of several the one that every remote has a Service for, the default one first.

    The primary's Services of istiod say it, which are there also while no pod is; where it does not answer, the
    default revision is as good as any other.
    """
    primary, *remotes = clusters
    path = f"/api/v1/namespaces/{namespace}/services"
    try:
        listed = kube.items(primary.api.get(path, {"labelSelector": "app=istiod"}))
        found = sorted({labelled(metadata.labels(item)) for item in listed}, key=lambda revision: revision.name)
        if len(found) > 1:
            known = [one for one in found if all(remote.api.find(f"{path}/{one.istiod}") for remote in remotes)]
            found = known or found
    except kube.KubeError:
        return DEFAULT
    return found[0] if found else DEFAULT


def blueprint_of_contexts(
    primary: str, remotes: Sequence[str], kubeconfig: str, *, istio_namespace: str = DEFAULT_NAMESPACE
) -> Blueprint:
    """Describe a mesh by kubeconfig contexts.

    Args:
        primary: context of the cluster that runs istiod.
        remotes: contexts of the others.
        kubeconfig: content, or path of a file.
        istio_namespace: Istio's namespace.

    Raises:
        tether.kubeconfig.KubeconfigFileError: no such file or context.
    """
    from tether.kubeconfig import load

    roles = [(primary, Role.PRIMARY), *((remote, Role.REMOTE) for remote in remotes)]
    members = tuple(
        Member(
            name=name, role=role, kubeconfig=load(kubeconfig, name), kubectl=f"kubectl --context {shlex.quote(name)}"
        )
        for name, role in roles
    )
    return Blueprint(members=members, istio_namespace=istio_namespace)
