"""What of a mesh must not go by mistake, and how a stack's own records tell that it is protected."""

from collections.abc import Iterable, Mapping
from typing import Any

MESH = "tether:index:Mesh"
"""Type token of the whole mesh."""
LASTING = frozenset(
    {
        MESH,
        "tether:index:Cluster",
        "tether:index:CertificateChain",
        "aws:eks/cluster:Cluster",
        "azure:containerservice/kubernetesCluster:KubernetesCluster",
        "gcp:container/cluster:Cluster",
    }
)
"""Type tokens of what is lost when it is deleted: everything else is made anew out of the settings."""


def lasts(type_token: str) -> bool:
    """Whether a resource is protected in a protected mesh."""
    return type_token in LASTING


def protected(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """URNs of the protected resources of a stack's state (``pulumi stack export``)."""
    return [str(one["urn"]) for one in resources if one.get("protect")]
