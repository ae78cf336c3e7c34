"""Objects of Kubernetes, written like their manifests."""

from collections.abc import Mapping
from typing import Any

import pulumi

from tether.versions import PULUMI_KUBERNETES

SERVED_BY = pulumi.ResourceOptions(version=PULUMI_KUBERNETES.version)
"""For programs that name no provider: which plugin the engine takes by itself."""


class KubernetesObject(pulumi.CustomResource):
    """An object in a cluster; its Kubernetes provider comes by ``opts`` or from the parent.

    Pulumi's SDK has a class for each kind. Importing those of the core group alone takes a third of a second, for
    every command, so this one stands for all of them, with their type tokens (ADR 27).
    """

    metadata: pulumi.Output[dict[str, Any]]
    """As the API server has it."""

    def __init__(
        self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None, *, patch: bool = False
    ) -> None:
        """Declare it.

        Args:
            name: of the resource.
            manifest: ``apiVersion``, ``kind`` and the rest, with inputs anywhere below.
            opts: how it is managed.
            patch: change only these fields of an object that is somebody else's.
        """
        super().__init__(
            type_token(manifest["apiVersion"], manifest["kind"], patch=patch),
            name,
            {**manifest},
            pulumi.ResourceOptions.merge(SERVED_BY, opts),
        )


class Secret(KubernetesObject):
    """A Secret, whose content is one for the engine too."""

    data: pulumi.Output[dict[str, str]]
    """By key: base64; secret."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it; ``manifest`` without ``apiVersion`` and ``kind``."""
        hidden = {key: pulumi.Output.secret(manifest[key]) for key in ("data", "stringData") if key in manifest}
        super().__init__(
            name,
            {"apiVersion": "v1", "kind": "Secret", "data": None, **manifest, **hidden},
            pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
            ),
        )


def type_token(api_version: str, kind: str, *, patch: bool = False) -> str:
    """The type that Pulumi's Kubernetes provider serves a kind under (pulumi-kubernetes, provider/pkg/gen)."""
    group = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group}:{kind}{'Patch' if patch else ''}"
