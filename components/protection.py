"""Keeps what lasts of a mesh from being deleted or replaced."""

from typing import Any

import pulumi

from tether import protection


def protected() -> pulumi.ResourceOptions:
    """Options for a Mesh: the engine then refuses to delete or replace what cannot be made again.

    Not ``protect`` alone: everything inside would inherit it, and proofs and gates that are replaced by
    every change would hold up the update.
    """
    return pulumi.ResourceOptions(transformations=[_protect_what_lasts])


def _protect_what_lasts(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    options: Any = args.opts
    if options.protect is not None:
        return None
    told = pulumi.ResourceOptions(protect=protection.lasts(args.type_))
    return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(options, told))
