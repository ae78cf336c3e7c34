"""Files of this machine inside the control planes of a kind cluster."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast


def with_mount(config: Mapping[str, Any], source: Path, inside: str) -> dict[str, Any]:
    """Kind's configuration with ``source`` to be read at ``inside`` in every control plane.

    Args:
        config: kind's configuration; one without nodes gets the one that kind would make.
        source: a file or folder; it must stay where it is as long as the cluster stands.
        inside: path in the node.
    """
    changed = copy.deepcopy(dict(config))
    nodes = cast("list[dict[str, Any]]", changed.setdefault("nodes", [{"role": "control-plane"}]))
    for node in nodes:
        if node.get("role", "control-plane") == "control-plane":
            mount = {"hostPath": str(source), "containerPath": inside, "readOnly": True}
            node["extraMounts"] = [*node.get("extraMounts", []), mount]
    return changed
