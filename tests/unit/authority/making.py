"""Authorities of every kind, made when a test asks for one."""

import datetime
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from tether.authority.forms import Material

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
RSA_2048 = rsa.generate_private_key(public_exponent=65537, key_size=2048)
"""One for all: making such a key takes long."""


@dataclass
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return key_pem(self.key, form=PrivateFormat.PKCS8)


def key_pem(key: Any, *, passphrase: str = "", form: PrivateFormat = PrivateFormat.TraditionalOpenSSL) -> str:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


def make(
    name: str = "Root CA",
    signer: Made | None = None,
    *,
    key: Any = None,
    days: float = 3650,
    since: float = -1,
    ca: bool | None = True,
    path_length: int | None = None,
    sign: bool | None = True,
    usages: tuple[x509.ObjectIdentifier, ...] = (),
    now: datetime.datetime = NOW,
) -> Made:
    """Make one certificate, signed by another or by itself.

    Args:
        name: its CN.
        signer: who signs it; itself if left out.
        key: its key; a new one on P-256 if left out.
        days: from now to its end.
        since: from now to its begin, in days.
        ca: whether it says to be an authority; None says nothing.
        path_length: how many authorities may follow.
        sign: whether its key usage has keyCertSign; None leaves the key usage out.
        usages: extended key usages.
        now: moment that the days count from.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=since))
        .not_valid_after(now + datetime.timedelta(days=days))
    )
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=path_length if ca else None)
        builder = builder.add_extension(constraints, critical=True)
    if sign is not None:
        builder = builder.add_extension(
            x509.KeyUsage(
                key_cert_sign=sign, digital_signature=True, crl_sign=False, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )  # fmt: skip
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return Made(builder.sign(signer.key if signer else key, hashes.SHA256()), key)


def chain(length: int, *, now: datetime.datetime = NOW, **of_the_signer: Any) -> list[Made]:
    """The signing certificate first, its root last; ``length`` in all."""
    made = [make(now=now)]
    for index in range(length - 1):
        last = index == length - 2
        made.insert(0, make(f"CA {index}", made[0], now=now, **(of_the_signer if last else {})))
    return made


def material(made: list[Made], **changes: Any) -> Material:
    texts: dict[str, Any] = {
        "ca_cert": made[0].pem,
        "ca_key": made[0].key_pem,
        "root_cert": made[-1].pem,
        "cert_chain": "".join(one.pem for one in made[1:-1]),
    }
    return Material(**{**texts, **changes})
