"""What a trace checks, without asking anybody: token, certificates, injected pod."""

import base64
import binascii
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from cryptography import x509

from tether import durations
from tether.doctor import certificates
from tether.service_account_token import Claims
from tether.trace.record import Verdict

_CLOCK_SECONDS = 60
"""By how much clocks of two clusters may differ; istiod dates certificates back by two minutes."""


def of_token(found: Claims, subject: str, audiences: Sequence[str], now: datetime.datetime) -> tuple[Verdict, ...]:
    """Whether a token is one that istiod would take from this service account."""
    common = [audience for audience in found.audiences if audience in audiences]
    return (
        Verdict(what="audience", ok=bool(common), detail=", ".join(found.audiences) or "none"),
        Verdict(what="subject", ok=found.subject == subject, detail=found.subject or "none"),
        Verdict(what="valid now", ok=found.ends is None or found.ends > now, detail=_ends(found.ends, now)),
    )


def _ends(moment: datetime.datetime | None, now: datetime.datetime) -> str:
    if moment is None:
        return "it never ends"
    return durations.ending((moment - now).total_seconds())


def of_server(leaf: x509.Certificate, host: str, root: str, now: datetime.datetime) -> tuple[Verdict, ...]:
    """What a handshake that was accepted proved about the server."""
    return (
        Verdict(what="leads to the root", ok=True, detail=certificates.fingerprints(root)),
        Verdict(what="server name", ok=host in certificates.dns_names(leaf), detail=host),
        _valid_now(leaf, now),
    )


def of_client(chain: Sequence[x509.Certificate], root: str, now: datetime.datetime) -> tuple[Verdict, ...]:
    """Whether a certificate that a proxy shows is one that istiod takes.

    Args:
        chain: leaf first.
        root: PEM of the mesh's root.
        now: to judge by.
    """
    return (_leads_to_the_root(chain, certificates.parse(root)), _valid_now(chain[0], now))


def of_chain(
    chain: Sequence[x509.Certificate], *, root: str, identity: str, public_key: bytes, now: datetime.datetime
) -> tuple[Verdict, ...]:
    """Whether a signed chain is what the proxy asked for.

    Args:
        chain: leaf first, root last, as istiod answers.
        root: PEM of the root that the proxy was told.
        identity: SPIFFE identity that it must have.
        public_key: of the request, DER.
        now: to judge by.
    """
    leaf = chain[0]
    roots = certificates.parse(root)
    found = certificates.uris(leaf)
    spiffe = found[0] if found else ""
    last = certificates.fingerprint(chain[-1])
    return (
        Verdict(what="identity", ok=found == [identity], detail=spiffe or "none"),
        Verdict(what="trust domain", ok=_trust_domain(spiffe) == _trust_domain(identity), detail=_trust_domain(spiffe)),
        _leads_to_the_root(chain, roots),
        Verdict(what="same root", ok=chain[-1] in roots, detail=last),
        Verdict(what="key of the request", ok=_key(leaf) == public_key, detail="the proxy's own"),
        _valid_now(leaf, now),
    )


def _leads_to_the_root(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> Verdict:
    complaint = certificates.complaint_about_chain(chain[0], chain[1:], roots)
    return Verdict(what="leads to the root", ok=not complaint, detail=complaint or f"over {_signers(chain[0])}")


def _valid_now(leaf: x509.Certificate, now: datetime.datetime) -> Verdict:
    return Verdict(what="valid now", ok=_is_valid(leaf, now), detail=_ends(leaf.not_valid_after_utc, now))


def _signers(leaf: x509.Certificate) -> str:
    names = leaf.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME) or leaf.issuer.get_attributes_for_oid(
        x509.NameOID.ORGANIZATION_NAME
    )
    return str(names[0].value) if names else leaf.issuer.rfc4514_string()


def _trust_domain(spiffe: str) -> str:
    return spiffe.removeprefix("spiffe://").partition("/")[0]


def _key(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _is_valid(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    slack = datetime.timedelta(seconds=_CLOCK_SECONDS)
    return certificate.not_valid_before_utc - slack <= now <= certificate.not_valid_after_utc


def of_environment(
    found: Mapping[str, str], *, cluster_id: str, network: str, istiod: str, trust_domain: str
) -> tuple[Verdict, ...]:
    """Whether an injected proxy is told where it is and whom to ask; what is not known is not compared.

    Args:
        found: environment of the proxy's container.
        cluster_id: that the remote is meant to have.
        network: that it is meant to be on.
        istiod: host and port that the certificate request goes to.
        trust_domain: of the mesh.
    """
    wanted = (
        ("cluster ID", "ISTIO_META_CLUSTER_ID", cluster_id), ("network", "ISTIO_META_NETWORK", network),
        ("asks for certificates", "CA_ADDR", istiod), ("trust domain", "TRUST_DOMAIN", trust_domain),
    )  # fmt: skip
    return tuple(
        Verdict(what=what, ok=found.get(name, "") == value, detail=found.get(name) or "not set")
        for what, name, value in wanted
        if value
    )


def patched_environment(patch: str) -> dict[str, str] | None:
    """Environment of the proxy that an admission patch adds; None where it adds none.

    Args:
        patch: base64 of a JSON patch (RFC 6902), as an AdmissionReview carries it.
    """
    try:
        operations: Any = json.loads(base64.b64decode(patch))
    except (ValueError, binascii.Error):
        return None
    for part in _mappings(operations):
        if part.get("name") == "istio-proxy" and "image" in part:
            entries = cast("list[dict[str, Any]]", part.get("env") or [])
            return {str(entry["name"]): str(entry.get("value") or "") for entry in entries}
    return None


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        yield found
        for part in found.values():
            yield from _mappings(part)
    elif isinstance(value, list):
        for part in cast("list[Any]", value):
            yield from _mappings(part)
