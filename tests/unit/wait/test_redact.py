import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether.redact import MASK, redact

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIOZzz\n-----END EC PRIVATE KEY-----"
TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6Ing.eyJpc3MiOiJrdWJlcm5ldGVzL3Nlc.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key is\n{KEY}\nend", "MHcCAQEEIOZzz"),
        ("cut off -----BEGIN RSA PRIVATE KEY-----\nMIIEow", "MIIEow"),
        (f"token {TOKEN} was refused", "eyJpc3MiOiJrdWJlcm5ldGVzL3Nlc"),
        ("Authorization: Bearer abc.def-123456", "abc.def-123456"),
        ("users:\n- user:\n    client-key-data: TFMwdExTMUNSVWRKVGc=\n", "TFMwdExTMUNSVWRKVGc="),
        ("    token: k8s-aws-v1.aHR0cHM6", "k8s-aws-v1.aHR0cHM6"),
        ('{"password": "hunter22", "user": "me"}', "hunter22"),
        (base64.b64encode(KEY.encode()).decode(), base64.b64encode(KEY.encode()).decode()),
    ],
)
def test_credentials_are_masked(text: str, secret: str) -> None:
    masked = redact(text)

    assert secret not in masked
    assert MASK in masked


def test_what_is_no_secret_stays_readable() -> None:
    text = "cluster cluster1-0a0a0a0a: createTimeoutSeconds 300 — tokenreviews.authentication.k8s.io is forbidden"

    assert redact(text) == text


def test_known_secrets_are_masked_wherever_they_stand() -> None:
    assert redact("x swordfish y swordfish-2", "swordfish", "swordfish-2", "x") == f"x {MASK} y {MASK}"


def test_in_commands_the_name_of_a_secret_masks_nothing_but_credentials_are_masked() -> None:
    command = "TOKEN=$(kubectl get secret reader)\nsed s/token:.*/token:x/"

    assert redact(command, fields=False) == command
    assert redact(f"{command} {TOKEN}", fields=False) == f"{command} {MASK}"


OTHER_TEXT = st.text(alphabet="xyz \n:\"'{}")


@given(OTHER_TEXT, st.text(alphabet="abcdef0123456789", min_size=12, max_size=40), OTHER_TEXT)
def test_a_token_field_never_survives(before: str, token: str, after: str) -> None:
    assert token not in redact(f"{before}\ntoken: {token}\n{after}")


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


@pytest.mark.parametrize(
    ("document", "masked"),
    [
        ('{"f:token": {}, "a": 1}', '{"f:token": {}, "a": 1}'),
        ('{"token": {"value": 1}}', '{"token": {"value": 1}}'),
        ('{"token": {"password": "hunter22"}}', '{"token": {"password": "[secret]"}}'),
        ("password={SSHA}abcdef", "password=[secret]"),
    ],
)
def test_an_object_under_a_telling_name_stays_json_and_is_masked_inside(document: str, masked: str) -> None:
    assert redact(document) == masked
