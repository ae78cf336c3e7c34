import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tether_provider import kind

from tether import versions

PLAN = kind.Plan(
    name="c",
    network="n",
    image="i",
    pod_cidr="10.1.0.0/16",
    service_cidr="10.2.0.0/16",
    image_has_network=True,
    extra={},
)


def test_an_image_with_a_network_of_its_own_gets_neither_kinds_cni_nor_kubeadms_dns() -> None:
    config = kind.configuration(PLAN, restricted=False)

    assert config["networking"]["disableDefaultCNI"] is True
    _, _, patch, _ = config["kubeadmConfigPatches"]
    assert yaml.safe_load(patch) == {
        "kind": "ClusterConfiguration",
        "featureGates": {"PublicKeysECDSA": True},
        "dns": {"imageTag": f"v{versions.COREDNS.version}"},
        "etcd": {"local": {"extraArgs": {"unsafe-no-fsync": "true", "watch-progress-notify-interval": "60s"}}},
        "controllerManager": {"extraArgs": {"leader-elect": "false", "kube-api-qps": "300", "kube-api-burst": "600"}},
        "scheduler": {"extraArgs": {"leader-elect": "false"}},
    }
    assert "featureGates" not in config


def test_a_cluster_that_no_node_joins_gets_no_token_for_it_and_keeps_its_kubelet_running() -> None:
    config = kind.configuration(PLAN, restricted=False)

    assert yaml.safe_load(config["kubeadmConfigPatches"][-1]) == {
        "kind": "InitConfiguration",
        "skipPhases": ["preflight", "bootstrap-token", "show-join-command", "kubelet-finalize"],
    }


def test_a_cluster_of_another_image_may_have_nodes_that_join() -> None:
    config = kind.configuration(dataclasses.replace(PLAN, image_has_network=False), restricted=False)

    assert not any("skipPhases" in patch for patch in config["kubeadmConfigPatches"])


def test_nodes_without_the_capability_get_the_feature_gate() -> None:
    assert kind.configuration(PLAN, restricted=True)["featureGates"] == {"KubeletInUserNamespace": True}


@pytest.mark.parametrize(
    ("line", "restricted"),
    [
        ("CapBnd:\t000001ffffffffff", False),
        ("CapBnd:\t000001fffeffffff", True),
        ("CapBnd:\t00000000a80425fb", True),
        ("Name:\tpython", False),
    ],
)
def test_the_capability_is_read_from_the_bounding_set(tmp_path: Path, line: str, restricted: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"Umask:\t0022\n{line}\n")

    assert kind.is_restricted(status) is restricted


def test_a_machine_without_proc_is_not_restricted(tmp_path: Path) -> None:
    assert kind.is_restricted(tmp_path / "nowhere") is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@given(MAPPINGS)
def test_laying_nothing_over_a_configuration_changes_nothing(base: dict[str, Any]) -> None:
    assert kind.merge(base, {}) == base


@given(MAPPINGS, MAPPINGS)
def test_no_key_is_lost_and_the_originals_stay_as_they_are(base: dict[str, Any], extra: dict[str, Any]) -> None:
    before = repr((base, extra))

    merged = kind.merge(base, extra)

    assert set(merged) == {*base, *extra}
    assert repr((base, extra)) == before


def test_mappings_are_merged_and_lists_are_joined() -> None:
    base: dict[str, Any] = {"a": {"b": 1, "c": [1]}, "d": 1}

    assert kind.merge(base, {"a": {"c": [2], "e": 3}, "d": 2}) == {"a": {"b": 1, "c": [1, 2], "e": 3}, "d": 2}


@pytest.mark.parametrize("key", kind.OWNED)
def test_every_key_that_tether_owns_is_refused(key: str) -> None:
    tree: dict[str, Any] = {}
    branch = tree
    *path, last = key.split(".")
    for part in path:
        branch = branch.setdefault(part, {})
    branch[last] = "anything"

    (complaint,) = kind.complaints(tree, image_has_network=True)

    assert key in complaint


def test_several_nodes_are_fine_with_kinds_own_network() -> None:
    assert kind.complaints({"nodes": [{}, {"role": "worker"}]}, image_has_network=False) == []
