import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether import topology

subnets = st.integers(0, 255).map(lambda third: f"10.89.{third}.0/24")
suffixes = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)


@given(subnets, st.integers(1, topology.CLUSTER_LIMIT))
def test_pools_are_equal_disjoint_and_in_the_upper_half(subnet: str, count: int) -> None:
    network = ipaddress.IPv4Network(subnet)
    containers = ipaddress.IPv4Network(topology.container_range(subnet))
    pools = topology.address_pools(subnet, count)
    members = [
        set(range(int(ipaddress.IPv4Address(pool.first)), int(ipaddress.IPv4Address(pool.last)) + 1)) for pool in pools
    ]
    assert len(pools) == count
    assert len({len(pool) for pool in members}) == 1
    assert 2 <= len(members[0]) <= 16
    together = set[int]().union(*members)
    assert len(together) == sum(map(len, members))
    for address in map(ipaddress.IPv4Address, together):
        assert address in network
        assert address not in containers
        assert address != network.broadcast_address


def test_two_clusters_get_sixteen_addresses_each() -> None:
    assert topology.container_range("10.89.7.0/24") == "10.89.7.0/25"
    first, second = topology.address_pools("10.89.7.0/24", 2)
    assert (first.range, second.range) == ("10.89.7.128-10.89.7.143", "10.89.7.144-10.89.7.159")


@pytest.mark.parametrize(
    ("subnet", "count"), [("10.89.0.0/24", 64), ("10.89.0.0/29", 2), ("10.89.0.0/30", 1), ("10.89.0.0/24", 0)]
)
def test_a_subnet_that_is_too_small_is_refused(subnet: str, count: int) -> None:
    with pytest.raises(ValueError, match=r"too small|at least 1"):
        topology.address_pools(subnet, count)


@given(suffixes)
def test_an_environment_may_take_any_subnet_each_tried_once(suffix: str) -> None:
    candidates = topology.subnet_candidates(suffix)
    everywhere = ipaddress.IPv4Network(topology.ENVIRONMENT_NETWORKS)
    assert len(set(candidates)) == len(candidates) == 256
    assert all(ipaddress.IPv4Network(subnet).subnet_of(everywhere) for subnet in candidates)
    assert candidates == topology.subnet_candidates(suffix)


def test_environments_begin_at_different_subnets() -> None:
    assert topology.subnet_candidates("00000001")[0] != topology.subnet_candidates("00000002")[0]
