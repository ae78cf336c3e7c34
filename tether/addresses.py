"""Addresses of Services: IP addresses, and host names with the IP addresses that they stand for."""

import ipaddress
import socket
from collections.abc import Iterable
from typing import cast

from tether import kube, metadata


def of_service(service: kube.Object) -> list[str]:
    """IP addresses and host names that a load balancer gave to a Service, then its external IPs."""
    balancer = _part(_part(service, "status"), "loadBalancer")
    given = [str(entry.get("ip") or entry.get("hostname")) for entry in metadata.listed(balancer, "ingress")]
    return given + cast("list[str]", _part(service, "spec").get("externalIPs") or [])


def is_ip(address: str) -> bool:
    """Whether an address is one of IPv4 or IPv6, and no host name."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def with_port(address: str, port: int | str) -> str:
    """``address:port`` as URLs, dialers and people write it: an IPv6 address stands in brackets (RFC 3986, 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def resolved(addresses: Iterable[str]) -> list[str]:
    """IP addresses that addresses stand for, each once; host names are resolved by this machine.

    Sorted as text, because a name's addresses come in another order with every answer.

    Raises:
        OSError: a name stands for nothing here.
    """
    found: set[str] = set()
    for address in addresses:
        found |= {address} if is_ip(address) else _of_name(address)
    return sorted(found)


def _of_name(name: str) -> set[str]:
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{name} is no host name: {error}") from None
    return {str(place[0]) for *_, place in answers}


def for_one_slice(service: kube.Object, ips: Iterable[str]) -> list[str]:
    """Those of a Service's IP addresses that an EndpointSlice can hold: all are of one family.

    The Service's own first family, where any is of that; a load balancer's name often stands for both.
    """
    found, first = list(ips), first_family(service)
    return [ip for ip in found if family(ip) == first] or found


def first_family(service: kube.Object) -> str:
    """``IPv4`` or ``IPv6``: the one that a Service's cluster IP is of."""
    return next(iter(cast("list[str]", _part(service, "spec").get("ipFamilies") or [])), "IPv4")


def _part(item: kube.Object, key: str) -> kube.Object:
    return cast("kube.Object", item.get(key) or {})


def family(ip: str) -> str:
    """``IPv4`` or ``IPv6``, as Kubernetes writes it."""
    return f"IPv{ipaddress.ip_address(ip).version}"
