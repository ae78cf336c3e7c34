"""The audit log of a kind cluster: every token review, and nothing else.

``tether trace`` shows with it how istiod has a remote's API server check a proxy's token.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from tether import topology
from tether_provider.mounts import with_mount

POLICY = Path(__file__).with_name("audit-policy.yaml")
"""Mounted into the nodes; it must stay where it is as long as a cluster stands."""
_POLICY_IN_NODE = "/etc/kubernetes/audit-policy.yaml"
_LOGS = Path("/var/log")


def with_audit(config: Mapping[str, Any]) -> dict[str, Any]:
    """Kind's configuration with the audit log turned on in every control plane.

    A configuration that has its own ways with the API server keeps them: lists of a patch
    replace each other, so volumes of two patches do not go together.
    """
    patches = cast("list[str]", config.get("kubeadmConfigPatches") or [])
    if any("apiServer" in patch for patch in patches):
        return dict(config)
    changed = with_mount(config, POLICY, _POLICY_IN_NODE)
    changed["kubeadmConfigPatches"] = [yaml.safe_dump(_patch(), sort_keys=False), *patches]
    return changed


def _patch() -> dict[str, Any]:
    """Patch of kubeadm's configuration; kind merges the arguments whatever kubeadm's version (kind 0.33)."""
    file = _LOGS / topology.AUDIT_LOG
    arguments = {
        "audit-policy-file": _POLICY_IN_NODE,
        "audit-log-path": str(file),
        "audit-log-maxsize": "1",  # MiB
        "audit-log-maxbackup": "1",
    }
    policy = {"name": "audit-policy", "hostPath": _POLICY_IN_NODE, "mountPath": _POLICY_IN_NODE, "readOnly": True,
              "pathType": "File"}  # fmt: skip
    folder = str(file.parent)
    log = {"name": "audit-log", "hostPath": folder, "mountPath": folder, "pathType": "DirectoryOrCreate"}
    return {"kind": "ClusterConfiguration", "apiServer": {"extraArgs": arguments, "extraVolumes": [policy, log]}}
