"""Certificates and keys out of PEM texts, with nothing passed over; ``cryptography`` is loaded on first use."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from tether.authority.blocks import BLOCK

if TYPE_CHECKING:
    from cryptography import x509

RSA_LEAST_BITS = 2048
"""Istio's own minimum (istio/istio security/pkg/pki/util/generate_csr.go, MinimumRsaKeySize)."""
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
ALGORITHM_WHY = (
    f"Istio makes RSA (from {RSA_LEAST_BITS} bits on) and ECDSA keys; taken are those, on P-256, P-384 and P-521"
)
_KEY_LABELS = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")
"""What istiod reads (istio/istio security/pkg/pki/util/crypto.go, ParsePemEncodedKey)."""


class UnfitError(Exception):
    """A text that cannot be used.

    Attributes:
        wrong: what is wrong.
        why: why it matters.
        remedy: command that turns a file into what is wanted, where there is one; ``FILE`` stands for its name.
    """

    def __init__(self, wrong: str, why: str, remedy: str = "") -> None:
        super().__init__(wrong)
        self.wrong, self.why, self.remedy = wrong, why, remedy


def normal(pem: str) -> str:
    """The same certificates without anything around them, lines as every encoder writes them.

    Raises:
        ValueError: it holds something else than certificates.
    """
    try:
        return "".join(to_pem(certificate) for certificate in certificates(pem))
    except UnfitError as error:
        raise ValueError(error.wrong) from None


def to_pem(certificate: x509.Certificate) -> str:
    """One certificate as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _blocks(text: str) -> list[re.Match[str]]:
    found = list(BLOCK.finditer(text))
    if BLOCK.sub("", text).strip():
        wrong = "holds more than PEM blocks" if found else "is no PEM"
        lost = " (it has lost its line breaks)" if "-----BEGIN" in text and "\n" not in text.strip() else ""
        raise UnfitError(
            f"{wrong}{lost}",
            "every reader makes something else of what is around a block, and webhooks are compared byte by byte",
        )
    if not found:
        raise UnfitError("is empty", "istiod takes a whole authority or none")
    return found


def certificates(text: str) -> list[x509.Certificate]:
    """Every certificate of a text.

    Raises:
        UnfitError: there is none, or something else beside them.
    """
    from cryptography import x509

    found: list[x509.Certificate] = []
    for block in _blocks(text):
        if block["label"] != "CERTIFICATE":
            raise UnfitError(
                f"holds a block {block['label']} where only CERTIFICATE belongs",
                "it goes to every workload of the mesh" if "PRIVATE" in block["label"] else "istiod reads nothing else",
            )
        try:
            der = base64.b64decode("".join(block["body"].split()), validate=True)
            certificate = x509.load_der_x509_certificate(der)
            _read_whole(certificate)
        except (
            ValueError, TypeError, unsupported(),
            x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType,
        ):  # fmt: skip
            raise UnfitError("holds a certificate that cannot be read", "istiod could not read it either") from None
        found.append(certificate)
    return found


def _read_whole(certificate: x509.Certificate) -> None:
    """Have every field parsed that is judged later: the library does so at the first use, and complains then."""
    _ = (certificate.subject, certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    _ = (certificate.extensions, certificate.public_key(), certificate.signature_hash_algorithm)
    if certificate.serial_number <= 0:
        raise ValueError("Go, and with it istiod, reads positive serial numbers only (RFC 5280 §4.1.2.2)")


def only_certificate(text: str) -> x509.Certificate:
    """The certificate of a text.

    Raises:
        UnfitError: there is none, or more than one.
    """
    found = certificates(text)
    if len(found) > 1:
        raise UnfitError(
            f"holds {len(found)} certificates", "istiod signs with the first; the others belong into certChain"
        )
    return found[0]


def key(text: str) -> Any:
    """The private key of a text.

    Raises:
        UnfitError: istiod could not use it.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    blocks = _blocks(text)
    to_plain = "openssl pkey -in FILE -out plain.pem"
    if any(block["label"] == "ENCRYPTED PRIVATE KEY" or "ENCRYPTED" in block["body"] for block in blocks):
        raise UnfitError("is encrypted", "nobody could give istiod the passphrase", to_plain)
    if len(blocks) > 1 or blocks[0]["label"] not in _KEY_LABELS:
        labels = ", ".join(block["label"] for block in blocks)
        raise UnfitError(
            f"holds {labels} where one of {', '.join(_KEY_LABELS)} belongs",
            "istiod reads the first block and no other",
            to_plain,
        )
    try:
        found: Any = load_pem_private_key(blocks[0][0].encode(), None)
    except (ValueError, TypeError, unsupported()):
        raise UnfitError("is a key that cannot be read", "istiod could not read it either") from None
    if complaint := about_algorithm(found.public_key()):
        raise UnfitError(complaint, ALGORITHM_WHY)
    return found


def about_algorithm(public_key: Any) -> str:
    """What is wrong with a key's kind and size; empty where nothing is."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(public_key, rsa.RSAPublicKey):
        short = public_key.key_size < RSA_LEAST_BITS
        return f"has an RSA key of {public_key.key_size} bits" if short else ""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return "" if public_key.curve.name in _CURVES else f"has a key on the curve {public_key.curve.name}"
    return f"has a key of type {type(public_key).__name__.removesuffix('PublicKey')}"


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name and key fit the certificate's signature."""
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, unsupported()):
        return False
    return True


def unsupported() -> type[Exception]:
    """What ``cryptography`` raises at algorithms that it does not know."""
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def public_bytes(holder: Any) -> bytes:
    """The public key of a certificate or private key, DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
