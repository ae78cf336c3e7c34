"""The namespace that Istio lives in."""

from typing import NotRequired, TypedDict

import pulumi

from components.kubernetes_object import KubernetesObject
from components.labels import metadata
from components.resources import IstioNamespace


class IstioNamespaceArgs(TypedDict):
    """What Istio reads on the namespace, and whose it is."""

    namespace: pulumi.Input[str]
    """Name."""
    network: pulumi.Input[str]
    """Network of the cluster's pods, which istiod reads here."""
    led_by: NotRequired[pulumi.Input[str]]
    """Cluster ID of the primary whose istiod may lead here; in remotes."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""
    kubeconfig: pulumi.Input[str]
    """Kubeconfig for this machine; kept secret."""
    may_exist: bool
    """Whether somebody else may have made it: it is patched then, and given back as it was."""


def istio_namespace(
    parent: pulumi.Resource, name: str, args: IstioNamespaceArgs
) -> tuple[pulumi.Resource, pulumi.Output[str]]:
    """Make the namespace, or take the one that is there.

    Returns:
        What has to be there before anything inside, and the namespace's name once it is.
    """
    # The Kubernetes provider would otherwise wait ten minutes for a namespace that finalizers hold.
    child = pulumi.ResourceOptions(parent=parent, custom_timeouts=pulumi.CustomTimeouts(delete="3m"))
    labels = {"topology.istio.io/network": args["network"]}
    annotations = {"topology.istio.io/controlPlaneClusters": args["led_by"]} if "led_by" in args else {}
    if args["may_exist"]:
        taken = IstioNamespace(
            name,
            {
                "kubeconfig": pulumi.Output.secret(args["kubeconfig"]),
                "name": args["namespace"],
                "labels": {**args.get("labels", {}), **labels},
                "annotations": annotations,
            },
            child,
        )
        return taken, taken.namespace_name
    own = {"name": args["namespace"], "labels": labels, "annotations": annotations}
    made = KubernetesObject(
        name, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(own, args.get("labels"))}, child
    )
    return made, made.metadata["name"]
