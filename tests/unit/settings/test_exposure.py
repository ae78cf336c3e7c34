"""Who may reach the gateways: what is taken, what is refused, what holds for one cluster."""

import json
from typing import Any

import pytest

from tether.errors import Problem, SettingsError
from tether.settings import read
from tether.settings.exposure import Cloud, ExposureSettings, GatewayExposure, TlsVersion, in_force, is_internal
from tether.topology import Platform

EVERY_NODE = "10.89.0.0/16"


def clusters(platform: str = "existing", **own: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for name, role in (("a", "primary"), ("b", "remote")):
        entry = {"name": name, "role": role, "network": f"net-{name}", "platform": platform}
        if platform == "existing":
            entry |= {"context": name, "apiServer": f"https://{name}.example.org:6443"}
        made.append(entry)
    made[1] |= own
    return made


def settings(exposure: Any, listed: Any = None, **more: Any) -> Any:
    raw = {"exposure": exposure, "clusters": listed or clusters(), **more}
    return read({f"tether:{key}": said if isinstance(said, str) else json.dumps(said) for key, said in raw.items()})


def problems(exposure: Any, listed: Any = None, **more: Any) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as caught:
        settings(exposure, listed, **more)
    return {problem.subject: problem for problem in caught.value.problems}


def test_a_cluster_takes_the_meshs_exposure_and_lays_its_own_over_it() -> None:
    mesh = ExposureSettings.model_validate(
        {"sourceRanges": ["192.0.2.0/24"], "internal": "google", "annotations": {"a": "mesh", "b": "mesh"}}
    )
    own = GatewayExposure.model_validate({"sourceRanges": ["2001:db8::/32"], "annotations": {"b": "own"}})

    assert in_force(mesh, GatewayExposure(), Platform.EXISTING).source_ranges == ("192.0.2.0/24",)
    held = in_force(mesh, own, Platform.EXISTING)
    assert held.source_ranges == ("2001:db8::/32",)
    assert held.annotations == {
        "networking.gke.io/load-balancer-type": "Internal",
        "networking.gke.io/internal-load-balancer-allow-global-access": "true",
        "a": "mesh",
        "b": "own",
    }


@pytest.mark.parametrize("cloud", list(Cloud))
def test_every_cloud_says_in_annotations_that_an_address_is_internal(cloud: Cloud) -> None:
    held = in_force(ExposureSettings(internal=cloud), GatewayExposure(), Platform.EXISTING)
    assert held.annotations
    assert all("internal" in f"{key}={value}".lower() for key, value in held.annotations.items())


def test_nothing_asked_for_is_nothing_in_force() -> None:
    assert in_force(ExposureSettings(), GatewayExposure(), Platform.EXISTING) == GatewayExposure()


@pytest.mark.parametrize("written", ["1.3", 1.3])
def test_the_oldest_tls_may_be_written_as_text_or_as_yaml_reads_it(written: Any) -> None:
    assert settings({"tlsMinimum": written}).exposure.tls_minimum is TlsVersion.TLS_1_3


def test_all_that_is_wrong_with_an_exposure_is_told_at_once() -> None:
    found = problems(
        {"sourceRanges": ["10.0.0.1/8", "everyone", "0.0.0.0/0"], "internal": "amazon", "tlsMinimum": "1.1"},
        clusters(exposure={"annotations": {"no key": "x"}, "tlsMinimum": "1.3"}),
    )
    assert set(found) == {
        "tether:exposure.sourceRanges[0]",
        "tether:exposure.sourceRanges[1]",
        "tether:exposure.sourceRanges[2]",
        "tether:exposure.internal",
        "tether:exposure.tlsMinimum",
        'tether:clusters[1].exposure.annotations["no key"]',
        "tether:clusters[1].exposure.tlsMinimum",
    }
    assert found["tether:exposure.sourceRanges[0]"].fix.endswith(" 10.0.0.0/8")
    assert found["tether:exposure.sourceRanges[2]"].fix == "pulumi config rm --path 'tether:exposure.sourceRanges[2]'"


def test_kind_clusters_must_let_their_own_nodes_in() -> None:
    found = problems({"sourceRanges": ["192.0.2.0/24"]}, clusters("kind"))
    (problem,) = found.values()
    assert problem.subject == "tether:exposure.sourceRanges"
    assert problem.fix == f"pulumi config set --path 'tether:exposure.sourceRanges[1]' {EVERY_NODE}"

    for fine in ([EVERY_NODE], ["10.0.0.0/8", "192.0.2.0/24"], []):
        assert settings({"sourceRanges": fine}, clusters("kind")).exposure.source_ranges == tuple(fine)


def test_a_cluster_of_kind_is_judged_by_its_own_exposure_too() -> None:
    own = {
        "sourceRanges": ["192.0.2.0/24"],
        "internal": "aws",
        "annotations": {"metallb.io/loadBalancerIPs": "10.1.1.1"},
    }
    assert set(problems({}, clusters("kind", exposure=own))) == {
        "tether:clusters[1].exposure.sourceRanges",
        "tether:clusters[1].exposure.internal",
        'tether:clusters[1].exposure.annotations["metallb.io/loadBalancerIPs"]',
    }


def test_the_default_clusters_are_judged_as_kind_clusters() -> None:
    with pytest.raises(SettingsError, match="1 problem"):
        read({"tether:exposure": json.dumps({"internal": "azure"})})


def test_an_argument_list_that_would_take_the_oldest_tls_away_is_refused() -> None:
    values = {"istiod": {"extraContainerArgs": ["--ctrlz_port=0"]}}
    found = problems({"tlsMinimum": "1.3"}, clusters(helmValues=values), helmValues=values)
    assert set(found) == {
        "tether:helmValues.istiod.extraContainerArgs",
        "tether:clusters[1].helmValues.istiod.extraContainerArgs",
    }
    assert settings({}, clusters(helmValues=values), helmValues=values).exposure.tls_minimum is TlsVersion.TLS_1_2


def test_ranges_that_are_the_world_together_are_refused() -> None:
    for halves in (["0.0.0.0/1", "128.0.0.0/1"], ["::/1", "8000::/1"]):
        found = problems({"sourceRanges": halves})
        assert "let the whole world in together" in found["tether:exposure.sourceRanges"].wrong


def test_annotations_tell_whether_a_load_balancer_is_internal() -> None:
    for cloud in Cloud:
        annotations = in_force(ExposureSettings(internal=cloud), GatewayExposure(), Platform.EXISTING).annotations
        assert is_internal(annotations), cloud
    assert not is_internal({"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"})
    assert not is_internal({"networking.gke.io/internal-load-balancer-allow-global-access": "true"})
