"""The gateway through which a cluster's network is entered from the others."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.istio import IstioArgs, gateway_values, istio_release, service_families
from components.resources import GatewayReady
from tether.helm_values import ADDRESS_ANNOTATION, Chart
from tether.topology import EAST_WEST_GATEWAY as SERVICE


class ExposureArgs(TypedDict):
    """Who may reach the gateway."""

    source_ranges: NotRequired[list[pulumi.Input[str]]]
    """Networks that the load balancer lets in, CIDR notation; everybody when left out."""
    annotations: NotRequired[dict[str, pulumi.Input[str]]]
    """More annotations on the Service, for the load balancer's controller."""


class EastWestGatewayArgs(TypedDict):
    """Which network the gateway leads into."""

    network: pulumi.Input[str]
    """Network behind the gateway."""
    istio_namespace: pulumi.Input[str]
    """Namespace that the gateway runs in."""
    kubeconfig: pulumi.Input[str]
    """Kubeconfig for this machine, to see that the gateway answers; kept secret."""
    istio: IstioArgs
    """Charts and time-out."""
    load_balancer_address: NotRequired[pulumi.Input[str]]
    """Address to ask the load balancer for, of two IP families two with a comma between; any when left out."""
    exposure: NotRequired[ExposureArgs]
    """Who may reach it; everybody when left out."""


class EastWestGateway(pulumi.ComponentResource):
    """An east-west gateway with an address that answers.

    Pass the cluster's Kubernetes provider by ``opts``. Its pod takes image and
    configuration from injection, so the webhook must answer before this is made.
    """

    address: pulumi.Output[str]
    """The load balancer's IP address or host name; of two IP families the first."""
    ip_addresses: pulumi.Output[list[str]]
    """What that name stands for, or the IP addresses themselves; of one family, sorted."""

    def __init__(self, name: str, args: EastWestGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:EastWestGateway", name, {}, opts)
        istio = args["istio"]
        wanted = args.get("load_balancer_address")
        gateway = istio_release(
            self,
            name,
            istio,
            Chart.GATEWAY,
            release_name=SERVICE,
            namespace=args["istio_namespace"],
            values={
                **gateway_values(SERVICE),
                "networkGateway": args["network"],
                "service": _service(args),
            },
        )
        ready = GatewayReady(
            name,
            {
                "kubeconfig": args["kubeconfig"],
                "namespace": args["istio_namespace"],
                "serviceName": SERVICE,
                "expectedAddress": wanted,
                "timeoutSeconds": istio["timeout_seconds"],
            },
            pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
        self.address, self.ip_addresses = ready.address, ready.ip_addresses
        self.register_outputs({"address": self.address})


def _service(args: EastWestGatewayArgs) -> dict[str, Any]:
    """Helm values of the gateway's Service."""
    exposure, address = args.get("exposure", {}), args.get("load_balancer_address")
    annotations = {**exposure.get("annotations", {})}
    if address is not None:
        annotations[ADDRESS_ANNOTATION] = address
    ranges = exposure.get("source_ranges")
    return {
        "annotations": annotations,
        **({"loadBalancerSourceRanges": ranges} if ranges else {}),
        **service_families(args["istio"]),
    }
