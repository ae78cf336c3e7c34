"""Where a gateway is entered from other clusters: at its load balancer, or at ports of its cluster's nodes.

Of a Service of type NodePort istiod knows the way by annotation ``traffic.istio.io/nodeSelector``: the node ports, and
the first address of type ExternalIP of every node that the selector fits; nodes without one are passed over
(istio/istio pilot/pkg/serviceregistry/kube/conversion.go, and controller.go and network.go in its folder controller).
The nodes of kind and most nodes on one's own machines have none. Gateways behind those are told to istiod as
``meshNetworks``, an address and a port each (pilot/pkg/model/network.go, reload), and carry no such annotation, or
istiod would add what it finds itself.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tether import addresses, kube, metadata
from tether.topology import CROSS_NETWORK_PORT, STATUS_PORT, WEBHOOK_PORT, XDS_PORT

NODE_PORT = "NodePort"
NETWORK_LABEL = "topology.istio.io/network"
"""On a gateway's Service: the network that it leads into."""
NODE_SELECTOR = "traffic.istio.io/nodeSelector"
"""Annotation of a gateway's Service, read by istiod: labels of nodes, as a JSON object."""
NODE_ADDRESSES = "tether.node-addresses"
"""Annotation beside it, read by Tether: the addresses that istiod was told as ``meshNetworks``, joined by commas."""

PORT_OF: Mapping[str, int] = {
    "status": STATUS_PORT,
    "tls": CROSS_NETWORK_PORT,
    "xds": XDS_PORT,
    "webhook": WEBHOOK_PORT,
}
"""A gateway's own ports, under the names that they have in the stack's outputs."""
SERVICE_PORTS: Mapping[str, str] = {
    "status": "status-port",
    "tls": "tls",
    "xds": "tls-istiod",
    "webhook": "tls-webhook",
}
"""What chart ``gateway`` calls them (templates/service.yaml)."""
NODE_PORTS: Mapping[str, int] = {"status": 30021, "tls": 30043, "xds": 30012, "webhook": 30017}
"""Ports of the nodes unless others are asked for: out of the band 30000-30085, from which Kubernetes gives none away by
itself while the rest of the range has any (Kubernetes ServiceNodePortStaticSubrange, since 1.27)."""


@dataclass(frozen=True, kw_only=True)
class GatewayEntry:
    """A gateway's addresses and ports as other clusters use them."""

    addresses: tuple[str, ...] = ()
    """IP addresses and host names; empty where it cannot be entered."""
    ports: Mapping[int, int]
    """By the gateway's own port: the port to go to."""
    is_by_nodes: bool = False
    """Whether the addresses are those of nodes."""

    @property
    def address(self) -> str:
        """The first address; empty where there is none."""
        return next(iter(self.addresses), "")

    def port(self, own: int) -> int:
        """Port to go to for one of the gateway's own."""
        return self.ports.get(own, own)


def of_service(service: kube.Object, nodes: Callable[[], Iterable[kube.Object]]) -> GatewayEntry:
    """Where a gateway's Service lets in.

    Args:
        service: the gateway's.
        nodes: reads the nodes of its cluster; called only where the way leads over those that a selector chooses.
    """
    spec = cast("dict[str, Any]", service.get("spec") or {})
    said = metadata.annotations(service) if "metadata" in service else {}
    listed, given = metadata.listed(spec, "ports"), addresses.of_service(service)
    if spec.get("type") != NODE_PORT or not {NODE_SELECTOR, NODE_ADDRESSES} & said.keys():
        return GatewayEntry(addresses=tuple(given), ports={int(port["port"]): int(port["port"]) for port in listed})
    stated = list(filter(None, said.get(NODE_ADDRESSES, "").split(",")))
    return GatewayEntry(
        addresses=tuple(stated or given or external_ips(nodes(), said.get(NODE_SELECTOR, ""))),
        ports={int(port["port"]): int(port.get("nodePort") or port["port"]) for port in listed},
        is_by_nodes=True,
    )


def external_ips(nodes: Iterable[kube.Object], chosen: str) -> list[str]:
    """External IP of every node that istiod would take, sorted as text.

    Args:
        nodes: of the gateway's cluster.
        chosen: value of the annotation; one that cannot be read chooses every node, as istiod has it
            (controller/util.go, getNodeSelectorsForService).
    """
    try:
        wanted: Any = json.loads(chosen or "{}")
    except ValueError:
        wanted = {}
    labels = cast("dict[str, str]", wanted) if isinstance(wanted, dict) else {}
    return sorted(
        ip
        for node in nodes
        if labels.items() <= metadata.labels(node).items()
        for ip in _of_type(node, "ExternalIP")[:1]
    )


def _of_type(node: kube.Object, wanted: str) -> list[str]:
    listed = metadata.listed(cast("kube.Object", node.get("status") or {}), "addresses")
    return [str(one["address"]) for one in listed if one.get("type") == wanted and one.get("address")]


def selector(labels: Mapping[str, str]) -> str:
    """Value of the annotation by which istiod chooses nodes; of no labels: all nodes."""
    return json.dumps(labels, sort_keys=True)


def service_ports(node_ports: Mapping[str, int]) -> list[dict[str, Any]]:
    """Ports of a gateway's Service, each with its port on the nodes.

    Args:
        node_ports: port on the nodes by name, see :data:`PORT_OF`.
    """
    return [
        {
            "name": SERVICE_PORTS[name],
            "port": own,
            "targetPort": own,
            "protocol": "TCP",
            "nodePort": node_ports[name],
        }
        for name, own in PORT_OF.items()
    ]


def mesh_network(found: Iterable[str], port: int) -> dict[str, Any]:
    """What istiod is told of a network whose gateway it cannot find by itself (``meshNetworks``).

    Which endpoints are on the network is left to the labels of namespaces and pods, which count first
    (istio/istio pilot/pkg/serviceregistry/kube/controller/controller.go, Network).

    Args:
        found: addresses of nodes.
        port: on them, that leads to the gateway's port between networks.
    """
    return {"gateways": [{"address": address, "port": port} for address in found]}


def chart_values(network: Any, node_ports: Mapping[str, int]) -> dict[str, Any]:
    """Helm values of chart ``gateway`` that make it one of a network with given node ports.

    The chart's own value for that, ``networkGateway``, leaves no room for node ports (templates/_helpers.tpl,
    gateway.networkGatewayPort); what else it does is in the other two values here (templates/deployment.yaml).

    Args:
        network: behind the gateway.
        node_ports: port on the nodes by name, see :data:`PORT_OF`.
    """
    return {
        "labels": {NETWORK_LABEL: network},
        "env": {"ISTIO_META_REQUESTED_NETWORK_VIEW": network},
        "service": {"type": NODE_PORT, "ports": service_ports(node_ports)},
    }
