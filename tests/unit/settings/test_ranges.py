"""Ranges of addresses and the mesh's IP family."""

import ipaddress
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether import topology
from tether.errors import Problem, SettingsError
from tether.settings import Settings, read
from tether.topology import IpFamily


def settings(family: str, *, exposure: dict[str, Any] | None = None, **own: Any) -> Settings:
    clusters = [
        {"name": "east", "role": "primary", "network": "n1", **own},
        {"name": "west", "role": "remote", "network": "n2"},
    ]
    raw = {"tether:ipFamily": family, "tether:clusters": json.dumps(clusters)}
    return read({**raw, "tether:exposure": json.dumps(exposure or {})})


def one_problem(family: str, **own: Any) -> Problem:
    with pytest.raises(SettingsError) as caught:
        settings(family, **own)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("family", "pods", "services"),
    [
        ("ipv4", "10.244.0.0/16", "10.96.0.0/16"),
        ("ipv6", "fd00:10:244::/56", "fd00:10:96::/112"),
        ("dual", "10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112"),
    ],
)
def test_a_cluster_gets_kinds_own_ranges_of_the_mesh_s_family(family: str, pods: str, services: str) -> None:
    plan = topology.plan(settings(family))

    assert plan.ip_family.value == family
    assert {(cluster.pod_cidr, cluster.service_cidr) for cluster in plan.clusters} == {(pods, services)}
    assert IpFamily.of(pods) is plan.ip_family


@pytest.mark.parametrize(
    ("family", "own"),
    [
        ("ipv6", {"podCidr": "fd01::/48", "serviceCidr": "fd02::/108"}),
        ("ipv6", {"podCidr": "fd01::/64"}),
        ("dual", {"podCidr": "10.1.0.0/16,fd01::/56", "serviceCidr": "10.2.0.0/16,fd02::/112"}),
    ],
)
def test_ranges_of_the_mesh_s_family_are_taken(family: str, own: dict[str, Any]) -> None:
    assert topology.plan(settings(family, **own)).primary.pod_cidr == own["podCidr"]


@pytest.mark.parametrize(
    ("family", "pods", "needed"),
    [
        ("ipv4", "fd01::/56", "a range of IPv4"),
        ("ipv4", "10.1.0.0/16,fd01::/56", "a range of IPv4"),
        ("ipv6", "10.1.0.0/16", "a range of IPv6"),
        ("dual", "10.1.0.0/16", "a range of IPv4 and one of IPv6"),
        ("dual", "fd01::/56", "a range of IPv4 and one of IPv6"),
    ],
)
def test_ranges_of_another_family_are_refused(family: str, pods: str, needed: str) -> None:
    problem = one_problem(family, podCidr=pods)

    assert problem.subject == "tether:clusters[0].podCidr"
    assert f"ipFamily, {family}" in problem.wrong
    assert problem.wrong.endswith(needed)
    assert problem.fix == "pulumi config rm --path 'tether:clusters[0].podCidr'"


def network(address: ipaddress.IPv6Address, prefix: int) -> ipaddress.IPv6Network:
    return ipaddress.IPv6Network((address, prefix), strict=False)


near = st.ip_addresses(v=6, network="fd00::/60")


@given(st.builds(network, near, st.integers(48, 64)), st.builds(network, near, st.integers(108, 124)))
def test_ipv6_ranges_are_taken_exactly_if_they_do_not_overlap(
    pods: ipaddress.IPv6Network, services: ipaddress.IPv6Network
) -> None:
    try:
        settings("ipv6", podCidr=str(pods), serviceCidr=str(services))
    except SettingsError:
        assert pods.overlaps(services)
    else:
        assert not pods.overlaps(services)


def test_either_family_of_two_may_overlap_and_is_named() -> None:
    problem = one_problem("dual", serviceCidr="10.96.0.0/16,fd00:10:244:1::/112")

    assert "pods (fd00:10:244::/56) and Services (fd00:10:244:1::/112) of east overlap" in problem.wrong


def test_clouds_make_clusters_of_ipv4_only() -> None:
    problem = one_problem("dual", platform="eks", eks={"region": "eu-west-1"})

    assert problem.subject == "tether:ipFamily"
    assert problem.fix == "pulumi config set 'tether:ipFamily' ipv4"


@pytest.mark.parametrize(
    ("family", "left_out", "more"),
    [("ipv6", "fd74::/16", []), ("dual", "fd74::/16", ["10.89.0.0/16"]), ("dual", "10.89.0.0/16", ["fd74::/16"])],
)
def test_source_ranges_must_hold_the_nodes_of_every_family(family: str, left_out: str, more: list[str]) -> None:
    problem = one_problem(family, exposure={"sourceRanges": ["2001:db8::/32", *more]})

    assert problem.wrong.startswith(f"leave out {left_out}")
    assert settings(family, exposure={"sourceRanges": [left_out, *more]})
