"""Keys and certificates of the mesh's authority; ``cryptography`` is loaded on first use."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

Algorithm = Literal["ecdsa-p256", "rsa-4096"]

_SKEW = datetime.timedelta(minutes=5)
"""Certificates are valid from a little before now, for machines whose clocks are behind."""


@dataclass(frozen=True)
class Authority:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def certificate_pem(self) -> str:
        """The certificate, PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key, PEM, PKCS #1 or SEC 1: the two that istiod is documented with."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

    @property
    def fits(self) -> bool:
        """Whether the key is the certificate's."""
        return self.key.public_key() == self.certificate.public_key()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as openssl writes it."""
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.certificate.fingerprint(SHA256()).hex(":").upper()

    @property
    def expiry(self) -> datetime.datetime:
        """When the certificate ends, UTC."""
        return self.certificate.not_valid_after_utc


def load(certificate_pem: str, key_pem: str) -> Authority:
    """An authority out of its PEM texts."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(key_pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError("the authority's key is neither ECDSA nor RSA")
    return Authority(x509.load_pem_x509_certificate(certificate_pem.encode()), key)


def make_root(algorithm: Algorithm, days: int, organization: str) -> Authority:
    """A root that signs itself.

    Args:
        algorithm: of its key.
        days: how long it is valid.
        organization: its O; the CN is ``Root CA``.
    """
    key = _make_key(algorithm)
    name = _name(organization, "Root CA")
    builder = _builder(name, name, key, days)
    builder = _as_authority(builder, key, key, path_length=None)
    return Authority(builder.sign(key, _hash()), key)


def make_intermediate(
    root: Authority,
    *,
    algorithm: Algorithm,
    days: int,
    organization: str,
    hosts: Sequence[str],
    trust_domain: str,
) -> Authority:
    """An intermediate that may sign workloads but no further authority (``pathlen:0``).

    Args:
        root: signs it; the intermediate never outlives it.
        algorithm: of its key.
        days: how long it is valid.
        organization: its O; the CN is ``Intermediate CA``.
        hosts: DNS names of istiod, as in Istio's own tools/certs/common.mk.
        trust_domain: its L tells which mesh it is for.
    """
    from cryptography import x509

    key = _make_key(algorithm)
    name = _name(organization, "Intermediate CA", trust_domain)
    builder = _builder(name, root.certificate.subject, key, days, latest=root.expiry)
    builder = _as_authority(builder, key, root.key, path_length=0)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    return Authority(builder.add_extension(names, critical=False).sign(root.key, _hash()), key)


def _make_key(algorithm: Algorithm) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if algorithm == "ecdsa-p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=4096)


def _hash() -> hashes.SHA256:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


def _name(organization: str, common: str, locality: str = "") -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)]
    parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common))
    if locality:
        parts.append(x509.NameAttribute(NameOID.LOCALITY_NAME, locality))
    return x509.Name(parts)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: int, latest: datetime.datetime | None = None
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    until = now + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(min(until, latest) if latest else until)
    )


def _as_authority(
    builder: x509.CertificateBuilder, key: PrivateKey, signer: PrivateKey, *, path_length: int | None
) -> x509.CertificateBuilder:
    from cryptography import x509

    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
