"""The mesh's certificate authority: a root, and the intermediate that istiod signs with."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pydantic

from tether_provider import certificates
from tether_provider.resource import REPLACES, SECRET, Failure, Found, Operation, Resource, Wire


class ChainInputs(Wire):
    """What is asked of the authority."""

    algorithm: Literal["ecdsa-p256", "rsa-4096"] = pydantic.Field(default="ecdsa-p256", json_schema_extra=REPLACES)
    root_days: int = pydantic.Field(default=3650, ge=1, json_schema_extra=REPLACES)
    intermediate_days: int = pydantic.Field(default=1825, ge=1)
    organization: str = pydantic.Field(default="Tether", min_length=1, max_length=64, json_schema_extra=REPLACES)
    istio_namespace: str = "istio-system"
    trust_domain: str = "cluster.local"


class ChainOutputs(Wire):
    """Certificates and keys, PEM."""

    root_certificate: str
    root_key: str = pydantic.Field(json_schema_extra=SECRET)
    intermediate_certificate: str
    intermediate_key: str = pydantic.Field(json_schema_extra=SECRET)
    certificate_chain: str
    """Intermediate and root: ``cert-chain.pem`` of istiod's Secret ``cacerts``."""
    root_fingerprint: str
    """SHA-256, colon-separated hexadecimal."""
    root_expiry: str
    """ISO 8601, UTC."""
    intermediate_expiry: str


class CertificateChain(Resource[ChainInputs, ChainOutputs]):
    """Root and intermediate as istiod wants them (reference: Istio tools/certs/common.mk)."""

    token = "tether:index:CertificateChain"  # noqa: S105 - a type token
    description = "A root certificate and the intermediate with which istiod signs."
    inputs_type = ChainInputs
    outputs_type = ChainOutputs

    def check(self, inputs: Mapping[str, Any]) -> Iterable[Failure]:
        """An intermediate must not outlive its root."""
        root, intermediate = inputs.get("rootDays", 3650), inputs.get("intermediateDays", 1825)
        if intermediate > root:
            yield Failure(
                "intermediateDays",
                f"is {intermediate}, more than rootDays {root}; nothing verifies once the root has expired",
            )

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """The root stays when the intermediate is issued anew."""
        kept = ("rootCertificate", "rootKey", "rootFingerprint", "rootExpiry")
        return {key: state[key] for key in kept if state and key in state}

    def create(self, operation: Operation, inputs: ChainInputs) -> tuple[str, ChainOutputs]:
        """Make both keys and certificates."""
        root = certificates.make_root(inputs.algorithm, inputs.root_days, inputs.organization)
        outputs = _outputs(root, inputs)
        return outputs.root_fingerprint.replace(":", "")[:16].lower(), outputs

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[ChainOutputs] | None:
        """What the state says is all there is; an import has nothing to read from."""
        return Found(self.outputs_of(state)) if state else None

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: ChainInputs
    ) -> ChainOutputs:
        """Issue a new intermediate under the same root; running proxies keep trusting."""
        old = self.outputs_of(state)
        return _outputs(certificates.load(old.root_certificate, old.root_key), inputs)

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Nothing lies outside the state."""


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
        root_key=root.key_pem,
        intermediate_certificate=intermediate.certificate_pem,
        intermediate_key=intermediate.key_pem,
        certificate_chain=intermediate.certificate_pem + root.certificate_pem,
        root_fingerprint=root.fingerprint,
        root_expiry=_iso(root.expiry),
        intermediate_expiry=_iso(intermediate.expiry),
    )


def _iso(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds")
