"""Gateways that are entered at ports of nodes, for clusters without a load balancer."""

import ipaddress
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Self, cast

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tether import addresses, gateway_entry, kubernetes_labels
from tether.errors import Problem
from tether.helm_values import Chart
from tether.settings.base import Model, complaint, mapping, objects, spoken
from tether.settings.ranges import family_of
from tether.settings.wording import fix, remove, shown, subject
from tether.topology import IpFamily, Platform

Path = tuple[int | str, ...]


class ServiceType(StrEnum):
    """How a gateway is entered, in Kubernetes' words."""

    LOAD_BALANCER = "LoadBalancer"
    NODE_PORT = gateway_entry.NODE_PORT


def _address(value: str) -> str:
    why = "the other clusters' proxies and API servers go there"
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        wrong = "is no IP address"
        raise complaint(wrong, "EndpointSlices and istiod take no names of nodes", "192.0.2.10") from None
    if address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast:
        raise complaint("is an address that leads to no node of another cluster", why, "192.0.2.10")
    return str(address)


def _label_key(value: str) -> str:
    if not kubernetes_labels.is_key(value):
        raise complaint("is no label key", "no node can carry it, and nothing would lead to the gateway", remove="")
    return value


def _label_value(value: str) -> str:
    if not kubernetes_labels.is_value(value):
        raise complaint("is no label value", "no node can carry it, and nothing would lead to the gateway", "true")
    return value


NodeSelector = dict[
    Annotated[str, AfterValidator(_label_key)], Annotated[str, BeforeValidator(spoken), AfterValidator(_label_value)]
]
NodeAddress = Annotated[str, AfterValidator(_address)]


def _port(name: str, leads_to: str) -> Any:
    return Field(default=gateway_entry.NODE_PORTS[name], ge=1, le=65535, description=leads_to)


class NodePorts(Model):
    """Ports of the nodes that lead to an east-west gateway, the same in every cluster."""

    status: int = _port("status", "Health, 15021 of the gateway")
    tls: int = _port("tls", "Requests between networks, 15443")
    xds: int = _port("xds", "istiod in the primary, 15012")
    webhook: int = _port("webhook", "istiod's injection webhook in the primary, 15017")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({self.status, self.tls, self.xds, self.webhook}) < len(gateway_entry.PORT_OF):
            raise complaint("gives one port twice", "a port of a node leads to one port of the gateway", remove="")
        return self


def check(document: Mapping[str, Any], project: str) -> list[Problem]:
    """Check what hangs together with load balancers, platforms and Helm values, as it was written."""
    clusters = objects(document.get("clusters")) or [{}]
    mesh = mapping(document.get("exposure"))
    behind_nodes = {index for index, cluster in enumerate(clusters) if _is_behind_nodes(cluster, mesh)}
    family = family_of(document)
    problems: list[Problem] = []
    for index, cluster in enumerate(clusters):
        if index in behind_nodes:
            problems += _of_family(cluster, index, family, project)
        judge = _behind_nodes if index in behind_nodes else _in_vain
        problems += judge(cluster, index, project)
    if behind_nodes:
        problems += [*_mesh(document, project), *_helm_values(document, (), project)]
    elif {**gateway_entry.NODE_PORTS, **mapping(mesh.get("nodePorts"))} != gateway_entry.NODE_PORTS:
        wrong = "is for gateways of serviceType NodePort, and there are none"
        problems.append(_unused(("exposure", "nodePorts"), wrong, project))
    if mesh.get("nodeSelector") and not any(_is_looked_up(clusters[index]) for index in behind_nodes):
        wrong = "chooses nodes whose addresses istiod looks up, and it does so in no cluster: of serviceType NodePort, "
        wrong += "platform existing and without nodeAddresses"
        problems.append(_unused(("exposure", "nodeSelector"), wrong, project))
    return problems


def _is_behind_nodes(cluster: Mapping[str, Any], mesh: Mapping[str, Any]) -> bool:
    return (mapping(cluster.get("exposure")).get("serviceType") or mesh.get("serviceType")) == ServiceType.NODE_PORT


def _is_looked_up(cluster: Mapping[str, Any]) -> bool:
    is_kind = cluster.get("platform", Platform.KIND) == Platform.KIND
    return not is_kind and not mapping(cluster.get("exposure")).get("nodeAddresses")


def _mesh(document: Mapping[str, Any], project: str) -> Iterator[Problem]:
    yield from _of_load_balancers(mapping(document.get("exposure")), ("exposure",), project)
    if spoken(document.get("ingressGateway")) == "true":
        yield Problem(
            subject=subject(("ingressGateway",), project),
            wrong="needs a load balancer in every cluster, and some have gateways of serviceType NodePort",
            why="it would wait for an address that nobody gives",
            fix=remove(("ingressGateway",), project),
        )


def _behind_nodes(cluster: Mapping[str, Any], index: int, project: str) -> Iterator[Problem]:
    above: Path = ("clusters", index, "exposure")
    platform = str(cluster.get("platform", Platform.KIND))
    if platform in set(Platform) - {Platform.KIND, Platform.EXISTING}:
        path = (*above, "serviceType")
        yield Problem(
            subject=subject(path, project),
            wrong=f"is NodePort, and clusters of platform {platform} have load balancers",
            why="the firewall that is made with the cluster lets nobody reach ports of nodes",
            fix=fix(path, ServiceType.LOAD_BALANCER, project),
        )
    yield from _of_load_balancers(mapping(cluster.get("exposure")), above, project)
    yield from _helm_values(cluster, ("clusters", index), project)


def _of_family(cluster: Mapping[str, Any], index: int, family: IpFamily, project: str) -> Iterator[Problem]:
    """An EndpointSlice holds addresses of one family only, and a remote's Service istiod is of the mesh's first."""
    listed = mapping(cluster.get("exposure")).get("nodeAddresses")
    for place, address in enumerate(cast("list[Any]", listed) if isinstance(listed, list) else []):
        path: Path = ("clusters", index, "exposure", "nodeAddresses", place)
        if addresses.is_ip(str(address)) and addresses.family(str(address)) != family.names[0]:
            yield Problem(
                subject=subject(path, project),
                shown=shown(path, str(address)),
                wrong=f"is no {family.names[0]} address, and ipFamily is {family.value}",
                why=f"a remote's Service istiod has {family.names[0]}, and leads to addresses of no other family",
                fix=fix(path, family.pick("192.0.2.10", "2001:db8::10").split(",")[0], project),
            )


def _of_load_balancers(exposure: Mapping[str, Any], above: Path, project: str) -> Iterator[Problem]:
    for key in ("sourceRanges", "internal"):
        if exposure.get(key):
            yield Problem(
                subject=subject((*above, key), project),
                wrong="is for load balancers, and a gateway of serviceType NodePort has none",
                why="ports of nodes are open to everybody who reaches the nodes: a firewall before them must say who",
                fix=remove((*above, key), project),
            )


def _in_vain(cluster: Mapping[str, Any], index: int, project: str) -> Iterator[Problem]:
    if mapping(cluster.get("exposure")).get("nodeAddresses"):
        path = ("clusters", index, "exposure", "nodeAddresses")
        yield _unused(path, "is for a gateway of serviceType NodePort, and this one has a load balancer", project)


def _unused(path: Path, wrong: str, project: str) -> Problem:
    why = "it would be passed over in silence"
    return Problem(subject=subject(path, project), wrong=wrong, why=why, fix=remove(path, project))


def _helm_values(holder: Mapping[str, Any], above: Path, project: str) -> Iterator[Problem]:
    """Chart ``gateway`` is told ports and network by other values than with a load balancer."""
    values = mapping(mapping(holder.get("helmValues")).get(Chart.GATEWAY))
    for group, key in (("service", "ports"), ("labels", gateway_entry.NETWORK_LABEL)):
        if key in mapping(values.get(group)):
            path = (*above, "helmValues", Chart.GATEWAY.value, group, key)
            yield Problem(
                subject=subject(path, project),
                wrong="is Tether's own with serviceType NodePort",
                why="istiod and the other clusters look for the gateway at the ports that Tether gives it",
                fix=remove(path, project),
            )
