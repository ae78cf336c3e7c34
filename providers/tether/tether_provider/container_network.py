"""A container network of one environment's own, so that nothing of two environments can collide."""

import ipaddress
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic

from tether import topology
from tether_provider import containers, labelled
from tether_provider.errors import CancelledError, ProviderError
from tether_provider.resource import REPLACES, Failure, Found, Operation, Resource, Wire

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_OVERLAP = ("already used", "being used", "overlap", "invalid pool request", "is in use")
_TAKEN = ("already exists", "network name", "name is already")
_LABEL_PREFIX, _, _ENVIRONMENT = topology.ENVIRONMENT_LABEL.partition(".")
_ROUTES = Path("/proc/net/route")

_making = threading.Lock()


class NetworkInputs(Wire):
    """What is asked of a network."""

    name: str = pydantic.Field(json_schema_extra=REPLACES)
    runtime: containers.Choice = pydantic.Field(default="auto", json_schema_extra=REPLACES)
    labels: dict[str, str] = pydantic.Field(json_schema_extra=REPLACES)
    """``environment``, which must be there, is the suffix that says whose network it is.

    Every key is written with the prefix ``tether.``.
    """
    members: list[str] = pydantic.Field(default_factory=list[str])
    """Clusters that get a pool of load balancer addresses each."""
    ipv6: bool = pydantic.Field(default=False, json_schema_extra=REPLACES)
    """Whether it has a /64 of IPv6 beside the /24; kind reaches nodes by IPv4 in every case."""


class NetworkOutputs(Wire):
    """What became of it."""

    name: str
    runtime: containers.Name
    subnet: str
    """A /24; containers get addresses of its lower half only."""
    gateway: str
    ipv6_subnet: str = ""
    """A /64, used in the same way; empty where IPv6 was not asked for."""
    places: dict[str, int] = pydantic.Field(default_factory=dict[str, int])
    """By cluster: index of its pool (``tether.topology.address_pools``)."""


class ContainerNetwork(Resource[NetworkInputs, NetworkOutputs]):
    """A bridge network with a free /24, and a /64 of IPv6 if asked for, with container names in DNS."""

    token = "tether:index:ContainerNetwork"  # noqa: S105 - a type token
    description = "A container network with a free /24: the lower half for containers, the upper for load balancers."
    inputs_type = NetworkInputs
    outputs_type = NetworkOutputs
    delete_before_replace = True

    def check(self, inputs: Mapping[str, Any]) -> Iterable[Failure]:
        """Refuse names that no runtime takes, and a network that nobody could tell to be ours."""
        if "name" in inputs and not _NAME.fullmatch(inputs["name"]):
            yield Failure("name", f"is {inputs['name']!r}; letters, digits, dots, dashes and underscores are allowed")
        if "labels" in inputs and not inputs["labels"].get(_ENVIRONMENT):
            yield Failure("labels", f"has no {_ENVIRONMENT}; without it nobody can tell whose network it is")
        if len(members := inputs.get("members", [])) > topology.POOL_LIMIT:
            yield Failure("members", f"are {len(members)} clusters; there are addresses for {topology.POOL_LIMIT}")

    def same(self, key: str, old: Any, new: Any, state: Mapping[str, Any]) -> bool:
        """``auto`` means whichever runtime has it now."""
        return old == new or (key == "runtime" and new == "auto")

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """Name, and everything else once it exists."""
        names = ("name", "runtime", "subnet", "gateway", "ipv6Subnet")
        source = state or {key: inputs[key] for key in ("name",) if key in inputs}
        known = {key: source[key] for key in names if key in source}
        if "members" in inputs:
            known["places"] = _places(inputs["members"], state or {})
        return known

    def create(self, operation: Operation, inputs: NetworkInputs) -> tuple[str, NetworkOutputs]:
        """Make the network, or take over the one that an interrupted run of this environment left."""
        chosen = containers.choose(inputs.runtime)
        labels = {f"{_LABEL_PREFIX}.{key}": value for key, value in inputs.labels.items()}
        operation.log.progress(f"making network {inputs.name}")
        found = chosen.network(inputs.name) or _make(operation, chosen, inputs, labels)
        if not _is_ours(found, inputs.labels):
            raise ProviderError(
                f"name — there is a network {inputs.name} that this stack did not make — it is left as it is. "
                f"Take another name, or remove it: {chosen.name} network rm {inputs.name}"
            )
        if inputs.ipv6 and not found.ipv6_subnet:
            raise ProviderError(
                f"ipv6 — network {inputs.name}, which an interrupted run left, has no IPv6 — its clusters could not "
                f"have any. Remove it: {chosen.name} network rm {inputs.name}"
            )
        return inputs.name, _outputs(chosen, found, topology.pool_places(inputs.members, {}))

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[NetworkOutputs] | None:
        """Look for the network by name."""
        chosen = _runtime_of(state)
        found = chosen.network(resource_id)
        if found is None:
            return None
        prefix = f"{_LABEL_PREFIX}."
        labels = {key.removeprefix(prefix): value for key, value in found.labels.items() if key.startswith(prefix)}
        own = {"name": found.name, "runtime": chosen.name, "labels": labels, "ipv6": bool(found.ipv6_subnet)}
        imported = None if state else own
        return Found(_outputs(chosen, found, _places(list(state.get("places", {})), state)), imported)

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: NetworkInputs
    ) -> NetworkOutputs:
        """Deal out the pools anew; who has one keeps it."""
        return self.outputs_of(state).model_copy(update={"places": _places(inputs.members, state)})

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove the network, and before it what an interrupted run of this environment left on it."""
        chosen = _runtime_of(state)
        _remove_leftovers(operation, chosen, resource_id, state.get("labels", {}).get(_ENVIRONMENT, ""))
        complaint = chosen.remove_network(resource_id)
        if not complaint:
            return
        foreign = sorted(chosen.attached(resource_id))
        if not foreign:
            raise ProviderError(f"{chosen.name} could not remove network {resource_id}: {complaint}")
        raise ProviderError(
            f"network {resource_id} is used by containers that this stack did not make: {', '.join(foreign)} — "
            f"it is left as it is. Remove them first: {chosen.name} rm --force {' '.join(foreign)}"
        )


def _runtime_of(state: Mapping[str, Any]) -> containers.Runtime:
    """The runtime that has it; for an import the one that answers."""
    name = state.get("runtime", "auto")
    return containers.choose(name) if name == "auto" else containers.Runtime(name)


def _is_ours(found: containers.Network, labels: Mapping[str, str]) -> bool:
    environment = labels.get(_ENVIRONMENT, "")
    return bool(environment) and found.labels.get(topology.ENVIRONMENT_LABEL) == environment


def _places(members: Sequence[str], state: Mapping[str, Any]) -> dict[str, int]:
    return topology.pool_places(members, {name: int(index) for name, index in state.get("places", {}).items()})


def _outputs(chosen: containers.Runtime, found: containers.Network, places: Mapping[str, int]) -> NetworkOutputs:
    return NetworkOutputs(
        name=found.name,
        runtime=chosen.name,
        subnet=found.subnet,
        gateway=found.gateway,
        ipv6_subnet=found.ipv6_subnet,
        places=dict(places),
    )


def _make(
    operation: Operation, chosen: containers.Runtime, inputs: NetworkInputs, labels: Mapping[str, str]
) -> containers.Network:
    complaint = "every /24 of 10.89.0.0/16 is in use"
    name, start = inputs.name, _start(inputs.name, labels)
    ipv6 = [topology.ipv6_subnet(start)] if inputs.ipv6 else []
    marks = {**labelled.wanted(), **labels}
    with _making:
        taken = chosen.subnets()
        if lost := [one for one in ipv6 if _overlaps(one, taken)]:
            raise ProviderError(
                f"ipv6 — subnet {lost[0]} is already used by another network than {name} — two networks cannot share "
                f"it. Find and remove that one: {chosen.name} network inspect $({chosen.name} network ls --quiet)"
            )
        for subnet in _free(start, [*taken, *_routed()]):
            if operation.cancel.is_set():
                raise CancelledError(f"cancelled before network {name} was made")
            complaint = chosen.create_network(name, [subnet, *ipv6], marks)
            # Another process may have taken the subnet, or the name, since the look around.
            if not complaint or any(sign in complaint.lower() for sign in _TAKEN):
                break
            if not any(sign in complaint.lower() for sign in _OVERLAP) or any(one in complaint for one in ipv6):
                break
    found = chosen.network(name)
    if found is None:
        raise ProviderError(f"{chosen.name} could not make network {name}: {complaint}")
    return found


def _start(name: str, labels: Mapping[str, str]) -> str:
    """Hexadecimal digits that tell one environment's network from another's."""
    suffix = labels.get(topology.ENVIRONMENT_LABEL, "")
    return suffix if re.fullmatch("[0-9a-f]+", suffix) else name.encode().hex()


def _free(start: str, taken: Iterable[str]) -> Iterator[str]:
    used = list(taken)
    for candidate in topology.subnet_candidates(start):
        if not _overlaps(candidate, used):
            yield candidate


def _overlaps(subnet: str, others: Iterable[str]) -> bool:
    wanted = ipaddress.ip_network(subnet)
    return any(wanted.overlaps(ipaddress.ip_network(other)) for other in others if (":" in other) == (":" in subnet))


def _routed() -> list[str]:
    """Networks that this machine has routes to (Linux); elsewhere containers live in a machine of their own."""
    if not _ROUTES.exists():
        return []
    rows = [line.split() for line in _ROUTES.read_text().splitlines()[1:]]
    networks = [(_address(row[1]), _address(row[7])) for row in rows]
    return [f"{address}/{mask}" for address, mask in networks if mask != "0.0.0.0"]  # noqa: S104 - the default route


def _address(hexadecimal: str) -> str:
    """Address out of the kernel's table, which writes the bytes in the order of the machine."""
    return str(ipaddress.IPv4Address(int(hexadecimal, 16).to_bytes(4, "little")))


def _remove_leftovers(operation: Operation, chosen: containers.Runtime, network: str, environment: str) -> None:
    """Remove kind nodes of this environment that no state knows: what a killed run left half-made."""
    if not environment:
        return
    ours = {
        name: identifier
        for name, (identifier, cluster) in chosen.attached(network).items()
        if cluster.endswith(f"-{environment}")
    }
    if ours:
        operation.log.info(f"removing what an interrupted run left: {', '.join(sorted(ours))}")
        chosen.remove(list(ours.values()), list(ours))
