"""Requests that cross the mesh both ways, as a resource."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import pydantic

from tether import gate, kube, specification, topology, wait
from tether.revision import Revision
from tether.verify import run
from tether_provider.errors import CancelledError, ProviderError
from tether_provider.gateway_ready import serving
from tether_provider.remote_ready import await_gate
from tether_provider.resource import REPLACES, SECRET, Failure, Found, Operation, Resource, Wire


class SideInput(Wire):
    """One cluster of the mesh."""

    name: str
    """Istio cluster ID."""
    kubeconfig: str


class VerificationInputs(Wire):
    """Between which clusters, and how."""

    clusters: list[SideInput] = pydantic.Field(json_schema_extra=SECRET)
    image: str
    """Istio's echo application."""
    namespace_prefix: str = "tether-verify"
    trust_domain: str = pydantic.Field(default="cluster.local", json_schema_extra=REPLACES)
    revision: str = ""
    """Of the istiod whose proxies are asked for; empty: Istio's default one."""
    requests: int = pydantic.Field(default=20, ge=1, le=1000)
    """Per asking cluster."""
    timeout_seconds: float = pydantic.Field(default=120, gt=0)
    istio_namespace: str = ""
    """Of east-west gateways that may still be starting: pods start beside them, and requests wait. Empty: they are not
    looked at."""
    gateway_timeout_seconds: float = pydantic.Field(default=300, gt=0)
    """For those; the other time-out begins when they serve."""
    triggers: dict[str, str] = pydantic.Field(default_factory=dict[str, str], json_schema_extra=REPLACES)
    """A change verifies anew."""


class VerificationOutputs(Wire):
    """What was seen."""

    requests: int
    """Sent in the round that proved the mesh, by all clusters together."""
    rounds: int
    answers: dict[str, dict[str, int]]
    """Asking cluster → answering cluster → count."""
    identities: list[str]
    """SPIFFE identities that were seen across clusters."""
    seconds: float
    verified_at: str
    """ISO 8601, UTC."""
    requests_per_cluster: int


class Verification(Resource[VerificationInputs, VerificationOutputs]):
    """Created when every cluster was answered by every cluster over mTLS."""

    token = "tether:index:Verification"  # noqa: S105 - a type token
    description = "Sends requests between all clusters and is created only if all were answered over mTLS."
    inputs_type = VerificationInputs
    outputs_type = VerificationOutputs

    def check(self, inputs: Mapping[str, Any]) -> Iterable[Failure]:
        """A proof needs two different clusters."""
        names = [side["name"] for side in inputs.get("clusters", [])]
        if "clusters" in inputs and len(set(names)) < max(2, len(names)):
            yield Failure("clusters", f"are {', '.join(names) or 'none'}; two or more different ones are needed")

    def same(self, key: str, old: Any, new: Any, state: Mapping[str, Any]) -> bool:
        """The output ``requests`` counts all clusters; the input is kept beside it."""
        return new == state.get("requestsPerCluster", old) if key == "requests" else old == new

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """Only the number of requests is known before."""
        if "clusters" not in inputs or "requests" not in inputs:
            return {}
        each = inputs["requests"]
        return {"requests": each * len(inputs["clusters"]), "requestsPerCluster": each}

    def create(self, operation: Operation, inputs: VerificationInputs) -> tuple[str, VerificationOutputs]:
        """Verify; the echo application is gone afterwards."""
        plan = run.Plan(
            image=inputs.image,
            trust_domain=inputs.trust_domain,
            revision=Revision(inputs.revision),
            prefix=inputs.namespace_prefix,
            requests=inputs.requests,
            timeout=operation.limit(inputs.timeout_seconds),
        )
        with contextlib.ExitStack() as stack:
            clusters = [stack.enter_context(kube.connect(side.kubeconfig)) for side in inputs.clusters]
            sides = [run.Side(side.name, cluster) for side, cluster in zip(inputs.clusters, clusters, strict=True)]

            def meanwhile() -> float:
                # A mesh that is proved is as a rule looked at next. What starts now leaves processors to spare; right
                # after the proof the command reads what was made.
                specification.prepare(clusters)
                steps = _gateways(sides, inputs.istio_namespace)
                await_gate(operation, steps, inputs.gateway_timeout_seconds)
                return plan.timeout

            try:
                report = run.verify(
                    sides, plan, meanwhile=meanwhile, cancel=operation.cancel, on_change=operation.log.progress
                )
            except run.VerificationError as error:
                raise ProviderError(f"the mesh is not verified: {error}") from None
            except wait.WaitCancelledError as error:
                raise CancelledError(str(error)) from None
        outputs = VerificationOutputs(
            requests=report.requests,
            rounds=report.rounds,
            answers=report.answers,
            identities=report.identities,
            seconds=report.seconds,
            verified_at=report.verified_at,
            requests_per_cluster=inputs.requests,
        )
        return "-".join(side.name for side in inputs.clusters), outputs

    def read(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any]
    ) -> Found[VerificationOutputs] | None:
        """What was seen was seen."""
        return Found(self.outputs_of(state)) if state else None

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: VerificationInputs
    ) -> VerificationOutputs:
        """Verify anew."""
        return self.create(operation, inputs)[1]

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Nothing is left of it."""


def _gateways(sides: Iterable[run.Side], namespace: str) -> list[gate.Step]:
    name = topology.EAST_WEST_GATEWAY
    return [step for side in sides if namespace for step in serving(side.api, namespace, name, f" in {side.name}")]
