"""Certificates as the checks judge them."""

import datetime
import ssl
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tether.authority.pem import is_issued_by


def parse(pem: str) -> list[x509.Certificate]:
    """Certificates of a PEM bundle; empty where it holds none."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []


def fingerprint(certificate: x509.Certificate) -> str:
    """First eight bytes of the SHA-256 fingerprint: enough to tell two roots apart by eye."""
    return certificate.fingerprint(hashes.SHA256())[:8].hex(":").upper()


def full_fingerprint(certificate: x509.Certificate) -> str:
    """The whole SHA-256 fingerprint, bytes separated by colons."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def fingerprints(pem: str) -> str:
    """Fingerprints of every certificate of a bundle, for messages."""
    return ", ".join(fingerprint(certificate) for certificate in parse(pem)) or "no certificate"


def days_left(certificate: x509.Certificate, now: datetime.datetime | None = None) -> float:
    """Days until a certificate ends; negative once it has."""
    moment = now or datetime.datetime.now(datetime.UTC)
    return (certificate.not_valid_after_utc - moment) / datetime.timedelta(days=1)


def complaint_about_chain(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> str:
    """Why a certificate does not lead to one of the roots; empty where it does."""
    current = leaf
    for _ in range(len(others) + 1):
        if any(is_issued_by(current, root) for root in roots):
            return ""
        issuer = next((other for other in others if other is not current and is_issued_by(current, other)), None)
        if issuer is None:
            return (
                f"{current.subject.rfc4514_string() or 'the certificate'} is signed by none of the others or the root"
            )
        current = issuer
    return "the chain goes round in a circle"


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate may sign others (RFC 5280 §4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def uris(certificate: x509.Certificate) -> list[str]:
    """URIs among the subject's alternative names: a workload's SPIFFE identity."""
    return _names(certificate, x509.UniformResourceIdentifier)


def dns_names(certificate: x509.Certificate) -> list[str]:
    """DNS names among the subject's alternative names."""
    return _names(certificate, x509.DNSName)


def _names(certificate: x509.Certificate, kind: type[x509.UniformResourceIdentifier] | type[x509.DNSName]) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name) for name in names.get_values_for_type(kind)]


def to_pem(der: bytes) -> str:
    """PEM of a DER certificate."""
    return ssl.DER_cert_to_PEM_cert(der)
