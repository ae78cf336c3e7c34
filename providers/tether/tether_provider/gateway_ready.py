"""A gate: does a gateway answer where other clusters enter it?"""

from collections.abc import Mapping
from typing import Any

import pydantic

from tether import addresses, gate, gateway_entry, kube, mesh_probe, rollout, topology
from tether.gateway_entry import GatewayEntry
from tether_provider.errors import ProviderError
from tether_provider.remote_ready import await_gate
from tether_provider.resource import SECRET, Found, Operation, Resource, Wire


class GatewayReadyInputs(Wire):
    """Which gateway."""

    kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    namespace: str = "istio-system"
    service_name: str = topology.EAST_WEST_GATEWAY
    expected_address: str = ""
    """Of two IP families two, with a comma between; empty: any."""
    timeout_seconds: float = pydantic.Field(default=300, gt=0)
    triggers: dict[str, str] = pydantic.Field(default_factory=dict[str, str])
    """A change asks anew."""


class GatewayReadyOutputs(Wire):
    """Where it answers."""

    address: str
    """IP address, of two families the first; or a host name where the cloud gives one."""
    ip_addresses: list[str] = pydantic.Field(default_factory=list[str])
    """What a host name stands for, or the IP addresses themselves; of one family, sorted."""
    ports: dict[str, int]
    """Number to go to by name of the Service's port: a node's where the gateway is entered there."""
    checked_from: str
    """``machine``, or ``api-server`` where no way leads from this machine to the address."""


class GatewayReady(Resource[GatewayReadyInputs, GatewayReadyOutputs]):
    """Created when a gateway's pod is injected and ready, and its address answers."""

    token = "tether:index:GatewayReady"  # noqa: S105 - a type token
    description = "Waits until a gateway answers at its load balancer address, or at the ports of nodes."
    inputs_type = GatewayReadyInputs
    outputs_type = GatewayReadyOutputs

    def outdated(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
        """A name may lead elsewhere by now; whether an IP address is another is for a refresh to see."""
        if not state.get("ipAddresses"):
            return "serviceName"
        found = None if addresses.is_ip(state["address"]) else _look(inputs)
        return "serviceName" if found and found != {key: state[key] for key in found} else None

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """The address where it is asked for, and what an update would find now; it finds the same ports."""
        if wanted := inputs.get("expectedAddress"):
            first = wanted.partition(",")[0]
            promised: dict[str, Any] = {"address": first, "ipAddresses": [first]}
        else:
            promised = (_look(inputs) or {}) if state else {}
        return promised | {key: state[key] for key in ("ports",) if state and key in state}

    def create(self, operation: Operation, inputs: GatewayReadyInputs) -> tuple[str, GatewayReadyOutputs]:
        """Wait until the gateway answers."""
        with kube.connect(inputs.kubeconfig) as api:
            findings = await_gate(operation, _steps(inputs, api), inputs.timeout_seconds)
            entry, ip_addresses, checked_from = (finding.value for finding in findings[-3:])
            ports = _ports(api, inputs, entry)
        outputs = GatewayReadyOutputs(
            address=entry.address, ip_addresses=ip_addresses, ports=ports, checked_from=checked_from
        )
        return f"{inputs.namespace}/{inputs.service_name}", outputs

    def read(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any]
    ) -> Found[GatewayReadyOutputs] | None:
        """A gate that opened stays open; where it leads is looked at anew, unless its address was asked for."""
        if not state:
            return None
        found = None if state.get("expectedAddress") else _look(state)
        return Found(self.outputs_of({**state, **(found or {})}))

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: GatewayReadyInputs
    ) -> GatewayReadyOutputs:
        """Ask anew."""
        return self.create(operation, inputs)[1]

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Nothing was made."""


def serving(api: kube.Api, namespace: str, service: str, where: str = "") -> list[gate.Step]:
    """Steps until a gateway's pods are of its last change and serve; ``where`` is added to the names of the steps."""
    name = f"{service}{where}"
    return [
        gate.Step(f"pod of {name}", lambda: mesh_probe.gateway_running(api, namespace, service)),
        gate.Step(f"pods of the last change of {name}", lambda: rollout.followed(api, namespace, service)),
    ]


def _steps(inputs: GatewayReadyInputs, api: kube.Api) -> list[gate.Step]:
    namespace, service = inputs.namespace, inputs.service_name
    health = mesh_probe.GatewayHealth(api, namespace, service)
    entry = GatewayEntry(ports={})

    def find_address() -> gate.Finding:
        nonlocal entry
        finding = mesh_probe.gateway_address(api, namespace, service, inputs.expected_address)
        entry = finding.value or entry
        return finding

    def check_health() -> gate.Finding:
        port = entry.port(topology.STATUS_PORT)
        asked = [health(one, port) for one in (inputs.expected_address or entry.address).split(",")]
        return next((finding for finding in asked if not finding.ready), asked[0])

    return [
        *serving(api, namespace, service),
        gate.Step(f"address of {service}", find_address),
        gate.Step(f"IP addresses of {service}", lambda: mesh_probe.gateway_ips(api, namespace, service)),
        gate.Step(f"health of {service}", check_health),
    ]


def _look(inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where a gateway is now, as outputs on the wire; None where that cannot be seen."""
    if not all(inputs.get(key) for key in ("kubeconfig", "namespace", "serviceName")):
        return None
    try:
        with kube.connect(inputs["kubeconfig"]) as api:
            service = _service(api, inputs["namespace"], inputs["serviceName"]) or {}
            entry = gateway_entry.of_service(service, lambda: kube.items(api.get("/api/v1/nodes")))
        ips = addresses.for_one_slice(service, addresses.resolved(entry.addresses))
    except (kube.KubeError, OSError):
        return None
    return {"address": entry.address, "ipAddresses": ips} if ips else None


def _service(api: kube.Api, namespace: str, name: str) -> kube.Object | None:
    return api.find(f"/api/v1/namespaces/{namespace}/services/{name}")


def _ports(api: kube.Api, inputs: GatewayReadyInputs, entry: GatewayEntry) -> dict[str, int]:
    found = _service(api, inputs.namespace, inputs.service_name)
    if found is None:
        raise ProviderError(f"Service {inputs.namespace}/{inputs.service_name} went away while it was looked at")
    return {str(port.get("name") or port["port"]): entry.port(int(port["port"])) for port in found["spec"]["ports"]}
