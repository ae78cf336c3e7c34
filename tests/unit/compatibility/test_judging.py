"""Every rule, passing and failing."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.compatibility.making import BUILT, RELEASED, with_proxy
from tether import topology
from tether.compatibility import judging
from tether.compatibility.lines import LINES
from tether.errors import Problem
from tether.parts import Parts
from tether.preflight import Finding
from tether.settings import read

KIND: dict[str, Any] = {"name": "cluster1", "role": "primary", "network": "network1"}
EXISTING: dict[str, Any] = {
    "name": "west", "role": "remote", "network": "network2", "platform": "existing", "kubeconfig": "west.yaml",
    "apiServer": "https://west.example.com",
}  # fmt: skip


def mesh(*clusters: Mapping[str, Any]) -> topology.Topology:
    return topology.plan(read({"tether:clusters": json.dumps(clusters)}))


def kubernetes(parts: Parts, *clusters: Mapping[str, Any], west: str = "") -> list[Finding]:
    answers = {"west": west} if west else {}
    return list(judging.kubernetes(mesh(*clusters), parts, answers, "tether"))


def fatal(findings: Iterable[Finding]) -> list[Problem]:
    return [finding.problem for finding in findings if finding.fatal]


@pytest.mark.parametrize("version", ["1.29.7", "1.30.4", "1.31.0", "1.31.1", "1.31-eed52ebb66ad"])
def test_a_good_istio_is_taken(version: str) -> None:
    assert not list(judging.istio(version))


def test_a_bad_istio_is_refused_once_for_every_bug_with_a_link_and_what_breaks() -> None:
    problems = fatal(judging.istio("1.30.3"))

    assert [problem.shown for problem in problems] == ["1.30.3"] * 3
    assert problems[0].subject == ".tether/parts.json: istio_version"
    assert "https://github.com/istio/istio/issues/60920); fixed in 1.30.4" in problems[0].wrong
    assert "no way" in problems[0].why
    assert problems[0].fix.startswith("rm .tether/parts.json && make tools")


@pytest.mark.parametrize("version", ["1.28.3", "1.32.0", "2.0.0", "unknown", ""])
def test_an_istio_of_no_known_line_is_refused(version: str) -> None:
    (problem,) = fatal(judging.istio(version))
    assert "1.29, 1.30, 1.31" in problem.wrong


@given(
    minor=st.integers(0, 60),
    patch=st.integers(0, 60),
    line=st.sampled_from(LINES),
    behind=st.sampled_from(["", "+k3s1", "-gke.100"]),
)
def test_kubernetes_is_refused_exactly_below_the_oldest_and_warned_of_exactly_above_the_newest(
    minor: int, patch: int, line: Any, behind: str
) -> None:
    parts = replace(RELEASED, istio_version=f"{line.name}.99")
    found = kubernetes(parts, KIND, EXISTING, west=f"v1.{minor}.{patch}{behind}")
    about_west = [finding.fatal for finding in found if finding.problem.subject.startswith("tether:clusters[1]")]

    oldest, newest = line.kubernetes_oldest[1], line.kubernetes_newest[1]
    assert about_west == ([True] if minor < oldest else [False] if minor > newest else [])


def test_an_old_existing_cluster_is_named_with_its_setting_and_a_way_out() -> None:
    (problem,) = fatal(kubernetes(RELEASED, KIND, EXISTING, west="v1.31.9"))

    assert (problem.subject, problem.shown) == ("tether:clusters[1].kubeconfig", "west with Kubernetes v1.31.9")
    assert "Istio 1.31 needs Kubernetes 1.32 or newer (https://istio.io/" in problem.wrong
    assert problem.fix == "Bring cluster west to a Kubernetes from 1.32 to 1.36."


def test_an_existing_cluster_that_said_nothing_is_not_judged() -> None:
    assert not kubernetes(RELEASED, KIND, EXISTING)


def test_an_old_version_for_a_cloud_is_refused_with_the_command_that_sets_a_fitting_one() -> None:
    own = {"region": "eu-west-1", "version": "1.31"}
    west = {"name": "west", "role": "remote", "network": "network2", "platform": "eks", "eks": own}
    (problem,) = fatal(kubernetes(RELEASED, KIND, west))

    assert (problem.subject, problem.shown) == ("tether:clusters[1].eks.version", '"1.31"')
    assert problem.fix == "pulumi config set --path 'tether:clusters[1].eks.version' 1.36"
    assert not kubernetes(RELEASED, KIND, {**west, "eks": {"region": "eu-west-1"}}), "the cloud's default is its own"


def test_an_old_node_image_is_refused_with_the_command_that_takes_it_out() -> None:
    old = {**KIND, "nodeImage": "kindest/node:v1.31.9"}
    (problem,) = fatal(kubernetes(RELEASED, old, EXISTING))

    assert (problem.subject, problem.shown) == ("tether:clusters[0].nodeImage", '"kindest/node:v1.31.9"')
    assert problem.fix == "pulumi config rm --path 'tether:clusters[0].nodeImage'"


@pytest.mark.parametrize("image", ["kindest/node:v1.32.0", "kindest/node:latest", "registry:5000/node"])
def test_a_fitting_or_silent_node_image_is_taken(image: str) -> None:
    assert not kubernetes(RELEASED, {**KIND, "nodeImage": image}, EXISTING)


def test_the_toolchain_s_own_node_image_is_judged_once_where_a_cluster_uses_it() -> None:
    parts = replace(RELEASED, kubernetes_version="1.30.2")
    remote = {**KIND, "name": "b", "role": "remote", "network": "network2"}

    (problem,) = fatal(kubernetes(parts, KIND, remote))
    assert problem.subject == ".tether/parts.json: kubernetes_version"
    assert not kubernetes(parts, {**KIND, "nodeImage": "kindest/node:v1.34.4"}, EXISTING)


@pytest.mark.parametrize(
    "parts",
    [
        RELEASED,
        BUILT,
        with_proxy("docker.io/istio/proxyv2:1.30.4-distroless"),
        with_proxy("registry:5000/proxyv2:1.31.1@sha256:abc"),
        with_proxy("registry:5000/proxyv2"),
        replace(BUILT, envoy_version="1.38.3"),
    ],
)
def test_proxies_of_istiod_s_line_or_the_one_before_are_taken(parts: Parts) -> None:
    assert not list(judging.proxies(parts))


@pytest.mark.parametrize(
    ("parts", "key", "says"),
    [
        (
            with_proxy("docker.io/istio/proxyv2:1.29.8"),
            "images.proxy",
            "a proxy of Istio 1.29 beside an istiod of 1.31",
        ),
        (
            with_proxy("docker.io/istio/proxyv2:1.32.0"),
            "images.proxy",
            "a proxy of Istio 1.32 beside an istiod of 1.31",
        ),
        (replace(BUILT, envoy_version="1.37.2"), "envoy_version", "a proxy of Istio 1.29 beside an istiod of 1.31"),
        (replace(BUILT, envoy_version="1.40.0"), "envoy_version", "the Envoy of no line of Istio"),
    ],
)
def test_proxies_that_do_not_fit_are_refused(parts: Parts, key: str, says: str) -> None:
    (problem,) = fatal(judging.proxies(parts))
    assert problem.subject == f".tether/parts.json: {key}"
    assert says in problem.wrong


@given(st.integers(0, 99), st.integers(0, 99))
def test_istiod_is_never_behind_a_proxy_and_at_most_one_ahead(istiod: int, proxy: int) -> None:
    assert judging.fit((1, istiod), (1, proxy)) == (istiod - proxy in (0, 1))
    assert not judging.fit((2, istiod), (1, proxy))


@pytest.mark.parametrize("running", ["", "unknown", "1.31.0", "1.30.4", "1.30-9739e10eb9d7"])
def test_a_mesh_goes_on_by_one_line_at_most(running: str) -> None:
    assert not list(judging.standing(RELEASED, running))


@pytest.mark.parametrize(
    ("running", "fix"),
    [
        ("1.29.8", "TETHER_ISTIO=1.30 make up  # then restart its workloads"),
        ("1.27.0", "pins Istio 1.28, restart its workloads"),
        ("1.32.0", "Stay with a checkout of Tether that pins Istio 1.32"),
    ],
)
def test_a_mesh_that_would_skip_a_line_or_go_back_is_refused(running: str, fix: str) -> None:
    (problem,) = fatal(judging.standing(RELEASED, running))
    assert (problem.subject, problem.shown) == ("stack output mesh.istioVersion", running)
    assert fix in problem.fix


def test_a_mesh_of_the_newest_line_is_told_how_to_stay_with_it_in_a_checkout_of_the_one_before() -> None:
    (problem,) = fatal(judging.standing(replace(RELEASED, istio_version="1.30-9739e10eb9d7"), "1.31-eed52ebb66ad"))
    assert problem.fix == "TETHER_ISTIO=1.31 make up"
