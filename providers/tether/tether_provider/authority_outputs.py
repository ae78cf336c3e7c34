"""What every certificate authority tells, whoever made it."""

import datetime
from collections.abc import Mapping
from typing import Any

import pydantic

from tether_provider.resource import SECRET, Operation, Wire


class AuthorityOutputs(Wire):
    """What everybody may know."""

    root_certificate: str
    """PEM, byte for byte what istiod is given; several while one root takes over from another."""
    intermediate_certificate: str
    """The certificate that istiod signs with, PEM."""
    root_fingerprint: str
    """SHA-256 of the root that the signing certificate leads to, colon-separated hexadecimal."""
    root_expiry: str
    """ISO 8601, UTC."""
    intermediate_expiry: str

    @property
    def resource_id(self) -> str:
        """What the engine knows the authority by: its root."""
        return self.root_fingerprint.replace(":", "")[:16].lower()


class SigningOutputs(AuthorityOutputs):
    """An authority whose key the state holds."""

    intermediate_key: str = pydantic.Field(json_schema_extra=SECRET)
    certificate_chain: str
    """From the signing certificate up to its root: ``cert-chain.pem`` of istiod's Secret ``cacerts``."""


def iso(moment: datetime.datetime) -> str:
    """A moment as outputs say it: ISO 8601, UTC, to the second."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds")


def warn_of_another_root(operation: Operation, state: Mapping[str, Any] | None, root: str | None) -> None:
    """Tell that roots are about to change, or just did; nothing where they stay, or are not known.

    istiod keeps its root while it runs (istio/istio pilot/pkg/bootstrap/istio_ca.go, handleEvent), and
    webhooks that carry another no longer trust it.
    """
    if state and root is not None and root != state.get("rootCertificate"):
        operation.log.warning(
            "this is another root. A running istiod refuses it unless ISTIO_MULTIROOT_MESH is set and one bundle "
            "contains the other, and while it has the old one no pod is injected and no new proxy connects. "
            "See docs/explanation/certificate-authority.md"
        )
