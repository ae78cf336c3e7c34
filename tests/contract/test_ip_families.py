"""What is asked of the engine for a mesh of IPv6, and for one of both IP families."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import recording as engine
from tests.contract.conftest import of_settings, releases
from tests.contract.recording import Recording, Registration
from tether.helm_values import ADDRESS_ANNOTATION

IPV4 = "10.89.7.128"
IPV6 = "fd74:bad:cafe:0:8000::8"


@pytest.fixture
def mesh_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recording]:
    outputs = copy.deepcopy(engine.OUTPUTS)
    outputs["tether:index:ContainerNetwork"]["ipv6Subnet"] = "fd74:bad:cafe::/64"
    monkeypatch.setattr(engine, "OUTPUTS", outputs)

    def declare(family: str, **more: Any) -> Recording:
        return of_settings({"tether:ipFamily": family, **{f"tether:{key}": json.dumps(more[key]) for key in more}}, [])

    return declare


def values(recording: Recording, release: str) -> dict[str, Any]:
    return releases(recording)[release].inputs["values"]


FAMILY_KEYS = ("ipFamily", "ipFamilies", "ipFamilyPolicy", "ipv6", "ISTIO_DUAL_STACK")


def families_said(one: Registration) -> list[str]:
    """Keys of a resource's inputs, at any depth, that have to do with IP families."""
    text = json.dumps(one.inputs)
    return [key for key in FAMILY_KEYS if f'"{key}":' in text]


def test_a_mesh_of_ipv4_says_nothing_of_families(mesh_of: Callable[..., Recording], two_clusters: Recording) -> None:
    for recording in (mesh_of("ipv4", ingressGateway=True), two_clusters):
        assert [one.key for one in recording.all() if families_said(one)] == []
    assert [one.key for one in mesh_of("dual").all() if families_said(one)], "the keys are those that are said"


@pytest.mark.parametrize(
    ("family", "pods", "services"),
    [
        ("ipv6", "fd00:10:244::/56", "fd00:10:96::/112"),
        ("dual", "10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112"),
    ],
)
def test_network_and_clusters_are_of_the_family(
    mesh_of: Callable[..., Recording], family: str, pods: str, services: str
) -> None:
    recording = mesh_of(family)

    assert recording.one("tether:index:ContainerNetwork", "mesh").inputs["ipv6"] is True
    for name in ("cluster1", "cluster2"):
        cluster = recording.one("tether:index:Cluster", name).inputs
        assert (cluster["ipFamily"], cluster["podCidr"], cluster["serviceCidr"]) == (family, pods, services)


@pytest.mark.parametrize(
    ("family", "ranges", "asked"),
    [
        ("ipv6", [f"{IPV6}-fd74:bad:cafe:0:8000::f"], IPV6),
        ("dual", ["10.89.7.128-10.89.7.135", f"{IPV6}-fd74:bad:cafe:0:8000::f"], f"{IPV4},{IPV6}"),
    ],
)
def test_the_load_balancer_gives_the_gateway_an_address_of_each_family(
    mesh_of: Callable[..., Recording], family: str, ranges: list[str], asked: str
) -> None:
    recording = mesh_of(family)

    pool = recording.one("kubernetes:metallb.io/v1beta1:IPAddressPool", "cluster1-ipaddresspool")
    assert pool.inputs["spec"]["addresses"] == ranges
    assert values(recording, "cluster1")["service"]["annotations"] == {ADDRESS_ANNOTATION: asked}
    assert recording.one("tether:index:GatewayReady", "cluster1").inputs["expectedAddress"] == asked


@pytest.mark.parametrize(
    ("family", "policy", "families"),
    [("ipv6", "SingleStack", ["IPv6"]), ("dual", "RequireDualStack", ["IPv4", "IPv6"])],
)
@pytest.mark.parametrize("platform", ["kind", "existing"])
def test_gateways_and_istiod_are_services_of_the_family(
    mesh_of: Callable[..., Recording], platform: str, family: str, policy: str, families: list[str]
) -> None:
    clusters = [
        {"name": "cluster1", "role": "primary", "network": "n1"},
        {"name": "cluster2", "role": "remote", "network": "n2"},
    ]
    if platform == "existing":
        for cluster in clusters:
            cluster |= {"platform": platform, "kubeconfig": f"contexts: []\n# {cluster['name']}\n"}
        clusters[1]["apiServer"] = "https://[2001:db8::1]:6443"
    recording = mesh_of(family, clusters=clusters, ingressGateway=True)

    wanted = {"ipFamilyPolicy": policy, "ipFamilies": families}
    for release in ("cluster1", "cluster2", "cluster1-ingress", "cluster2-ingress"):
        assert wanted.items() <= values(recording, release)["service"].items(), release
    assert wanted.items() <= values(recording, "cluster1-istiod").items()


@pytest.mark.parametrize(("family", "address", "first"), [("ipv6", IPV6, "IPv6"), ("dual", IPV4, "IPv4")])
def test_a_remote_finds_istiod_at_one_address_and_its_service_has_that_family(
    mesh_of: Callable[..., Recording], family: str, address: str, first: str
) -> None:
    told = values(mesh_of(family), "cluster2-istiod")["global"]

    assert told["remotePilotAddress"] == address
    assert (told["ipFamilyPolicy"], told["ipFamilies"]) == ("SingleStack", [first])


@pytest.mark.parametrize(("family", "is_on"), [("ipv6", False), ("dual", True)])
def test_istiod_and_proxies_use_both_families_where_there_are_two(
    mesh_of: Callable[..., Recording], family: str, is_on: bool
) -> None:
    told = values(mesh_of(family), "cluster1-istiod")

    metadata = told["meshConfig"].get("defaultConfig", {}).get("proxyMetadata", {})
    switches = (told["env"].get("ISTIO_DUAL_STACK"), metadata.get("ISTIO_DUAL_STACK"))
    assert switches == (("true", "true") if is_on else (None, None))
    assert told["env"]["PILOT_ENABLE_ALPN_FILTER"] == "false"
    assert told["meshConfig"]["trustDomain"] == "cluster.local"
