"""The way into a cluster for everything that Tether makes inside."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes

IN_PLACE = {"pulumi.com/patchForce": "true"}
"""Annotation of what is changed in place also where somebody else has written into it, `kubectl patch` say."""


def cluster_provider(
    cluster: pulumi.Resource,
    name: str,
    kubeconfig: pulumi.Input[str],
    identifier: pulumi.Input[str],
    around: Sequence[pulumi.Resource] = (),
    *,
    delete_unreachable: bool | None = None,
) -> kubernetes.Provider:
    """Open the way into a cluster.

    Secrets are changed, not made anew: istiod drops a remote whose secret goes, and with it all its endpoints, and
    sometimes misses the one that follows at once (istio/istio#58047).

    Args:
        cluster: component that the provider is part of.
        name: of the resource.
        kubeconfig: for this machine.
        identifier: known before the cluster is: says that it is still the same cluster.
        around: nodes and rules, which what is in the cluster needs to come and, with its load balancers, to go.
        delete_unreachable: whether what is in it is given up with it.
    """
    return kubernetes.Provider(
        name,
        kubeconfig=kubeconfig,
        cluster_identifier=identifier,
        delete_unreachable=delete_unreachable,
        enable_secret_mutable=True,
        opts=pulumi.ResourceOptions(parent=cluster, depends_on=[*around]),
    )
