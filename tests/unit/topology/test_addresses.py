import ipaddress
import itertools

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tether import topology

subnets = st.integers(0, 255).map(lambda third: f"10.89.{third}.0/24")
suffixes = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)


@given(subnets)
def test_pools_are_equal_disjoint_and_in_the_upper_half(subnet: str) -> None:
    network = ipaddress.IPv4Network(subnet)
    containers = ipaddress.IPv4Network(topology.container_range(subnet))
    pools = topology.address_pools(subnet)
    members = [
        set(range(int(ipaddress.IPv4Address(pool.first)), int(ipaddress.IPv4Address(pool.last)) + 1)) for pool in pools
    ]
    assert len(pools) == topology.POOL_LIMIT
    assert {len(pool) for pool in members} == {topology.POOL_SIZE}
    together = set[int]().union(*members)
    assert len(together) == sum(map(len, members))
    for address in map(ipaddress.IPv4Address, together):
        assert address in network
        assert address not in containers
        assert address != network.broadcast_address


def test_the_first_pools_lie_side_by_side_above_the_containers() -> None:
    assert topology.container_range("10.89.7.0/24") == "10.89.7.0/25"
    first, second, *_ = topology.address_pools("10.89.7.0/24")
    assert (first.range, second.range) == ("10.89.7.128-10.89.7.135", "10.89.7.136-10.89.7.143")


@pytest.mark.parametrize("subnet", ["10.89.0.0/28", "10.89.0.0/30"])
def test_a_subnet_that_is_too_small_is_refused(subnet: str) -> None:
    with pytest.raises(ValueError, match="too small"):
        topology.address_pools(subnet)


names = st.lists(st.sampled_from("abcdefghijklmno"), unique=True, max_size=topology.POOL_LIMIT)


@given(st.lists(names, min_size=1, max_size=6))
def test_whatever_comes_and_goes_a_cluster_keeps_its_pool_and_nobody_shares_one(steps: list[list[str]]) -> None:
    places: dict[str, int] = {}
    for members in steps:
        after = topology.pool_places(members, places)
        assert set(after) == set(members)
        assert len(set(after.values())) == len(members)
        assert set(after.values()) <= set(range(topology.POOL_LIMIT))
        assert all(after[name] == places[name] for name in members if name in places)
        leaving = {index for name, index in places.items() if name not in members}
        if len(members) + len(leaving) <= topology.POOL_LIMIT:
            assert not leaving & set(after.values()), "who leaves may still announce its addresses"
        places = after


def test_at_first_the_list_deals_out_the_pools() -> None:
    assert topology.pool_places(["east", "west", "north"], {}) == {"east": 0, "west": 1, "north": 2}


def test_more_clusters_than_pools_are_refused() -> None:
    with pytest.raises(ValueError, match="16 kind clusters were asked for, there are addresses for 15"):
        topology.pool_places([f"c{index}" for index in range(16)], {})


@given(suffixes)
def test_an_environment_may_take_any_subnet_each_tried_once(suffix: str) -> None:
    candidates = topology.subnet_candidates(suffix)
    everywhere = ipaddress.IPv4Network(topology.ENVIRONMENT_NETWORKS)
    assert len(set(candidates)) == len(candidates) == 256
    assert all(ipaddress.IPv4Network(subnet).subnet_of(everywhere) for subnet in candidates)
    assert candidates == topology.subnet_candidates(suffix)


def test_environments_begin_at_different_subnets() -> None:
    assert topology.subnet_candidates("00000001")[0] != topology.subnet_candidates("00000002")[0]


@given(suffixes)
def test_an_environment_has_ipv6_addresses_of_its_own(suffix: str) -> None:
    subnet = ipaddress.IPv6Network(topology.ipv6_subnet(suffix))

    assert subnet.subnet_of(ipaddress.IPv6Network(topology.ENVIRONMENT_NETWORKS_IPV6))
    assert subnet.prefixlen == 64
    assert str(subnet.network_address).split(":")[0] == "fd74"
    assert int(subnet.network_address) >> 80 & 0xFFFFFFFF == int(suffix, 16)


@given(suffixes)
def test_ipv6_pools_are_equal_disjoint_and_above_the_containers(suffix: str) -> None:
    subnet = topology.ipv6_subnet(suffix)
    containers = ipaddress.IPv6Network(topology.container_range(subnet))
    pools = topology.address_pools(subnet)
    ends = [(int(ipaddress.IPv6Address(pool.first)), int(ipaddress.IPv6Address(pool.last))) for pool in pools]

    assert len(pools) == topology.POOL_LIMIT
    assert {last - first + 1 for first, last in ends} == {topology.POOL_SIZE}
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ends))
    for address in (ipaddress.IPv6Address(text) for pool in pools for text in (pool.first, pool.last)):
        assert address in ipaddress.IPv6Network(subnet)
        assert address not in containers


@given(suffixes, st.integers(0, topology.POOL_LIMIT - 1))
def test_an_address_is_the_same_in_yaml_without_quotes(suffix: str, index: int) -> None:
    """Istio's chart writes the address of the first pool's gateway so (remote-istiod-endpointslices.yaml)."""
    address = topology.address_pools(topology.ipv6_subnet(suffix))[index].first

    assert yaml.safe_load(f"- {address}") == [address]
