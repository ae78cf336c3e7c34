from typing import Any

import yaml
from tether_provider import audit

from tether import topology


def test_every_control_plane_gets_the_policy_and_the_log() -> None:
    nodes = [{"role": "control-plane"}, {}, {"role": "worker"}]

    config = audit.with_audit({"nodes": nodes})

    mounted = [bool(node.get("extraMounts")) for node in config["nodes"]]
    assert mounted == [True, True, False]
    (patch,) = [yaml.safe_load(patch) for patch in config["kubeadmConfigPatches"]]
    server = patch["apiServer"]
    seen_by_server = {volume["mountPath"] for volume in server["extraVolumes"]}
    assert server["extraArgs"]["audit-policy-file"] in seen_by_server
    assert server["extraArgs"]["audit-log-path"] == f"/var/log/{topology.AUDIT_LOG}"
    assert config["nodes"][0]["extraMounts"][0]["containerPath"] == server["extraArgs"]["audit-policy-file"]


def test_mounts_of_the_users_own_are_kept() -> None:
    own = {"hostPath": "/a", "containerPath": "/b"}

    config = audit.with_audit({"nodes": [{"extraMounts": [own]}]})

    assert config["nodes"][0]["extraMounts"][0] == own
    assert len(config["nodes"][0]["extraMounts"]) == 2


def test_a_cluster_without_nodes_in_its_configuration_gets_the_one_that_kind_makes() -> None:
    assert [node["role"] for node in audit.with_audit({})["nodes"]] == ["control-plane"]


def test_a_configuration_with_its_own_api_server_settings_is_left_alone() -> None:
    own: dict[str, Any] = {"kubeadmConfigPatches": ["kind: ClusterConfiguration\napiServer: {extraVolumes: []}"]}

    assert audit.with_audit(own) == own


def test_the_log_never_holds_what_was_asked() -> None:
    policy = yaml.safe_load(audit.POLICY.read_text())

    levels = {rule["level"] for rule in policy["rules"]}
    assert levels == {"Metadata", "None"}
    assert policy["rules"][0]["resources"] == [{"group": "authentication.k8s.io", "resources": ["tokenreviews"]}]
