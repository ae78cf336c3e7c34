"""The gateway through which clients outside of the mesh enter a cluster."""

from typing import TypedDict

import pulumi

from components.istio import IstioArgs, gateway_values, istio_release, service_families
from components.resources import GatewayReady
from tether.helm_values import Chart
from tether.topology import INGRESS_GATEWAY as SERVICE


class IngressGatewayArgs(TypedDict):
    """Where the gateway runs."""

    istio_namespace: pulumi.Input[str]
    """Namespace that the gateway runs in."""
    kubeconfig: pulumi.Input[str]
    """Kubeconfig for this machine, to see that the gateway answers; kept secret."""
    istio: IstioArgs
    """Charts and time-out."""


class IngressGateway(pulumi.ComponentResource):
    """An ingress gateway with an address that answers; its routes are the user's own.

    Pass the cluster's Kubernetes provider by ``opts``. Make it after the east-west gateway:
    whichever asks first gets the first address of the load balancer's pool, and the remotes
    look for istiod there.
    """

    address: pulumi.Output[str]
    """The load balancer's IP address or host name."""

    def __init__(self, name: str, args: IngressGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:IngressGateway", name, {}, opts)
        istio = args["istio"]
        families = service_families(istio)
        gateway = istio_release(
            self,
            f"{name}-ingress",
            istio,
            Chart.GATEWAY,
            release_name=SERVICE,
            namespace=args["istio_namespace"],
            values=gateway_values(SERVICE) | ({"service": families} if families else {}),
        )
        ready = GatewayReady(
            f"{name}-ingress",
            {
                "kubeconfig": args["kubeconfig"],
                "namespace": args["istio_namespace"],
                "serviceName": SERVICE,
                "timeoutSeconds": istio["timeout_seconds"],
                "triggers": {"release": gateway.revision},
            },
            pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
        self.address = ready.address
        self.register_outputs({"address": self.address})
