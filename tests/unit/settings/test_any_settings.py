"""Whatever is written down, reading ends in settings that hold or in problems that name their fix."""

import ipaddress
import json
import re
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from tether import kubernetes_labels, topology
from tether.errors import Problem, SettingsError
from tether.settings import Settings, read, wording
from tether.topology import Role

labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
clouds = st.dictionaries(
    st.sampled_from(
        ["region", "version", "nodes", "endpoint", "endpointSources", "networkCidr", "subnets", "internal"]
    ),
    anything | st.sampled_from(["eu-west-1", "private", "10.0.0.0/16", ["10.0.0.0/8"], ["subnet-1"], "aws"]),
)
cluster_like = st.dictionaries(
    st.sampled_from(
        ["name", "role", "network", "platform", "podCidr", "serviceCidr", "nodeImage", "kindConfig", "kubeconfig",
         "context", "apiServer", "nmae", "helmValues", "exposure", "eks", "gke", "aks"]
    ),
    anything | clouds
    | st.sampled_from(["primary", "remote", "kind", "existing", "eks", "gke", "aks", "a", "10.1.0.0/16"]),
)  # fmt: skip
keys_like_labels = st.from_regex(
    r"([a-z0-9]{1,5}(\.(io|com))?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,6}[A-Za-z0-9])?", fullmatch=True
)
values_like_labels = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", fullmatch=True)


def read_or_problems(raw: dict[str, str]) -> Settings | list[Problem]:
    try:
        return read(raw)
    except SettingsError as error:
        return list(error.problems)


@given(st.lists(cluster_like | anything, max_size=5) | anything)
def test_any_cluster_list_gives_settings_or_complete_problems(clusters: Any) -> None:
    outcome = read_or_problems({"tether:clusters": json.dumps(clusters)})
    if isinstance(outcome, list):
        assert outcome
        for problem in outcome:
            assert problem.subject.startswith("tether:")
            assert problem.wrong
            assert problem.why
            assert problem.fix.startswith("pulumi config ")
        return
    plan = topology.plan(outcome)
    assert plan.primary.role is Role.PRIMARY
    assert len(plan.remotes) == len(plan.clusters) - 1 >= 1
    assert len({cluster.name for cluster in plan.clusters}) == len(plan.clusters)
    assert len({cluster.network for cluster in plan.clusters}) == len(plan.clusters)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=30), max_size=6))
def test_any_configuration_is_read_or_refused_in_the_same_way(values: dict[str, str]) -> None:
    outcome = read_or_problems({f"tether:{key}": value for key, value in values.items()})
    assert isinstance(outcome, Settings) or outcome


@given(st.lists(labels, min_size=2, max_size=6, unique=True))
def test_valid_names_always_make_valid_derived_names(names: list[str]) -> None:
    clusters = [
        {"name": name, "role": "remote" if index else "primary", "network": f"n-{index}"}
        for index, name in enumerate(names)
    ]
    for cluster in topology.plan(read({"tether:clusters": json.dumps(clusters)})).clusters:
        kind_name = topology.kind_cluster_name(cluster.name, "0123abcd")
        assert len(kind_name) <= 50
        assert len(topology.control_plane_host(kind_name)) <= 63


@given(st.text(max_size=70))
@example("a" * 63)
@example("-a")
def test_a_name_is_taken_exactly_if_it_is_a_short_dns_label(name: str) -> None:
    fits = (
        0 < len(name) <= 40
        and all(character in "abcdefghijklmnopqrstuvwxyz0123456789-" for character in name)
        and not name.startswith("-")
        and not name.endswith("-")
    )
    clusters = [
        {"name": name, "role": "primary", "network": "n1"},
        {"name": "zz-other", "role": "remote", "network": "n2"},
    ]
    assume(name != "zz-other")
    try:
        read({"tether:clusters": json.dumps(clusters)})
    except SettingsError:
        assert not fits
    else:
        assert fits


@given(
    st.ip_addresses(v=4, network="10.0.0.0/8"),
    st.integers(8, 24),
    st.ip_addresses(v=4, network="172.16.0.0/12"),
    st.integers(12, 28),
)
def test_networks_are_taken_exactly_if_they_do_not_overlap(
    pods: ipaddress.IPv4Address, pod_prefix: int, services: ipaddress.IPv4Address, service_prefix: int
) -> None:
    pod_network = ipaddress.IPv4Network((pods, pod_prefix), strict=False)
    service_network = ipaddress.IPv4Network((services, service_prefix), strict=False)
    clash = any(
        one.overlaps(other)
        for one, other in (
            (pod_network, service_network),
            (pod_network, ipaddress.IPv4Network(topology.ENVIRONMENT_NETWORKS)),
            (service_network, ipaddress.IPv4Network(topology.ENVIRONMENT_NETWORKS)),
        )
    )
    first = {
        "name": "a",
        "role": "primary",
        "network": "n1",
        "podCidr": str(pod_network),
        "serviceCidr": str(service_network),
    }
    clusters = [first, {"name": "b", "role": "remote", "network": "n2"}]
    try:
        read({"tether:clusters": json.dumps(clusters)})
    except SettingsError:
        assert clash
    else:
        assert not clash


@given(st.dictionaries(st.text(max_size=70) | keys_like_labels, st.text(max_size=70) | values_like_labels, max_size=5))
def test_labels_are_taken_exactly_if_kubernetes_takes_them_and_nobody_else_does(labels: dict[str, str]) -> None:
    name = re.compile(r"(?=.{1,63}\Z)[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
    wrong = {
        key
        for key, value in labels.items()
        if not name.fullmatch(key.rpartition("/")[2])
        or (value and not name.fullmatch(value))
        or kubernetes_labels.owner(key)
        or not kubernetes_labels.is_key(key)
    }
    outcome = read_or_problems({"tether:labels": json.dumps(labels)})
    if isinstance(outcome, Settings):
        assert not wrong
        assert outcome.labels == labels
    else:
        assert {key for key in labels if any(is_about(problem, key) for problem in outcome)} >= wrong
        assert wrong


def is_about(problem: Problem, key: str) -> bool:
    return problem.subject == wording.subject(("labels", key), "tether")


@given(cluster_like, anything, anything)
def test_any_helm_values_are_read_or_refused_with_a_fix(cluster: dict[str, Any], mesh: Any, own: Any) -> None:
    clusters = [{**cluster, "helmValues": own}, {"name": "zz", "role": "remote", "network": "zz"}]
    raw = {"tether:helmValues": json.dumps(mesh), "tether:clusters": json.dumps(clusters)}
    outcome = read_or_problems(raw)
    if isinstance(outcome, list):
        assert outcome
        assert all(problem.wrong and problem.why and problem.fix.startswith("pulumi config ") for problem in outcome)


@given(st.integers(-5, 70000))
@example(0)
@example(65535)
@example(65536)
def test_an_api_server_is_taken_exactly_if_its_port_is_one(port: int) -> None:
    clusters = [
        {"name": "a", "role": "primary", "network": "n1"},
        {"name": "b", "role": "remote", "network": "n2", "platform": "existing", "context": "b",
         "apiServer": f"https://api.example.org:{port}"},
    ]  # fmt: skip
    outcome = read_or_problems({"tether:clusters": json.dumps(clusters)})
    assert isinstance(outcome, Settings) == (0 < port < 65536)
