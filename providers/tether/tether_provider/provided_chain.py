"""A certificate authority that the user brings: looked at, and passed on as istiod wants it."""

from collections.abc import Iterable, Mapping
from typing import Any

import pydantic

from tether.authority import forms, judging, pem
from tether.authority.forms import Material, Part
from tether_provider.authority_outputs import SigningOutputs, iso, warn_of_another_root
from tether_provider.errors import ProviderError
from tether_provider.resource import SECRET, Failure, Found, Operation, Resource, Wire


class ProvidedInputs(Wire):
    """PEM texts, by the names of the settings."""

    ca_cert: str
    """The certificate that istiod signs with."""
    ca_key: str = pydantic.Field(json_schema_extra=SECRET)
    root_cert: str
    """The root, or several while one takes over from another."""
    cert_chain: str = ""
    """What lies between, in any order."""


class ProvidedChain(Resource[ProvidedInputs, SigningOutputs]):
    """Refused as a whole, with every reason, before anything is created."""

    token = "tether:index:ProvidedChain"  # noqa: S105 - a type token
    description = "A signing certificate that the user brings, with its key, root and chain."
    inputs_type = ProvidedInputs
    outputs_type = SigningOutputs

    def check(self, inputs: Mapping[str, Any]) -> Iterable[Failure]:
        """Judge all parts together, once all are known."""
        if {Part.CA_CERT, Part.CA_KEY, Part.ROOT_CERT} <= set(inputs):
            yield from _failures(_judged(inputs))

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """Nothing is made here, so everything is known beforehand."""
        if not set(Part) <= set(inputs):
            return {}
        judgement = _judged(inputs)
        return {} if judgement.complaints else _outputs(ProvidedInputs.model_validate(inputs), judgement).to_wire()

    def rehearse(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> None:
        """Say beforehand what another root does to a mesh that runs."""
        warn_of_another_root(operation, state, self.foresee(inputs, state).get("rootCertificate"))

    def create(self, operation: Operation, inputs: ProvidedInputs) -> tuple[str, SigningOutputs]:
        """Pass it on.

        Raises:
            ProviderError: it is not fit; what a preview could not know yet is judged here.
        """
        judgement = _judged(inputs.to_wire())
        if failures := list(_failures(judgement)):
            raise ProviderError("; ".join(f"{failure.field} {failure.reason}" for failure in failures))
        outputs = _outputs(inputs, judgement)
        return outputs.resource_id, outputs

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[SigningOutputs] | None:
        """What the state says is all there is."""
        return Found(self.outputs_of(state)) if state else None

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: ProvidedInputs
    ) -> SigningOutputs:
        """Pass on the new one."""
        outputs = self.create(operation, inputs)[1]
        warn_of_another_root(operation, state, outputs.root_certificate)
        return outputs

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Nothing lies outside the state."""


def _judged(inputs: Mapping[str, Any]) -> judging.Judgement:
    return judging.judge(
        Material(
            ca_cert=inputs[Part.CA_CERT],
            ca_key=inputs[Part.CA_KEY],
            root_cert=inputs[Part.ROOT_CERT],
            cert_chain=inputs.get(Part.CERT_CHAIN, ""),
        )
    )


def _failures(judgement: judging.Judgement) -> Iterable[Failure]:
    for one in judgement.complaints:
        remedy = f" Mend it: {one.remedy}" if one.remedy else ""
        yield Failure(one.part.value, f"{one.wrong}; {one.why}.{remedy}")


def _outputs(inputs: ProvidedInputs, judgement: judging.Judgement) -> SigningOutputs:
    signer, root = judgement.path[0], judgement.path[-1]
    return SigningOutputs(
        root_certificate=pem.normal(inputs.root_cert),
        intermediate_certificate=pem.to_pem(signer),
        intermediate_key=inputs.ca_key.strip() + "\n",
        certificate_chain="".join(pem.to_pem(certificate) for certificate in judgement.path),
        root_fingerprint=forms.fingerprint(pem.to_pem(root)),
        root_expiry=iso(root.not_valid_after_utc),
        intermediate_expiry=iso(signer.not_valid_after_utc),
    )
