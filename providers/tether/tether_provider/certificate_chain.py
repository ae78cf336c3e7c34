"""The mesh's certificate authority: a root, and the intermediate that istiod signs with."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic

from tether_provider import certificates, root_key_file
from tether_provider.authority_outputs import SigningOutputs, iso
from tether_provider.resource import REPLACES, SECRET, Failure, Found, Operation, Resource, Wire, defaults


class ChainInputs(Wire):
    """What is asked of the authority."""

    algorithm: Literal["ecdsa-p256", "rsa-4096"] = pydantic.Field(default="ecdsa-p256", json_schema_extra=REPLACES)
    root_days: int = pydantic.Field(default=3650, ge=1, json_schema_extra=REPLACES)
    intermediate_days: int = pydantic.Field(default=1825, ge=1)
    organization: str = pydantic.Field(default="Tether", min_length=1, max_length=64, json_schema_extra=REPLACES)
    istio_namespace: str = "istio-system"
    trust_domain: str = "cluster.local"
    root_key_file: str | None = None
    """Absolute path of a file that does not exist yet: the root's key goes there and not into the state."""


_ISSUE = ("intermediateDays", "istioNamespace", "trustDomain")
"""Inputs that an intermediate is made from; a change of any other leaves it as it is."""


class ChainOutputs(SigningOutputs):
    """Certificates and keys, PEM."""

    root_key: str | None = pydantic.Field(default=None, json_schema_extra=SECRET)
    """None where it was handed out."""


class CertificateChain(Resource[ChainInputs, ChainOutputs]):
    """Root and intermediate as istiod wants them (reference: Istio tools/certs/common.mk)."""

    token = "tether:index:CertificateChain"  # noqa: S105 - a type token
    description = "A root certificate and the intermediate with which istiod signs."
    inputs_type = ChainInputs
    outputs_type = ChainOutputs

    def check(self, inputs: Mapping[str, Any]) -> Iterable[Failure]:
        """An intermediate must not outlive its root, and a file must be named without a folder to begin in."""
        path = inputs.get("rootKeyFile")
        if path is not None and not Path(path).is_absolute():
            yield Failure("rootKeyFile", f"is {path}, no absolute path; the provider has a folder of its own")
        root, intermediate = inputs.get("rootDays", 3650), inputs.get("intermediateDays", 1825)
        if intermediate > root:
            yield Failure(
                "intermediateDays",
                f"is {intermediate}, more than rootDays {root}; nothing verifies once the root has expired",
            )

    def same(self, key: str, old: Any, new: Any, state: Mapping[str, Any]) -> bool:
        """A key that was handed out may lie anywhere; where matters only when it is needed."""
        return (bool(old) == bool(new)) if key == "rootKeyFile" else super().same(key, old, new, state)

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """The root stays when the intermediate is issued anew, and everything else when only its key moves."""
        if state is None:
            return {}
        kept = {"rootCertificate", "rootFingerprint", "rootExpiry"}
        if not _is_issued_anew(inputs, state):
            kept |= {"intermediateCertificate", "intermediateKey", "certificateChain", "intermediateExpiry"}
        if bool(inputs.get("rootKeyFile")) != bool(state.get("rootKey")):
            kept |= {"rootKey"}
        return {key: state[key] for key in kept if key in state}

    def rehearse(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> None:
        """See whether the file for the root's key is as it must be, before anything is made."""
        path = str(inputs.get("rootKeyFile") or "")
        if path and (state is None or state.get("rootKey")):
            root_key_file.refuse(path)
        elif state is not None and not state.get("rootKey") and (not path or _is_issued_anew(inputs, state)):
            root_key_file.root(path or str(state.get("rootKeyFile")), str(state["rootCertificate"]))

    def create(self, operation: Operation, inputs: ChainInputs) -> tuple[str, ChainOutputs]:
        """Make both keys and certificates."""
        root = certificates.make_root(inputs.algorithm, inputs.root_days, inputs.organization)
        outputs = _outputs(root, inputs)
        if inputs.root_key_file:
            root_key_file.write(inputs.root_key_file, root.key_pem)
        return outputs.resource_id, outputs

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[ChainOutputs] | None:
        """What the state says is all there is; an import has nothing to read from."""
        return Found(self.outputs_of(state)) if state else None

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: ChainInputs
    ) -> ChainOutputs:
        """Issue a new intermediate under the same root, so that running proxies keep trusting; or move the root's key.

        Raises:
            ProviderError: the root's key was handed out, and is not where it should be.
        """
        old = self.outputs_of(state)
        path = inputs.root_key_file
        is_issued_anew = _is_issued_anew(inputs.to_wire(), state)
        key = old.root_key
        if key is None and (is_issued_anew or not path):
            key = root_key_file.root(path or str(state.get("rootKeyFile")), old.root_certificate).key_pem
        outputs = old
        if is_issued_anew and key is not None:
            outputs = _outputs(certificates.load(old.root_certificate, key), inputs)
        if path and old.root_key is not None:
            root_key_file.write(path, old.root_key)
        return outputs.model_copy(update={"root_key": None if path else key})

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Nothing lies outside the state."""


def _is_issued_anew(inputs: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    before: dict[str, Any] = {**defaults(ChainInputs), **state}
    return any(key not in inputs or inputs[key] != before.get(key) for key in _ISSUE)


def _outputs(root: certificates.Authority, inputs: ChainInputs) -> ChainOutputs:
    intermediate = certificates.make_intermediate(
        root,
        algorithm=inputs.algorithm,
        days=inputs.intermediate_days,
        organization=inputs.organization,
        hosts=[f"istiod.{inputs.istio_namespace}.svc"],
        trust_domain=inputs.trust_domain,
    )
    return ChainOutputs(
        root_certificate=root.certificate_pem,
        root_key=None if inputs.root_key_file else root.key_pem,
        intermediate_certificate=intermediate.certificate_pem,
        intermediate_key=intermediate.key_pem,
        certificate_chain=intermediate.certificate_pem + root.certificate_pem,
        root_fingerprint=root.fingerprint,
        root_expiry=iso(root.expiry),
        intermediate_expiry=iso(intermediate.expiry),
    )
