"""A chart that Helm installs, waiting until it is ready."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.kubernetes_object import SERVED_BY


class HelmRelease(pulumi.CustomResource):
    """A Helm release; its Kubernetes provider comes by ``opts`` or from the parent.

    A Release and not a rendered chart: only a real upgrade tells the templates so, and Istio's webhook templates depend
    on it (istio/istio#59367). The SDK's own class is left out, because importing it takes a twelfth of a second and
    brings an HTTP client with it (ADR 27).
    """

    status: pulumi.Output[dict[str, Any]]
    """What Helm says of it."""

    def __init__(self, name: str, args: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: of the resource.
            args: as the Kubernetes provider names them: ``chart``, ``name``, ``namespace``, ``values`` and so on.
            opts: how it is managed.
        """
        # What the SDK says to the provider, of every release.
        props = {"compat": "true", "status": None, **args}
        super().__init__("kubernetes:helm.sh/v3:Release", name, props, pulumi.ResourceOptions.merge(SERVED_BY, opts))

    @property
    def revision(self) -> pulumi.Output[str]:
        """Number of its last change; empty where nothing was made."""
        # On the wire every number is a floating one.
        return self.status.apply(lambda known: str(int(known["revision"])) if known else "")
