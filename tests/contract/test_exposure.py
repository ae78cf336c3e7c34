"""Who may reach the gateways: from the settings to what the charts are given."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.conftest import of_settings, releases
from tests.contract.recording import Registration
from tether.settings import read
from tether.settings.exposure import in_force

CLUSTERS = [
    {"name": "cluster1", "role": "primary", "network": "n1"},
    {"name": "cluster2", "role": "remote", "network": "n2", "exposure": {"annotations": {"example.org/idle": 30}}},
]
RANGES = ["10.89.0.0/16", "192.0.2.0/24"]


def charts(exposure: Any) -> dict[str, Registration]:
    raw = {"exposure": exposure, "clusters": CLUSTERS, "ingressGateway": True}
    return releases(of_settings({f"tether:{key}": json.dumps(value) for key, value in raw.items()}, []))


@pytest.fixture(scope="module")
def exposed() -> dict[str, Registration]:
    return charts({"sourceRanges": RANGES, "tlsMinimum": "1.3"})


def test_the_east_west_gateways_let_in_the_source_ranges_alone(exposed: dict[str, Registration]) -> None:
    for name in ("cluster1", "cluster2"):
        assert exposed[name].inputs["values"]["service"]["loadBalancerSourceRanges"] == RANGES


def test_an_ingress_gateway_is_for_clients_outside_and_stays_open(exposed: dict[str, Registration]) -> None:
    assert "service" not in exposed["cluster2-ingress"].inputs["values"]


def test_a_cluster_s_own_annotations_stand_beside_its_address(exposed: dict[str, Registration]) -> None:
    annotations = exposed["cluster2"].inputs["values"]["service"]["annotations"]
    assert annotations["example.org/idle"] == "30"
    assert "metallb.io/loadBalancerIPs" in annotations
    assert "example.org/idle" not in exposed["cluster1"].inputs["values"]["service"]["annotations"]


def test_the_oldest_tls_is_told_to_istiod_and_to_sidecars(exposed: dict[str, Registration]) -> None:
    values = exposed["cluster1-istiod"].inputs["values"]
    assert values["extraContainerArgs"] == ["--tls-min-version=1.3"]
    assert values["meshConfig"] == {"trustDomain": "cluster.local", "meshMTLS": {"minProtocolVersion": "TLSV1_3"}}


def test_without_exposure_everybody_is_let_in_over_istios_own_tls() -> None:
    found = charts({})
    assert "loadBalancerSourceRanges" not in found["cluster1"].inputs["values"]["service"]
    assert "extraContainerArgs" not in found["cluster1-istiod"].inputs["values"]
    assert found["cluster1-istiod"].inputs["values"]["meshConfig"] == {"trustDomain": "cluster.local"}


def test_the_settings_of_the_how_to_can_be_used() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/limit-who-reaches-the-gateways.md").read_text()
    config = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["config"]

    settings = read({key: json.dumps(value) for key, value in config.items()})

    east, west = (in_force(settings.exposure, cluster.exposure, cluster.platform) for cluster in settings.clusters)
    assert "service.beta.kubernetes.io/aws-load-balancer-scheme" in east.annotations
    assert west.annotations["networking.gke.io/load-balancer-type"] == "Internal"
