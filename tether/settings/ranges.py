"""Ranges of pods' and Services' addresses in kind clusters, and whether they go with the mesh's IP family."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tether import topology
from tether.errors import Problem
from tether.settings.base import complaint, objects
from tether.settings.clouds import CLOUDS
from tether.settings.wording import fix, remove, shown, subject
from tether.topology import IpFamily, IpNetwork, Platform

_WHY = "pods and Services get their addresses from it"


@dataclass(frozen=True, kw_only=True)
class _Use:
    """What a range is for."""

    key: str
    """The setting."""
    noun: str
    prefixes: Mapping[int, range]
    """By IP version: how long a prefix may be."""
    defaults: Mapping[int, str]
    """By IP version: the range when nothing is said."""

    def default(self, family: IpFamily) -> str:
        return family.pick(self.defaults[4], self.defaults[6])


# kubeadm gives every node a /24 or a /64 and refuses more than 16 bits of nodes above a /64; the API server keeps a
# bitmap of at most 20 bits for Services (kubernetes/kubernetes cmd/kubeadm/app/apis/kubeadm/validation).
_PODS = _Use(
    key="podCidr", noun="pods",
    prefixes={4: range(8, 25), 6: range(48, 65)},
    defaults={4: topology.DEFAULT_POD_CIDR, 6: topology.DEFAULT_POD_CIDR_IPV6},
)  # fmt: skip
_SERVICES = _Use(
    key="serviceCidr", noun="Services",
    prefixes={4: range(12, 29), 6: range(108, 125)},
    defaults={4: topology.DEFAULT_SERVICE_CIDR, 6: topology.DEFAULT_SERVICE_CIDR_IPV6},
)  # fmt: skip


def pod_cidr(value: str) -> str:
    """Check the pods' range, or two: an IPv4 and an IPv6 range, separated by a comma."""
    _checked(value, _PODS)
    return value


def service_cidr(value: str) -> str:
    """Check the Services' range, or two: an IPv4 and an IPv6 range, separated by a comma."""
    _checked(value, _SERVICES)
    return value


def _checked(value: str, use: _Use) -> list[IpNetwork]:
    networks = [_network(part, use) for part in value.split(",")]
    if len(networks) > 1 and [network.version for network in networks] != [4, 6]:
        raise complaint(
            "names several networks that are not one of IPv4 and then one of IPv6",
            "a cluster has one range of each family, and Tether's clusters have IPv4 first",
            use.default(IpFamily.DUAL),
        )
    return networks


def _network(text: str, use: _Use) -> IpNetwork:
    example = use.defaults[6 if ":" in text else 4]
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise complaint("is no network in CIDR notation (all host bits zero)", _WHY, example) from None
    prefixes = use.prefixes[network.version]
    if network.prefixlen not in prefixes:
        raise complaint(
            f"has a prefix of /{network.prefixlen}; {use.noun} need /{prefixes.start} to /{prefixes.stop - 1}",
            "kubeadm refuses other sizes and the cluster would not start",
            example,
        )
    if network.is_loopback or network.is_link_local or network.is_multicast or network.is_unspecified:
        raise complaint("is reserved for another purpose (loopback, link-local or multicast)", _WHY, example)
    nodes = topology.ENVIRONMENT_NETWORKS if network.version == 4 else topology.ENVIRONMENT_NETWORKS_IPV6
    if network.overlaps(ipaddress.ip_network(nodes)):
        raise complaint(
            f"overlaps {nodes}, out of which the nodes and gateways get their addresses",
            "pods could not reach the other cluster's gateway",
            example,
        )
    return network


def family_of(document: Mapping[str, Any]) -> IpFamily:
    """The mesh's IP family as it was written; IPv4 where it is none, which is told elsewhere."""
    written = document.get("ipFamily")
    return IpFamily(str(written)) if str(written) in set(IpFamily) else IpFamily.IPV4


def check(document: Mapping[str, Any], project: str) -> Iterator[Problem]:
    """Check what hangs together with the mesh's IP family; values that are wrong by themselves are passed over."""
    if document.get("ipFamily") is not None and str(document["ipFamily"]) not in set(IpFamily):
        return
    family = family_of(document)
    for index, cluster in enumerate(objects(document.get("clusters"))):
        platform, name = str(cluster.get("platform") or Platform.KIND), cluster.get("name")
        label = name if name and isinstance(name, str) else f"clusters[{index}]"
        if platform in set(CLOUDS) and family is not IpFamily.IPV4:
            yield Problem(
                subject=subject(["ipFamily"], project),
                shown=shown(["ipFamily"], family.value),
                wrong=f"is not what platform {platform} makes for {label}: Tether's clusters in clouds have IPv4 only",
                why="the gateways' Services would be refused",
                fix=fix(["ipFamily"], IpFamily.IPV4, project),
            )
        if platform == Platform.KIND:
            yield from _of_kind(cluster, index, label, family, project)


def _of_kind(cluster: Mapping[str, Any], index: int, label: str, family: IpFamily, project: str) -> Iterator[Problem]:
    written = {use.key: str(cluster[use.key]) for use in (_PODS, _SERVICES) if cluster.get(use.key) is not None}
    try:
        pods = _checked(written.get(_PODS.key) or _PODS.default(family), _PODS)
        services = _checked(written.get(_SERVICES.key) or _SERVICES.default(family), _SERVICES)
    except ValueError:
        return
    for use, networks in ((_PODS, pods), (_SERVICES, services)):
        if [f"IPv{network.version}" for network in networks] != list(family.names):
            path = ("clusters", index, use.key)
            yield Problem(
                subject=subject(path, project),
                shown=shown(path, written[use.key]),
                wrong=f"is not of the mesh's ipFamily, {family.value}: the {use.noun} of {label} need a range of "
                f"{' and one of '.join(family.names)}",
                why="kind refuses a cluster with a range of another family, or with one too few",
                fix=remove(path, project),
            )
    for one, other in ((one, other) for one in pods for other in services):
        if one.overlaps(other):
            path = ("clusters", index, _PODS.key if _PODS.key in written else _SERVICES.key)
            yield Problem(
                subject=subject(path, project),
                shown=shown(path, written.get(str(path[-1]), "")),
                wrong=f"lets the pods ({one}) and Services ({other}) of {label} overlap",
                why="an address could be both, and packets to it would go astray",
                fix=remove(path, project),
            )
