"""Who may reach the east-west gateways, and over which TLS.

A cluster's own values replace the mesh's; of annotations, key by key.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field

from tether import gateway_entry, helm_values, kubernetes_labels, topology
from tether.errors import Problem
from tether.helm_values import Chart
from tether.settings.base import Model, complaint, mapping, spoken
from tether.settings.node_ports import NodeAddress, NodePorts, NodeSelector, ServiceType
from tether.settings.ranges import family_of
from tether.settings.wording import fix, remove, shown, subject
from tether.topology import IpFamily, Platform

_TLS_ARGUMENT = "extraContainerArgs"


class Cloud(StrEnum):
    """Whose load balancers give the gateways their addresses."""

    AWS = "aws"
    AZURE = "azure"
    GOOGLE = "google"


class TlsVersion(StrEnum):
    """Oldest TLS that istiod and the sidecars speak with proxies (istio pilot/pkg/bootstrap/options.go)."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


_INTERNAL: Mapping[Cloud, Mapping[str, str]] = {
    Cloud.AWS: {
        "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
        "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    },
    Cloud.AZURE: {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"},
    Cloud.GOOGLE: {
        "networking.gke.io/load-balancer-type": "Internal",
        "networking.gke.io/internal-load-balancer-allow-global-access": "true",
    },
}
"""What each cloud's controller reads: the in-tree and the AWS Load Balancer Controller, cloud-provider-azure, GKE.
Google's internal load balancers serve their own region alone unless told otherwise."""
_REACH = frozenset({"networking.gke.io/internal-load-balancer-allow-global-access"})
"""Those of them that say how far inside a load balancer is reached, and not that it is inside."""
_OF_PLATFORM: Mapping[Platform, Mapping[str, str]] = {
    Platform.EKS: {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"},
}
"""What a platform's gateways need always: a Classic Load Balancer changes its addresses, a Network one keeps them."""
_CLOUD_OF: Mapping[str, Cloud] = {
    Platform.EKS: Cloud.AWS,
    Platform.GKE: Cloud.GOOGLE,
    Platform.AKS: Cloud.AZURE,
}


def source_range(value: str) -> str:
    """Check one network that a load balancer is to let in.

    Raises:
        PydanticCustomError: it is none, or it is everybody.
    """
    why = "the load balancer lets in only those addresses, and drops everybody where it cannot read them"
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        example = _without_host_bits(value) or "203.0.113.0/24"
        raise complaint("is no network in CIDR notation (all host bits zero)", why, example) from None
    if network.prefixlen == 0:
        wrong = "lets the whole world in, which is what no source range at all does"
        raise complaint(wrong, "a rule that forbids nothing looks like one that does", remove="")
    return value


def not_everybody(values: tuple[str, ...]) -> tuple[str, ...]:
    """Check that networks, each of which lets in a part of the world, do not let in the whole of it together.

    Raises:
        PydanticCustomError: they do.
    """
    networks = [ipaddress.ip_network(value) for value in values]
    together = [
        *ipaddress.collapse_addresses(one for one in networks if one.version == 4),
        *ipaddress.collapse_addresses(one for one in networks if one.version == 6),
    ]
    if any(network.prefixlen == 0 for network in together):
        wrong = "let the whole world in together, which is what no source range at all does"
        raise complaint(wrong, "a rule that forbids nothing looks like one that does", remove="")
    return values


def is_internal(annotations: Mapping[str, Any]) -> bool:
    """Whether a Service's annotations keep its load balancer off the internet, in whichever cloud."""
    marks = {(key, value.lower()) for words in _INTERNAL.values() for key, value in words.items() if key not in _REACH}
    return any((key, str(value).lower()) in marks for key, value in annotations.items())


def _without_host_bits(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return ""


def _annotation_key(value: str) -> str:
    if not kubernetes_labels.is_key(value):
        wrong = "is no annotation key: [domain/]name, the name of at most 63 letters, digits, '-', '_' and '.'"
        raise complaint(wrong, "the API server refuses a Service with such an annotation", remove="")
    return value


class GatewayExposure(Model):
    """How an east-west gateway is reached, and by whom."""

    service_type: ServiceType | None = Field(
        default=None,
        description="How the gateways are entered: `LoadBalancer`, also when left out, or `NodePort`, at ports of the "
        "nodes",
    )
    source_ranges: Annotated[
        tuple[Annotated[str, AfterValidator(source_range)], ...], AfterValidator(not_everybody)
    ] = Field(
        default=(),
        description="Networks whose addresses the load balancers let in, in CIDR notation: those of the other "
        "clusters' nodes and pods, and of the machine that runs `pulumi up`; everybody when left out",
    )
    internal: Cloud | None = Field(
        default=None,
        description="Cloud whose load balancers are to have an address of the private network only: `aws`, `azure` or "
        "`google`",
    )
    annotations: dict[Annotated[str, AfterValidator(_annotation_key)], Annotated[str, BeforeValidator(spoken)]] = Field(
        default={}, description="More annotations on the gateways' Services, for the load balancers' controllers"
    )


class ClusterExposure(GatewayExposure):
    """How one cluster's east-west gateway is reached, and by whom."""

    node_addresses: tuple[NodeAddress, ...] = Field(
        default=(),
        description="NodePort: IP addresses at which the other clusters reach nodes of this one; when left out, those "
        "of all nodes of a kind cluster, elsewhere the nodes' addresses of type ExternalIP",
    )


class ExposureSettings(GatewayExposure):
    """How the gateways are reached, by whom, and over which TLS."""

    node_selector: NodeSelector = Field(
        default={},
        description="NodePort in existing clusters without nodeAddresses: labels of the nodes at which the gateways "
        "are entered; all nodes when left out",
    )
    node_ports: NodePorts = Field(
        default=NodePorts(),
        description="NodePort: ports of the nodes, "
        + ", ".join(f"{name} ({port})" for name, port in gateway_entry.NODE_PORTS.items()),
    )
    tls_minimum: Annotated[TlsVersion, BeforeValidator(spoken)] = Field(
        default=TlsVersion.TLS_1_2,
        description="Oldest TLS that istiod takes on ports 15012 and 15017, and sidecars from each other",
    )


def in_force(mesh: GatewayExposure, own: GatewayExposure, platform: Platform) -> GatewayExposure:
    """What holds for one cluster: its own over the mesh's, platform and cloud said in annotations."""
    cloud = own.internal or mesh.internal
    annotations = {**_OF_PLATFORM.get(platform, {}), **(_INTERNAL[cloud] if cloud else {})}
    return GatewayExposure.model_validate(
        {
            "serviceType": own.service_type or mesh.service_type,
            "sourceRanges": own.source_ranges or mesh.source_ranges,
            "annotations": {**annotations, **mesh.annotations, **own.annotations},
        }
    )


def check(document: Mapping[str, Any], project: str) -> list[Problem]:
    """Check what hangs together with the clusters' platforms and with Helm values, as it was written."""
    written = document.get("clusters")
    listed: list[Any] = cast("list[Any]", written) if isinstance(written, list) else [{}]
    clusters = [mapping(one) for one in listed]
    mesh = mapping(document.get("exposure"))
    made = [one.get("platform", Platform.KIND) == Platform.KIND for one in clusters]
    family = family_of(document)
    problems: list[Problem] = []
    if any(made):
        problems += _check_kind(mesh, ("exposure",), family, project)
    for index, (cluster, is_kind) in enumerate(zip(clusters, made, strict=True)):
        if is_kind:
            problems += _check_kind(mapping(cluster.get("exposure")), ("clusters", index, "exposure"), family, project)
        problems += _check_cloud(cluster, mesh, index, project)
    if str(mesh.get("tlsMinimum", TlsVersion.TLS_1_2)) == TlsVersion.TLS_1_3:
        problems += _check_arguments(document, clusters, project)
    return problems


def _check_kind(
    exposure: Mapping[str, Any], above: tuple[int | str, ...], family: IpFamily, project: str
) -> Iterator[Problem]:
    """Kind clusters lie in a network that is only known later, and have no cloud."""
    written = exposure.get("sourceRanges")
    ranges = cast("list[Any]", written) if isinstance(written, list) else []
    of_nodes = family.pick(topology.ENVIRONMENT_NETWORKS, topology.ENVIRONMENT_NETWORKS_IPV6).split(",")
    left_out = [nodes for nodes in of_nodes if ranges and not _has(ranges, nodes)]
    if left_out:
        path = (*above, "sourceRanges", len(ranges))
        yield Problem(
            subject=subject(path[:-1], project),
            wrong=f"leave out {left_out[0]}, out of which the nodes of kind clusters get addresses",
            why="the remotes would not reach istiod",
            fix=fix(path, left_out[0], project),
        )
    if str(exposure.get("internal")) in set(Cloud):
        path = (*above, "internal")
        yield Problem(
            subject=subject(path, project),
            shown=shown(path, exposure["internal"]),
            wrong="is for clusters in a cloud, and kind clusters are none",
            why="it would be passed over in silence",
            fix=remove(path, project),
        )
    values = {"service": {"annotations": mapping(exposure.get("annotations"))}}
    for found in helm_values.trespasses(Chart.GATEWAY, values):
        path = (*above, *found.path[1:])
        yield Problem(
            subject=subject(path, project), wrong="is Tether's own", why=found.reason, fix=remove(path, project)
        )


def _check_cloud(cluster: Mapping[str, Any], mesh: Mapping[str, Any], index: int, project: str) -> Iterator[Problem]:
    """A cloud reads its own annotations only, so that a gateway meant to be internal would face the internet."""
    platform = str(cluster.get("platform", Platform.KIND))
    internal = str(mapping(cluster.get("exposure")).get("internal") or mesh.get("internal"))
    if platform in _CLOUD_OF and internal in set(Cloud) - {_CLOUD_OF[platform]}:
        path = ("clusters", index, "exposure", "internal")
        yield Problem(
            subject=subject(path, project),
            shown=shown(path, internal),
            wrong=f"is not the cloud of platform {platform}",
            why="its load balancers do not know the annotation, and would have an address on the internet",
            fix=fix(path, _CLOUD_OF[platform], project),
        )


def _has(ranges: list[Any], nodes: str) -> bool:
    wanted = ipaddress.ip_network(nodes)
    for text in ranges:
        try:
            network = ipaddress.ip_network(str(text))
        except ValueError:
            return True  # Is told as a single value already.
        if network.overlaps(wanted) and network.prefixlen <= wanted.prefixlen:
            return True
    return False


def _check_arguments(document: Mapping[str, Any], clusters: list[dict[str, Any]], project: str) -> Iterator[Problem]:
    """Lists of Helm values are replaced as a whole, and the oldest TLS is an argument in one."""
    places: list[tuple[tuple[int | str, ...], Mapping[str, Any]]] = [((), document)]
    places += [(("clusters", index), cluster) for index, cluster in enumerate(clusters)]
    for above, holder in places:
        istiod = mapping(mapping(holder.get("helmValues")).get(Chart.ISTIOD))
        if _TLS_ARGUMENT in istiod:
            path = (*above, "helmValues", Chart.ISTIOD.value, _TLS_ARGUMENT)
            yield Problem(
                subject=subject(path, project),
                wrong="would replace the argument that exposure.tlsMinimum gives to istiod",
                why="istiod would take the older TLS again",
                fix=remove(path, project),
            )
