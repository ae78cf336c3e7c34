"""A gate: do istiod's pods serve, and does the API server reach its webhooks?"""

from collections.abc import Mapping
from typing import Any

import pydantic

from tether import gate, kube, mesh_probe, rollout
from tether.istiod_settled import IstiodSettled
from tether.revision import Revision
from tether_provider.remote_ready import await_gate
from tether_provider.resource import SECRET, Found, Operation, Resource, Wire


class IstiodReadyInputs(Wire):
    """Which istiod."""

    kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    istio_namespace: str = "istio-system"
    revision: str = ""
    """Of this istiod; empty: Istio's default one."""
    timeout_seconds: float = pydantic.Field(default=300, gt=0)
    triggers: dict[str, str] = pydantic.Field(default_factory=dict[str, str])
    """A change asks anew."""


class IstiodReadyOutputs(Wire):
    """What was seen."""

    ready: bool


class IstiodReady(Resource[IstiodReadyInputs, IstiodReadyOutputs]):
    """Created when istiod runs as it was last written, and validates an Istio object that the API server is given.

    A pod that is ready is not yet reached: the node has to learn its address first, and forget
    that of the one before; until then Istio objects are refused (istio/istio base chart, failurePolicy Fail).
    """

    token = "tether:index:IstiodReady"  # noqa: S105 - a type token
    description = "Waits until istiod's pods serve and the API server reaches its webhooks."
    inputs_type = IstiodReadyInputs
    outputs_type = IstiodReadyOutputs

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """An open gate is the only one that is ever created."""
        return {"ready": True}

    def create(self, operation: Operation, inputs: IstiodReadyInputs) -> tuple[str, IstiodReadyOutputs]:
        """Wait until the webhook answers."""
        namespace = inputs.istio_namespace
        with kube.connect(inputs.kubeconfig) as primary:
            istiod = Revision(inputs.revision).istiod
            steps = [
                gate.Step(f"pods of {istiod}", lambda: rollout.followed(primary, namespace, istiod)),
                gate.Step("istiod before this one", IstiodSettled(primary, namespace)),
                gate.Step("istiod's validation", lambda: mesh_probe.validation_answers(primary, namespace)),
            ]
            await_gate(operation, steps, inputs.timeout_seconds)
        return namespace, IstiodReadyOutputs(ready=True)

    def read(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any]
    ) -> Found[IstiodReadyOutputs] | None:
        """A gate that opened stays open."""
        return Found(self.outputs_of(state)) if state else None

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: IstiodReadyInputs
    ) -> IstiodReadyOutputs:
        """Ask anew."""
        return self.create(operation, inputs)[1]

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Nothing was made."""
