"""Gateways at ports of nodes: what is taken and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.settings.test_exposure import clusters, problems, settings
from tether.settings import read
from tether.settings.exposure import in_force
from tether.settings.node_ports import ServiceType

NODES = {"serviceType": "NodePort"}


def test_a_cluster_may_be_entered_in_another_way_than_the_mesh() -> None:
    read = settings(NODES, clusters(exposure={"serviceType": "LoadBalancer"}))

    held = [in_force(read.exposure, one.exposure, one.platform).service_type for one in read.clusters]
    assert held == [ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER]


def test_ports_and_labels_of_nodes_are_taken_as_yaml_reads_them() -> None:
    read = settings({**NODES, "nodePorts": {"tls": 31443}, "nodeSelector": {"edge": True}})

    assert read.exposure.node_selector == {"edge": "true"}
    assert read.exposure.node_ports.model_dump() == {"status": 30021, "tls": 31443, "xds": 30012, "webhook": 30017}


def test_everything_that_is_wrong_with_nodes_is_told_at_once() -> None:
    found = problems(
        {**NODES, "nodePorts": {"xds": 30017}, "nodeSelector": {"a b": "x", "edge": "no label"}},
        clusters(exposure={"nodeAddresses": ["node.example.com", "127.0.0.1", "10.0.0.1"]}),
    )

    assert set(found) == {
        "tether:exposure.nodePorts",
        'tether:exposure.nodeSelector["a b"]',
        "tether:exposure.nodeSelector.edge",
        "tether:clusters[1].exposure.nodeAddresses[0]",
        "tether:clusters[1].exposure.nodeAddresses[1]",
    }
    assert found["tether:exposure.nodePorts"].fix == "pulumi config rm --path 'tether:exposure.nodePorts'"
    assert found["tether:clusters[1].exposure.nodeAddresses[0]"].fix.endswith("nodeAddresses[0]' 192.0.2.10")


@pytest.mark.parametrize("platform", ["existing", "kind"])
def test_what_only_load_balancers_heed_is_refused_without_one(platform: str) -> None:
    own = {"serviceType": "NodePort", "sourceRanges": ["10.0.0.0/8"]}
    found = problems({"sourceRanges": ["10.0.0.0/8"]}, clusters(platform, exposure=own), ingressGateway=True)

    assert set(found) == {
        "tether:exposure.sourceRanges",
        "tether:clusters[1].exposure.sourceRanges",
        "tether:ingressGateway",
    }
    assert "firewall" in found["tether:clusters[1].exposure.sourceRanges"].why


def test_an_internal_load_balancer_is_refused_where_there_is_none() -> None:
    assert set(problems({**NODES, "internal": "aws"})) == {"tether:exposure.internal"}


def test_what_nothing_would_heed_is_refused() -> None:
    unused = {"nodeSelector": {"edge": "yes"}, "nodePorts": {"tls": 31443}}

    found = problems(unused, clusters(exposure={"nodeAddresses": ["10.0.0.1"]}))

    assert set(found) == {
        "tether:exposure.nodeSelector",
        "tether:exposure.nodePorts",
        "tether:clusters[1].exposure.nodeAddresses",
    }


def test_a_selector_is_of_use_only_where_addresses_are_looked_up() -> None:
    stated = clusters(exposure={"nodeAddresses": ["10.0.0.2"]})
    selecting = {**NODES, "nodeSelector": {"edge": "yes"}}
    assert settings(selecting, stated).exposure.node_selector == {"edge": "yes"}

    stated[0]["exposure"] = {"nodeAddresses": ["10.0.0.1"]}
    assert set(problems(selecting, stated)) == {"tether:exposure.nodeSelector"}
    assert set(problems(selecting, clusters("kind"))) == {"tether:exposure.nodeSelector"}


@pytest.mark.parametrize("platform", ["eks", "gke", "aks"])
def test_a_cluster_that_is_made_in_a_cloud_keeps_its_load_balancer(platform: str) -> None:
    listed: list[dict[str, Any]] = clusters()
    listed[1] = {"name": "b", "role": "remote", "network": "net-b", "platform": platform, platform: {"region": "r"}}

    found = problems(NODES, listed)

    assert "tether:clusters[1].exposure.serviceType" in found
    assert found["tether:clusters[1].exposure.serviceType"].fix.endswith(" LoadBalancer")
    assert "tether:clusters[0].exposure.serviceType" not in found


def test_chart_values_that_would_move_the_gateway_are_refused_at_nodes_and_free_at_load_balancers() -> None:
    values: dict[str, Any] = {
        "gateway": {"service": {"ports": []}, "labels": {"topology.istio.io/network": "other", "team": "x"}}
    }

    found = problems(NODES, clusters(helmValues=values))

    assert set(found) == {
        "tether:clusters[1].helmValues.gateway.service.ports",
        'tether:clusters[1].helmValues.gateway.labels["topology.istio.io/network"]',
    }
    assert settings({}, clusters(helmValues=values)).clusters[1].helm_values.gateway == values["gateway"]


@pytest.mark.parametrize("family", ["ipv4", "ipv6", "dual"])
def test_kind_clusters_of_every_family_are_entered_at_their_nodes(family: str) -> None:
    assert settings(NODES, clusters("kind"), ipFamily=family).ip_family == family


@pytest.mark.parametrize(
    ("family", "taken", "refused"),
    [("ipv4", "10.0.0.1", "fd00::1"), ("ipv6", "fd00::1", "10.0.0.1"), ("dual", "10.0.0.1", "fd00::1")],
)
def test_nodes_have_addresses_of_the_first_family_of_the_mesh(family: str, taken: str, refused: str) -> None:
    found = problems(NODES, clusters(exposure={"nodeAddresses": [taken, refused]}), ipFamily=family)

    assert set(found) == {"tether:clusters[1].exposure.nodeAddresses[1]"}
    assert f"ipFamily is {family}" in found["tether:clusters[1].exposure.nodeAddresses[1]"].wrong


def test_the_settings_of_the_how_to_can_be_used() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/do-without-load-balancers.md").read_text()
    config = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["config"]

    found = read({key: json.dumps(value) for key, value in config.items()})

    assert found.exposure.service_type is ServiceType.NODE_PORT
    assert found.clusters[0].exposure.node_addresses == ("192.0.2.11", "192.0.2.12")
