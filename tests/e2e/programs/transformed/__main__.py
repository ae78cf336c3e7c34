"""A mesh of the default settings with a transform over all of it."""

from pathlib import Path
from typing import Any

import pulumi

from components.from_settings import mesh_args
from components.mesh import Mesh
from tether import parts, settings, topology

PROJECT = Path(__file__).resolve().parents[4]


def mark(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Mark whatever has Helm values or metadata."""
    for key in ("values", "metadata"):
        if isinstance(held := args.props.get(key), dict):
            marked: dict[str, Any] = {**held, "marked": "true"}
            return pulumi.ResourceTransformResult({**args.props, key: marked}, args.opts)
    return None


chosen = settings.read({"tether:ingressGateway": "true"})
arguments = mesh_args(chosen, topology.plan(chosen), parts.read(PROJECT / parts.FILE))
mesh = Mesh("mesh", arguments, pulumi.ResourceOptions(transforms=[mark]))
