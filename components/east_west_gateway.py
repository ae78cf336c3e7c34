"""The gateway through which a cluster's network is entered from the others."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from components.istio import IstioArgs, gateway_values, istio_release, service_families
from components.resources import GatewayReady
from tether import gateway_entry, helm_values
from tether.helm_values import ADDRESS_ANNOTATION, Chart
from tether.topology import EAST_WEST_GATEWAY as SERVICE


class NodePortsArgs(TypedDict):
    """Ports of the nodes that lead to a gateway."""

    status: int
    """To its health, 15021."""
    tls: int
    """To its port between networks, 15443."""
    xds: int
    """To istiod in the primary, 15012."""
    webhook: int
    """To istiod's webhook in the primary, 15017."""


class ExposureArgs(TypedDict):
    """Who may reach the gateway, and where."""

    source_ranges: NotRequired[list[pulumi.Input[str]]]
    """Networks that the load balancer lets in, CIDR notation; everybody when left out."""
    annotations: NotRequired[dict[str, pulumi.Input[str]]]
    """More annotations on the Service, for the load balancer's controller."""
    node_ports: NotRequired[NodePortsArgs]
    """Where it is entered at nodes; at a load balancer when left out."""
    node_addresses: NotRequired[pulumi.Input[list[str]]]
    """IP addresses of those nodes, of one family, which istiod is told by ``meshNetworks``; left out, it looks for
    nodes itself and takes those with an address of type ExternalIP."""
    node_selector: NotRequired[dict[str, str]]
    """Labels of the nodes that it looks for; all when left out."""


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
    """The load balancer's IP address or host name, of two IP families the first; or a node's IP address."""
    ip_addresses: pulumi.Output[list[str]]
    """What that name stands for, or the IP addresses themselves; of one family, sorted."""

    def __init__(self, name: str, args: EastWestGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:EastWestGateway", name, {}, opts)
        istio = args["istio"]
        wanted = args.get("load_balancer_address")
        self.release = istio_release(
            self,
            name,
            istio,
            Chart.GATEWAY,
            release_name=SERVICE,
            namespace=args["istio_namespace"],
            values=_values(args),
        )
        """Its chart; applied before the gateway serves."""
        ready = GatewayReady(
            name,
            {
                "kubeconfig": args["kubeconfig"],
                "namespace": args["istio_namespace"],
                "serviceName": SERVICE,
                "expectedAddress": wanted,
                "timeoutSeconds": istio["timeout_seconds"],
                "triggers": {"release": self.release.revision, **_triggers(args.get("exposure", {}))},
            },
            pulumi.ResourceOptions(parent=self, depends_on=[self.release]),
        )
        self.address, self.ip_addresses = ready.address, ready.ip_addresses
        self.register_outputs({"address": self.address})


def _values(args: EastWestGatewayArgs) -> dict[str, Any]:
    """Helm values of the gateway."""
    exposure = args.get("exposure", {})
    if "node_ports" not in exposure:
        return {**gateway_values(SERVICE), "networkGateway": args["network"], "service": _service(args)}
    ports = cast("Mapping[str, int]", exposure["node_ports"])
    annotations = {**exposure.get("annotations", {}), **_nodes(exposure)}
    return helm_values.merged(
        gateway_values(SERVICE),
        gateway_entry.chart_values(args["network"], ports),
        {"service": {"annotations": annotations, **service_families(args["istio"])}},
    )


def _service(args: EastWestGatewayArgs) -> dict[str, Any]:
    """Helm values of a Service with a load balancer."""
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


def _nodes(exposure: ExposureArgs) -> dict[str, pulumi.Input[str]]:
    """The annotation that says which nodes lead to the gateway."""
    if "node_addresses" in exposure:
        listed = pulumi.Output.from_input(exposure["node_addresses"])
        return {gateway_entry.NODE_ADDRESSES: listed.apply(lambda found: ",".join(found))}
    return {gateway_entry.NODE_SELECTOR: gateway_entry.selector(exposure.get("node_selector", {}))}


def _triggers(exposure: ExposureArgs) -> dict[str, Any]:
    """What else makes the gate ask anew: nothing of it tells that other nodes or ports lead to the gateway."""
    if "node_ports" not in exposure:
        return {}
    ports = cast("Mapping[str, int]", exposure["node_ports"])
    return {**{name: str(port) for name, port in ports.items()}, **_nodes(exposure)}
