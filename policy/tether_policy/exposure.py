"""Who may reach istiod and the gateways."""

import functools
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from tether import topology
from tether.errors import Problem
from tether.helm_values import Chart
from tether.settings.base import mapping
from tether.settings.exposure import GatewayExposure, is_internal
from tether.settings.reading import misfits
from tether.settings.wording import fix
from tether_policy.policy import PROJECT, Declared, Option, Options, Policy, inner, listed

_ISTIO = "networking.istio.io/"
_ISTIOD_PORTS = frozenset({15010, topology.XDS_PORT, 15014, topology.WEBHOOK_PORT})
"""Of istiod: discovery in the clear, XDS, monitoring, webhook."""
_RANGES = ("exposure", "sourceRanges")
_TO_RANGES = fix((*_RANGES, 0), "203.0.113.0/24", PROJECT)


def _by_name(one: Declared, _: Options) -> Iterator[Problem]:
    if not str(one.inputs.get("apiVersion", "")).startswith(_ISTIO):
        return
    spec = one.inputs.get("spec")
    if one.inputs.get("kind") == "Gateway":
        for server in listed(spec, "servers"):
            port = inner(server, "port", "number")
            if port in _ISTIOD_PORTS:
                yield from _wildcards(f"server of port {port}", listed(server, "hosts"))
    if one.inputs.get("kind") == "VirtualService":
        routes = [route for kind in ("tls", "tcp", "http") for route in listed(spec, kind)]
        led = [route for route in routes if any(map(_leads_to_istiod, listed(route, "route")))]
        if led:
            yield from _wildcards("VirtualService to istiod", listed(spec, "hosts"))
        for match in (match for route in led for match in listed(route, "match")):
            yield from _wildcards("match of a route to istiod", listed(match, "sniHosts"))


def _leads_to_istiod(route: Any) -> bool:
    name = str(inner(route, "destination", "host") or "").partition(".")[0]
    return name == "istiod" or name.startswith("istiod-")


def _wildcards(where: str, hosts: list[Any]) -> Iterator[Problem]:
    for host in hosts:
        if "*" in str(host).rpartition("/")[2]:
            yield Problem(
                subject=where, shown=str(host), wrong="opens istiod to every server name",
                why="whoever reaches the gateway could ask istiod by any name, and hosts of others would be led to it",
                fix="Name istiod as its certificate does: istiod.<namespace>.svc, with a revision istiod-<revision>.",
            )  # fmt: skip


def _source_ranges(one: Declared, options: Options) -> Iterator[Problem]:
    service = _public_service(one, ingress=options["ingress"])
    if service is None:
        return
    ranges = listed(service, "loadBalancerSourceRanges")
    if not ranges:
        yield Problem(
            subject="loadBalancerSourceRanges", wrong="is missing: the load balancer lets everybody in",
            why="every address of the internet could knock at istiod and at the mesh's services", fix=_TO_RANGES,
        )  # fmt: skip
    yield from misfits(GatewayExposure, {"sourceRanges": ranges}, _RANGES[:1], PROJECT)


def _public_service(one: Declared, *, ingress: bool) -> dict[str, Any] | None:
    """The Service of a gateway behind a load balancer that may face the internet; None where there is none."""
    service, name = _of_release(one)
    if service is None or service.get("type", "LoadBalancer") != "LoadBalancer":
        return None
    if name == topology.INGRESS_GATEWAY and not ingress:
        return None
    return None if is_internal(mapping(service.get("annotations"))) else service


def _of_release(one: Declared) -> tuple[dict[str, Any] | None, str]:
    """The Service and its name, of a Release of Istio's chart ``gateway`` or of an object that selects a gateway."""
    if one.type == "kubernetes:helm.sh/v3:Release" and chart_of(one) == Chart.GATEWAY:
        values = mapping(one.inputs.get("values"))
        return mapping(values.get("service")), str(values.get("name") or one.inputs.get("name") or "")
    if one.type == "kubernetes:core/v1:Service" and "istio" in mapping(inner(one.inputs, "spec", "selector")):
        annotations = mapping(inner(one.inputs, "metadata", "annotations"))
        spec = {"type": "ClusterIP", **mapping(one.inputs["spec"])}
        return {**spec, "annotations": annotations}, str(inner(one.inputs, "metadata", "name") or "")
    return None, ""


@functools.cache
def _names_of_charts() -> frozenset[str]:
    return frozenset(Chart)


def chart_of(one: Declared) -> str:
    """Which chart a Release is of: a folder ``gateway-<digest>``, or a reference ``istio/gateway``."""
    name = PurePath(str(one.inputs.get("chart", ""))).name.partition("-")[0]
    return name if name in _names_of_charts() else ""


ISTIOD_BY_NAME = Policy(
    name="istiod-by-name",
    title="istiod is exposed by the names in its certificate, never by a wildcard",
    why="A wildcard on istiod's ports leads any server name to it, and hides the hosts of everybody else.",
    looks_at="Istio's Gateway and VirtualService objects",
    of_resource=_by_name,
)
GATEWAY_SOURCE_RANGES = Policy(
    name="gateway-source-ranges",
    title="a gateway that may face the internet lets in named networks only",
    why="istiod signs certificates behind the primary's gateway; only the other clusters need to reach it.",
    looks_at="Releases of chart gateway and Services that select a gateway, of type LoadBalancer, unless annotations "
    "make them internal; NodePorts are left to the network's own rules",
    same_rule=("tether.settings.exposure.GatewayExposure",),
    options=(
        Option(
            name="ingress", schema={"type": "boolean", "default": False},
            says="Whether ingress gateways, which are for clients outside of the mesh, must name networks too",
        ),
    ),
    of_resource=_source_ranges,
)  # fmt: skip
