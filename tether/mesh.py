"""A mesh that is there: its clusters, opened, with what each is expected to be.

``tether doctor``, ``trace``, ``verify`` and ``report`` work on this and nothing else, so that they do the same
for a stack of Tether's and for a mesh that somebody else made.
"""

import contextlib
import shlex
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from tether import kube
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
        """The name that istiod's certificate carries (istio/istio pilot/pkg/bootstrap/server.go, getDNSNames)."""
        return f"istiod.{self.namespace}.svc"


@contextlib.contextmanager
def connect(blueprint: Blueprint) -> Generator[Mesh]:
    """Open every cluster for the length of a block; nothing is asked yet.

    Raises:
        tether.kube.KubeconfigError: a kubeconfig cannot be used.
    """
    with contextlib.ExitStack() as stack:
        clusters = tuple(
            Cluster(member=member, api=stack.enter_context(kube.connect(member.kubeconfig)))
            for member in blueprint.members
        )
        yield Mesh(blueprint=blueprint, clusters=clusters)


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
