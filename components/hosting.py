"""The components as programs in other languages get them: their schema, and what builds them.

The plugin's process imports this where a program asks for a component, and not before: it takes seconds.
"""

import inspect
import json
from typing import Any

import pulumi
from pulumi.output import Inputs
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.provider import ConstructResult
from pulumi.provider.server import ComponentInitError, ProviderServicer

from components.certificate_authority import CertificateAuthority
from components.east_west_gateway import EastWestGateway
from components.existing_cluster import ExistingCluster
from components.hosted_inputs import misfits, whole_numbers
from components.ingress_gateway import IngressGateway
from components.kind_cluster import KindCluster
from components.load_balancer import LoadBalancer
from components.mesh import Mesh
from components.primary import Primary
from components.remote import Remote
from components.remote_secret import RemoteSecret

HOSTED: list[type[pulumi.ComponentResource]] = [
    CertificateAuthority,
    EastWestGateway,
    ExistingCluster,
    IngressGateway,
    KindCluster,
    LoadBalancer,
    Mesh,
    Primary,
    Remote,
    RemoteSecret,
]
"""Not KindEnvironment, whose outputs are components, nor the clouds', whose packages are extras: Mesh makes both."""


class Host(ProviderServicer):
    """Answers what the engine asks of components."""

    def __init__(self, engine: str, version: str) -> None:
        self.engine_address, self.args = engine, []
        self.provider = _Components(HOSTED, "tether", version=version)

    @property
    def schema(self) -> dict[str, Any]:
        """The components and the types of their inputs (Pulumi package schema)."""
        return json.loads(self.provider.schema or "{}", object_hook=_dedented)


def _dedented(entry: dict[str, Any]) -> dict[str, Any]:
    """Descriptions without the margin that docstrings have in the source."""
    told = entry.get("description")
    return {**entry, "description": inspect.cleandoc(told)} if isinstance(told, str) else entry


class _Components(ComponentProvider):
    """Looks at inputs before anything is registered, because the engine compares none with the schema."""

    def construct(
        self, name: str, resource_type: str, inputs: Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        schema = json.loads(self.schema or "{}")
        if resource_type not in schema["resources"]:
            hosted = ", ".join(schema["resources"])
            raise pulumi.RunError(f"{resource_type} is no component that other programs can use; those are {hosted}")
        given = whole_numbers(inputs)
        if found := misfits(resource_type, given, schema):
            # Not as InputPropertiesError: with that, the engine shows the values, secrets as well.
            told = "\n".join(f"  {path} — {reason}" for path, reason in found)
            raise pulumi.RunError(f"{resource_type} {name} cannot be made; nothing of it was created.\n{told}")
        try:
            return super().construct(name, resource_type, given, options)
        except ComponentInitError as error:
            if isinstance(error.inner, pulumi.RunError):
                raise error.inner from None
            raise
