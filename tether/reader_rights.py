"""What istiod may do in a remote: the rights of the reader, whose token it has.

Istio's own role (istio/istio manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml) allows
more, for what a mesh of Tether's has not: configuration in a remote, and Services of several clusters by the MCS API.
"""

from dataclasses import dataclass
from typing import Any

READ = ("list", "watch")


@dataclass(frozen=True, kw_only=True)
class Right:
    """What may be done with one kind of thing."""

    verbs: tuple[str, ...]
    group: str
    """API group; empty for the first one of Kubernetes."""
    resource: str
    why: str
    """What istiod does with it."""


RIGHTS = (
    Right(verbs=("create",), group="authentication.k8s.io", resource="tokenreviews",
          why="asks whose token it is that a proxy shows"),
    Right(verbs=("create",), group="authorization.k8s.io", resource="subjectaccessreviews",
          why="asks whether a gateway may read the Secret of a certificate"),
    Right(verbs=READ, group="", resource="pods", why="finds workloads"),
    Right(verbs=READ, group="", resource="services", why="finds services and gateways"),
    Right(verbs=READ, group="discovery.k8s.io", resource="endpointslices", why="finds what stands behind services"),
    Right(verbs=READ, group="", resource="nodes", why="reads where pods are, and the addresses of nodes"),
    Right(verbs=("get", *READ), group="", resource="namespaces",
          why="reads labels and networks, and whether the cluster is for it to look after"),
    Right(verbs=READ, group="", resource="secrets", why="reads certificates of gateways"),
    Right(verbs=("get", *READ, "create", "update"), group="", resource="configmaps",
          why="takes the lock of who looks after the cluster, and keeps the root certificate in every namespace"),
    Right(verbs=(*READ, "update"), group="admissionregistration.k8s.io", resource="mutatingwebhookconfigurations",
          why="keeps the webhooks' CA"),
    Right(verbs=READ, group="apiextensions.k8s.io", resource="customresourcedefinitions",
          why="learns which of the next two there are"),
    Right(verbs=READ, group="networking.istio.io", resource="workloadentries", why="finds workloads that are no pods"),
    Right(verbs=READ, group="gateway.networking.k8s.io", resource="gateways",
          why="finds ways into a network, where the cluster has the Gateway API"),
)  # fmt: skip
"""Each is proved to be needed by tests/e2e/test_reader_rights.py, which takes it away."""


def role_name(istio_namespace: str) -> str:
    """Name of the ClusterRole and of its binding."""
    return f"tether-reader-{istio_namespace}"


def rules() -> list[dict[str, Any]]:
    """Rules of the role, as Kubernetes has them."""
    return [{"apiGroups": [one.group], "resources": [one.resource], "verbs": list(one.verbs)} for one in RIGHTS]


def each() -> tuple[tuple[str, str, str], ...]:
    """Verb, API group and resource of every single one."""
    return tuple((verb, one.group, one.resource) for one in RIGHTS for verb in one.verbs)
