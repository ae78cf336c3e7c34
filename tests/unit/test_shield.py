"""Secrets are planted in what nobody words beforehand, in a process of its own: a crash ends it."""

import subprocess
import sys

import pytest

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
PHRASE = "Gu7-planted-passphrase"
PLANTED = f"Bearer {TOKEN} and {PHRASE}"


def said_by(body: str) -> str:
    program = (
        "import logging, threading\nfrom tether import shield\n"
        f"shield.put_up(lambda: [{PHRASE!r}], advice='ask somebody')\n{body}"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "body",
    [
        f"logging.getLogger('some.library').warning('with %s', {PLANTED!r})",
        f"logging.basicConfig(); logging.getLogger('late').error({PLANTED!r})",
        f"try:\n  raise ValueError({PLANTED!r})\nexcept ValueError:\n  logging.exception('it failed')",
        f"raise ValueError({PLANTED!r})",
        f"threading.Thread(target=lambda: int({PLANTED!r})).start()",
        f"try:\n  int({PLANTED!r})\nexcept ValueError as error:\n  raise RuntimeError('outer') from error",
    ],
    ids=["a record", "a handler made later", "a record of an error", "a crash", "a crash of a thread", "a cause"],
)
def test_no_secret_is_said(body: str) -> None:
    said = said_by(body)

    assert "[secret]" in said
    assert TOKEN not in said
    assert PHRASE not in said


def test_a_crash_still_says_where_and_what_to_do() -> None:
    said = said_by(f"raise ValueError({PLANTED!r})")

    assert "ValueError: Bearer [secret] and [secret]" in said
    assert 'File "<string>", line 4' in said
    assert said.endswith("ask somebody\n")
