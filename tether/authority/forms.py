"""The parts of an authority, and the two forms in which istiod finds them in a Secret.

Nothing here loads ``cryptography``: the program asks for fingerprints and dates at every preview.
"""

import datetime
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tether.authority import blocks

SOON_DAYS = 30
"""A certificate that ends sooner is worth a word: renewing a CA by hand takes planning."""
_DAY = datetime.timedelta(days=1)


class Part(StrEnum):
    """One of the texts that make an authority; named as in the settings."""

    CA_CERT = "caCert"
    CA_KEY = "caKey"
    ROOT_CERT = "rootCert"
    CERT_CHAIN = "certChain"


ISTIOD_KEYS: Mapping[Part, str] = {
    Part.CA_CERT: "ca-cert.pem",
    Part.CA_KEY: "ca-key.pem",
    Part.ROOT_CERT: "root-cert.pem",
    Part.CERT_CHAIN: "cert-chain.pem",
}
"""Keys of Secret ``cacerts``."""
TLS_KEYS: Mapping[Part, str] = {Part.CA_CERT: "tls.crt", Part.CA_KEY: "tls.key", Part.ROOT_CERT: "ca.crt"}
"""The same as cert-manager writes them; istiod looks for these first (istio/istio pilot/pkg/bootstrap/istio_ca.go)."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """An authority as PEM texts."""

    ca_cert: str
    """The certificate that istiod signs with."""
    ca_key: str | None
    """Its key; None where it cannot be seen, and is not judged."""
    root_cert: str
    """One root, or several while one takes over from another."""
    cert_chain: str = ""
    """What lies between; ``caCert`` and roots may be in it."""


def fingerprint(pem: str) -> str:
    """SHA-256 of the first certificate, as openssl writes it; empty where there is none."""
    found = blocks.BLOCK.search(pem)
    if not found:
        return ""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).digest().hex(":").upper()


def days_left(expiry: str, now: datetime.datetime | None = None) -> float | None:
    """Days until a moment (ISO 8601), negative once it is over; None where it is no moment."""
    try:
        until = datetime.datetime.fromisoformat(expiry)
    except (TypeError, ValueError):
        return None
    return (until - (now or datetime.datetime.now(datetime.UTC))) / _DAY


def in_istiods_form(data: Mapping[str, str]) -> dict[str, str]:
    """The content of a Secret ``cacerts`` by istiod's own keys, whichever of the two forms it has.

    In cert-manager's form, ``tls.crt`` begins with the signing certificate and may go on with what lies between.
    """
    if TLS_KEYS[Part.CA_CERT] not in data:
        return dict(data)
    signing = data[TLS_KEYS[Part.CA_CERT]]
    first = blocks.BLOCK.search(signing)
    root = data.get(TLS_KEYS[Part.ROOT_CERT], "")
    forms = {
        Part.CA_CERT: first[0] if first else signing,
        Part.CA_KEY: data.get(TLS_KEYS[Part.CA_KEY], ""),
        Part.ROOT_CERT: root,
        Part.CERT_CHAIN: f"{signing.rstrip()}\n{root}",
    }
    return {ISTIOD_KEYS[part]: text for part, text in forms.items() if text.strip()}
