"""Which texts are credentials, and where a document holds them."""

import base64
from typing import Any

import pytest

from tether.redact import HIDDEN, MASK, holds_credential, plain_credentials

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        encoded(KEY),
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "Authorization: Bearer abcdefgh12345678",
        f"apiVersion: v1\nusers:\n- user:\n    client-key-data: {encoded(KEY)}\n",
        "apiVersion: v1\nusers:\n- user:\n    token: not-a-web-token\n",
        '{"apiVersion": "v1", "users": [{"user": {"token": "not-a-web-token"}}]}',
    ],
)
def test_keys_tokens_and_kubeconfigs_with_either_are_credentials(text: str) -> None:
    assert holds_credential(text)


@pytest.mark.parametrize("text", ["", "mesh1", CERTIFICATE, encoded(CERTIFICATE), "ca-key.pem", "token: one line"])
def test_certificates_names_and_paths_are_none(text: str) -> None:
    assert not holds_credential(text)


def test_a_document_tells_the_places_and_never_the_values() -> None:
    document: Any = {
        "certificateAuthority": {"caKey": KEY, "caCert": CERTIFICATE, "file": "ca-key.pem"},
        "users": [{"token": "abc"}, {"token": HIDDEN}, {"client-secret": MASK}, {"password": ""}],
    }
    assert list(plain_credentials(document)) == [("certificateAuthority", "caKey"), ("users", 0, "token")]
