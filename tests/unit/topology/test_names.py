import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether import topology, versions
from tether.settings import read

suffixes = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
MIXED = {
    "tether:meshId": "mesh7",
    "tether:trustDomain": "example.org",
    "tether:istioNamespace": "mesh-system",
    "tether:clusters": json.dumps(
        [
            {"name": "west", "role": "remote", "network": "net-w", "nodeImage": "kindest/node:v1.33.2"},
            {"name": "hub", "role": "primary", "network": "net-h", "podCidr": "10.30.0.0/16"},
            {
                "name": "far",
                "role": "remote",
                "network": "net-f",
                "platform": "existing",
                "kubeconfig": "token: abc123",
                "apiServer": "https://far.example.org",
            },
        ]
    ),
}


def test_a_plan_names_everything_that_istio_needs_to_agree_on() -> None:
    plan = topology.plan(read(MIXED))
    assert (plan.mesh_id, plan.istiod_host) == ("mesh7", "istiod.mesh-system.svc")
    assert plan.primary.name == "hub"
    assert [remote.name for remote in plan.remotes] == ["west", "far"]
    assert [cluster.index for cluster in plan.clusters] == [0, 1, 2]
    west = plan.clusters[0]
    assert west.injection_path == "/inject/cluster/west/net/net-w"
    assert west.remote_secret_name == "istio-remote-secret-west"


def test_a_plan_knows_the_kubernetes_version_where_it_can_be_known() -> None:
    west, hub, far = topology.plan(read(MIXED)).clusters
    assert (west.kubernetes_version, hub.kubernetes_version, far.kubernetes_version) == (
        "1.33.2",
        versions.KUBERNETES.version,
        None,
    )


def test_a_plan_does_not_show_credentials() -> None:
    plan = topology.plan(read(MIXED))
    assert plan.clusters[2].kubeconfig == "token: abc123"
    assert "abc123" not in repr(plan)


def test_a_trust_domain_of_its_own_needs_a_mesh_configuration_in_the_remotes() -> None:
    assert topology.plan(read(MIXED)).remotes_need_mesh_config
    assert not topology.plan(read({})).remotes_need_mesh_config


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("kindest/node:v1.34.4", "1.34.4"),
        ("kindest/node:v1.34.4@sha256:0123", "1.34.4"),
        ("localhost:5000/kindest/node", None),
        ("localhost:5000/kindest/node:1.35.0", "1.35.0"),
        ("tether.test/node:v1.34.4-0a1b2c3d", "1.34.4"),
        ("kindest/node:latest", None),
        ("kindest/node@sha256:0123", None),
    ],
)
def test_the_version_is_read_from_the_tag_of_a_node_image(image: str, version: str | None) -> None:
    assert topology.kubernetes_of_image(image) == version


@given(suffixes)
def test_everything_of_an_environment_is_known_by_its_suffix(suffix: str) -> None:
    cluster = topology.kind_cluster_name("cluster1", suffix)
    for name in (cluster, topology.control_plane_host(cluster), topology.network_name(suffix)):
        assert topology.belongs_to(name, suffix)


@given(suffixes, suffixes)
def test_nothing_of_another_environment_is_taken_for_ones_own(one: str, other: str) -> None:
    cluster = topology.kind_cluster_name("cluster1", one)
    assert topology.belongs_to(cluster, other) == (one == other)
    assert not topology.belongs_to(f"{cluster}x", one)
    assert not topology.belongs_to(one, one)


def test_a_kind_name_too_long_for_a_host_name_is_refused() -> None:
    assert len(topology.kind_cluster_name("c" * 40, "0123abcd")) == topology.KIND_NAME_LIMIT
    with pytest.raises(ValueError, match="the limit is 49"):
        topology.kind_cluster_name("c" * 41, "0123abcd")


def test_a_clusters_api_server_is_reached_by_a_name_that_outlives_restarts() -> None:
    assert topology.internal_api_server("cluster1-0123abcd") == "https://cluster1-0123abcd-control-plane:6443"
