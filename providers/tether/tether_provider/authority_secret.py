"""Secret ``cacerts`` that somebody else keeps up to date: awaited, read, never written."""

import base64
from collections.abc import Mapping
from typing import Any, cast

import pydantic

from tether import gate, kube
from tether.authority import forms, judging, pem
from tether.authority.forms import ISTIOD_KEYS, TLS_KEYS, Material, Part
from tether_provider.authority_outputs import AuthorityOutputs, iso, warn_of_another_root
from tether_provider.remote_ready import await_gate
from tether_provider.resource import SECRET, Found, Operation, Resource, Wire


class SecretInputs(Wire):
    """Where the Secret is."""

    kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    istio_namespace: str = "istio-system"
    secret_name: str = "cacerts"  # noqa: S105 - a name, no secret
    timeout_seconds: float = pydantic.Field(default=300, gt=0)


_ASKED_BY = ("kubeconfig", "istioNamespace", "secretName")


class AuthoritySecret(Resource[SecretInputs, AuthorityOutputs]):
    """Created once the Secret is there and is fit for istiod; looked at anew at every preview."""

    token = "tether:index:AuthoritySecret"  # noqa: S105 - a type token
    description = "Waits for a Secret cacerts that somebody else keeps, and reads its certificates."
    inputs_type = SecretInputs
    outputs_type = AuthorityOutputs

    def same(self, key: str, old: Any, new: Any, state: Mapping[str, Any]) -> bool:
        """How long was waited says nothing about what was read."""
        return key == "timeoutSeconds" or super().same(key, old, new, state)

    def outdated(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
        """Whoever keeps the Secret renews it without a word to the engine."""
        found = _look(inputs)
        return None if found is None or found == self.outputs_of(state) else "secretName"

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """What is there already."""
        found = _look(inputs)
        return found.to_wire() if found else {}

    def rehearse(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> None:
        """Say beforehand what another root does to a mesh that runs."""
        warn_of_another_root(operation, state, self.foresee(inputs, state).get("rootCertificate"))

    def create(self, operation: Operation, inputs: SecretInputs) -> tuple[str, AuthorityOutputs]:
        """Wait for the Secret."""
        where = f"Secret {inputs.secret_name} in namespace {inputs.istio_namespace}"
        with kube.connect(inputs.kubeconfig) as primary:
            step = gate.Step(where, lambda: _probe(primary, inputs.istio_namespace, inputs.secret_name))
            (found,) = await_gate(operation, [step], inputs.timeout_seconds)
        return f"{inputs.istio_namespace}/{inputs.secret_name}", found.value

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[AuthorityOutputs] | None:
        """Read it anew; where that cannot be done, what was read last still holds."""
        if not state:
            return None
        return Found(_look(state) or self.outputs_of(state))

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: SecretInputs
    ) -> AuthorityOutputs:
        """Take over what the Secret holds by now."""
        outputs = self.create(operation, inputs)[1]
        warn_of_another_root(operation, state, outputs.root_certificate)
        return outputs

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """The Secret is somebody else's."""


def _look(inputs: Mapping[str, Any]) -> AuthorityOutputs | None:
    """One look at the Secret; None where it cannot be read, or is not fit."""
    if not all(inputs.get(key) for key in _ASKED_BY):
        return None
    try:
        with kube.connect(inputs["kubeconfig"]) as primary:
            return _probe(primary, inputs["istioNamespace"], inputs["secretName"]).value
    except kube.KubeError:
        return None


def _probe(primary: kube.Api, namespace: str, name: str) -> gate.Finding:
    secret = primary.find(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    if secret is None:
        return gate.Finding(
            ready=False,
            seen="it does not exist",
            cause="certificateAuthority.source is existing, so somebody else has to make it, and nobody has yet. With "
            f"cert-manager: kubectl -n {namespace} describe certificate,certificaterequest",
        )
    data = _decoded(secret)
    names = TLS_KEYS if TLS_KEYS[Part.CA_CERT] in data else ISTIOD_KEYS
    missing = [key for key in names.values() if not data.get(key, "").strip()]
    if missing:
        return gate.Finding(
            ready=False,
            seen=f"it has no {', '.join(missing)}",
            cause=f"istiod takes {', '.join(ISTIOD_KEYS.values())}, or {', '.join(TLS_KEYS.values())}, whole. "
            "An issuer that does not know its own root leaves ca.crt out",
        )
    return _judged(forms.in_istiods_form(data), names)


def _decoded(secret: kube.Object) -> dict[str, str]:
    """What a Secret holds, as text; what is none is no PEM either, and is judged as such."""
    data = cast("dict[str, str]", secret.get("data") or {})
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _judged(data: Mapping[str, str], names: Mapping[Part, str]) -> gate.Finding:
    material = Material(
        ca_cert=data[ISTIOD_KEYS[Part.CA_CERT]],
        ca_key=data[ISTIOD_KEYS[Part.CA_KEY]],
        root_cert=data[ISTIOD_KEYS[Part.ROOT_CERT]],
        cert_chain=data[ISTIOD_KEYS[Part.CERT_CHAIN]],
    )
    judgement = judging.judge(material)
    if judgement.complaints:
        said = "; ".join(f"{names.get(one.part, one.part)} {one.wrong}" for one in judgement.complaints)
        return gate.Finding(ready=False, seen=said, cause="whoever makes it makes it in a way that istiod cannot use")
    signer, root = judgement.path[0], judgement.path[-1]
    return gate.Finding(
        ready=True,
        seen="it is there",
        value=AuthorityOutputs(
            root_certificate=material.root_cert,
            intermediate_certificate=pem.to_pem(signer),
            root_fingerprint=forms.fingerprint(pem.to_pem(root)),
            root_expiry=iso(root.not_valid_after_utc),
            intermediate_expiry=iso(signer.not_valid_after_utc),
        ),
    )
