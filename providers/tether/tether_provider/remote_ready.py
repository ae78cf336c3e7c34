"""A gate: is a remote cluster truly part of the mesh?"""

import time
from collections.abc import Mapping
from typing import Any

import pydantic

from tether import gate, kube, mesh_probe, wait
from tether.revision import Revision
from tether_provider.errors import CancelledError, ProviderError
from tether_provider.resource import SECRET, Found, Operation, Resource, Wire


class RemoteReadyInputs(Wire):
    """Which remote of which primary."""

    primary_kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    remote_kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    cluster_name: str
    """Istio cluster ID of the remote."""
    network: str
    istio_namespace: str = "istio-system"
    revision: str = ""
    """Of istiod; empty: Istio's default one."""
    root_certificate: str = ""
    """PEM; empty: whatever the primary itself distributes."""
    timeout_seconds: float = pydantic.Field(default=300, gt=0)
    triggers: dict[str, str] = pydantic.Field(default_factory=dict[str, str])
    """A change asks anew."""


class RemoteReadyOutputs(Wire):
    """What was seen."""

    cluster_name: str
    ready: bool


class RemoteReady(Resource[RemoteReadyInputs, RemoteReadyOutputs]):
    """Created when istiod has read the remote, its root is there and its webhook answers."""

    token = "tether:index:RemoteReady"  # noqa: S105 - a type token
    description = "Waits until a remote cluster is truly part of the mesh."
    inputs_type = RemoteReadyInputs
    outputs_type = RemoteReadyOutputs

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """An open gate is the only one that is ever created."""
        return {"ready": True, **{key: inputs[key] for key in ("clusterName",) if key in inputs}}

    def create(self, operation: Operation, inputs: RemoteReadyInputs) -> tuple[str, RemoteReadyOutputs]:
        """Wait until the remote is ready."""
        started = time.monotonic()
        with kube.connect(inputs.primary_kubeconfig) as primary, kube.connect(inputs.remote_kubeconfig) as remote:
            await_gate(operation, _steps(inputs, primary, remote), inputs.timeout_seconds)
        operation.log.progress(f"{inputs.cluster_name} is ready after {time.monotonic() - started:.1f} s")
        return inputs.cluster_name, RemoteReadyOutputs(cluster_name=inputs.cluster_name, ready=True)

    def read(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any]
    ) -> Found[RemoteReadyOutputs] | None:
        """A gate that opened stays open."""
        return Found(self.outputs_of(state)) if state else None

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: RemoteReadyInputs
    ) -> RemoteReadyOutputs:
        """Ask anew."""
        return self.create(operation, inputs)[1]

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Nothing was made."""


def _steps(inputs: RemoteReadyInputs, primary: kube.Api, remote: kube.Api) -> list[gate.Step]:
    namespace, cluster, revision = inputs.istio_namespace, inputs.cluster_name, Revision(inputs.revision)
    return [
        gate.Step(
            f"istiod reads cluster {cluster}",
            lambda: mesh_probe.remote_synced(primary, namespace, cluster, revision),
        ),
        gate.Step(
            f"root certificate in {cluster}",
            lambda: mesh_probe.root_distributed(primary, remote, namespace, inputs.root_certificate),
        ),
        gate.Step(
            f"injection in {cluster}",
            lambda: mesh_probe.webhook_injects(remote, namespace, cluster, inputs.network, revision),
        ),
    ]


def await_gate(operation: Operation, steps: list[gate.Step], seconds: float) -> list[gate.Finding]:
    """Wait for steps within the shorter of both time limits.

    Raises:
        ProviderError: one was not ready in time; says which, its last state and the likely cause.
        CancelledError: the engine asked to stop.
    """
    try:
        return gate.pass_gate(
            steps, timeout=operation.limit(seconds), cancel=operation.cancel, on_change=operation.log.progress
        )
    except gate.GateTimeoutError as error:
        raise ProviderError(str(error)) from None
    except wait.WaitCancelledError as error:
        raise CancelledError(str(error)) from None
