"""Addresses of load balancers, names among them."""

import random
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether import addresses

Resolver = Callable[..., list[tuple[Any, ...]]]


def resolver(**known: list[str]) -> Resolver:
    """What stands for the machine's resolver; answers come in another order each time."""

    def answer(name: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        key = name.partition(".")[0]
        if key not in known:
            raise socket.gaierror(-2, "Name or service not known")
        found = list(known[key])
        random.shuffle(found)
        return [(0, 0, 0, "", (ip, 0)) for ip in found]

    return answer


def service(*ingress: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"spec": spec, "status": {"loadBalancer": {"ingress": list(ingress)}}}


def test_a_name_stands_for_all_its_addresses_in_an_order_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(lb=["10.0.0.9", "10.0.0.1", "10.0.0.10", "10.0.0.1"]))

    answers = [addresses.resolved(["lb.example.com"]) for _ in range(20)]

    assert answers == [["10.0.0.1", "10.0.0.10", "10.0.0.9"]] * 20


def test_ip_addresses_need_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver())

    assert addresses.resolved(["10.0.0.2", "fd00::1", "10.0.0.1"]) == ["10.0.0.1", "10.0.0.2", "fd00::1"]


@pytest.mark.parametrize("name", ["unknown.example.com", "a" * 70 + ".example.com"])
def test_a_name_that_stands_for_nothing_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def refuse(asked: str, *_: Any, **__: Any) -> Any:
        asked.encode("idna")
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    with pytest.raises(OSError, match=r"not known|no host name"):
        addresses.resolved([name])


@pytest.mark.parametrize(
    ("families", "kept"),
    [
        ([], ["10.0.0.1"]),
        (["IPv4"], ["10.0.0.1"]),
        (["IPv6"], ["fd00::1"]),
        (["IPv6", "IPv4"], ["fd00::1"]),
    ],
)
def test_a_slice_gets_the_addresses_of_the_service_s_own_family(families: list[str], kept: list[str]) -> None:
    assert addresses.for_one_slice(service(ipFamilies=families), ["10.0.0.1", "fd00::1"]) == kept


def test_a_slice_gets_the_other_family_where_there_is_nothing_else() -> None:
    assert addresses.for_one_slice(service(ipFamilies=["IPv4"]), ["fd00::1"]) == ["fd00::1"]


def test_a_service_has_what_its_load_balancer_gave_and_then_its_external_addresses() -> None:
    given = service({"hostname": "lb.example.com"}, {"ip": "10.0.0.1"}, externalIPs=["10.0.0.7"])

    assert addresses.of_service(given) == ["lb.example.com", "10.0.0.1", "10.0.0.7"]
    assert addresses.of_service({}) == []


@given(st.ip_addresses().map(str), st.integers(1, 65535))
def test_an_address_of_either_family_comes_back_whole_out_of_a_url(address: str, port: int) -> None:
    url = urlsplit(f"https://{addresses.with_port(address, port)}/path")

    assert (url.hostname, url.port) == (address, port)


def test_host_names_and_ipv4_addresses_need_no_brackets() -> None:
    assert addresses.with_port("lb.example.com", 15443) == "lb.example.com:15443"
    assert addresses.with_port("10.0.0.1", 15443) == "10.0.0.1:15443"
