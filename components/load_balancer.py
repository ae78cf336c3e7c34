"""A load balancer for clusters that have none of their own."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.istio import laid_over, release
from components.kubernetes_object import KubernetesObject
from components.labels import metadata
from tether import topology
from tether.helm_values import Chart

NAMESPACE = topology.LOAD_BALANCER_NAMESPACE
PROBES = {
    "readinessProbe": {"initialDelaySeconds": 0, "periodSeconds": 1},
    "livenessProbe": {"initialDelaySeconds": 60},
}
"""The chart looks after ten seconds, for both: too late to be quick, too soon for a machine that is busy."""


class LoadBalancerArgs(TypedDict):
    """MetalLB and the addresses that it may hand out."""

    chart: pulumi.Input[str]
    """Folder or reference of MetalLB's chart."""
    controller_image: pulumi.Input[str]
    """Full reference, tag included."""
    speaker_image: pulumi.Input[str]
    """Full reference, tag included."""
    addresses: pulumi.Input[list[str]]
    """Ranges ``first-last`` on the nodes' network that nobody else uses, one for each IP family."""
    timeout_seconds: pulumi.Input[int]
    """How long MetalLB may take to become ready."""
    helm_values: NotRequired[dict[str, Any]]
    """More Helm values of the chart."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""


def _image(reference: pulumi.Input[str]) -> pulumi.Output[dict[str, str]]:
    """Split a reference as MetalLB's chart wants it."""

    def split(whole: str) -> dict[str, str]:
        repository, _, tag = whole.rpartition(":")
        return {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}

    return pulumi.Output.from_input(reference).apply(split)


class LoadBalancer(pulumi.ComponentResource):
    """MetalLB in layer-2 mode with one pool of addresses.

    Pass the cluster's Kubernetes provider by ``opts``.
    """

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:LoadBalancer", name, {}, opts)
        labels = args.get("labels")
        metallb = release(
            self,
            f"{name}-load-balancer",
            chart=args["chart"],
            release_name="metallb",
            namespace=NAMESPACE,
            create_namespace=True,
            timeout_seconds=args["timeout_seconds"],
            labels=labels,
            values=laid_over(
                {
                    # Without its webhook the controller starts in a second; with it, it waits up to a minute until
                    # the kubelet shows it the certificate that it has just made. The only pool is made here.
                    "controller": {"image": _image(args["controller_image"]), "webhookMode": "disabled", **PROBES},
                    "crds": {"validationFailurePolicy": "Ignore"},
                    "speaker": {
                        "image": _image(args["speaker_image"]),
                        "frr": {"enabled": False},
                        "memberlist": {"enabled": False},
                        **PROBES,
                    },
                    "frrk8s": {"enabled": False},
                },
                {"metallb": args.get("helm_values", {})},
                Chart.METALLB,
            ),
        )
        for kind, spec in (
            ("IPAddressPool", {"addresses": args["addresses"]}),
            ("L2Advertisement", {"ipAddressPools": ["tether"]}),
        ):
            about = metadata({"name": "tether", "namespace": NAMESPACE}, labels)
            KubernetesObject(
                f"{name}-{kind.lower()}",
                {"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": about, "spec": spec},
                pulumi.ResourceOptions(parent=self, depends_on=[metallb]),
            )
        if labels:
            # The chart's Release makes the namespace; a patch gives it labels and takes them back, and no more.
            KubernetesObject(
                f"{name}-load-balancer",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
                pulumi.ResourceOptions(parent=self, depends_on=[metallb]),
                patch=True,
            )
        self.register_outputs({})
