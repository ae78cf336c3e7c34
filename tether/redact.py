"""Masks secrets in any text that leaves a process: errors, logs, diagnostics."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

MASK = "[secret]"
HIDDEN = "hidden"
"""Stands for an encrypted value of a stack file; only the engine can read it."""

LEAST = 6
"""Letters of a known value that is masked; masking shorter ones would make a text unreadable."""

_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_FIELD = re.compile(
    r"""(?ix)
    (?P<name> ["']? \b (?: client-key-data | client-certificate-data | token | password | passwd | passphrase
        | secret | id-token | refresh-token | access-token | client-secret | clientkeydata ) \b ["']? \s* [:=] \s* )
    (?P<quote> ["']? )
    (?! \{ \s* ["'}] )  # an object of JSON is no value, and masked inside
    (?P<value> (?: \{\w+\} )? [^\s"',}\]]+ )
    """
)
_LONG_BASE64 = re.compile(r"(?<![\w+/=])(?:LS0tLS1CRUdJTi[\w+/=]{16,})")


_CREDENTIAL_KEYS = frozenset(
    {
        "accesstoken", "clientkeydata", "clientsecret", "idtoken", "passphrase", "passwd", "password", "refreshtoken",
        "token",
    }
)  # fmt: skip
"""Keys whose text is a credential whatever it looks like, in small letters without '-' and '_'. A key's is not among
them: it may be the path of a file."""


def plain_credentials(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Where a document holds credentials in the clear: paths only, never values.

    Args:
        value: a document, in which mappings that stand for an encrypted value were replaced or left out.
        path: of the document itself.
    """
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from plain_credentials(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from plain_credentials(inner, (*path, index))
    elif isinstance(value, str) and _is_credential(str(path[-1]) if path else "", value):
        yield path


def _is_credential(key: str, text: str) -> bool:
    if not text or text in (MASK, HIDDEN):
        return False
    return re.sub(r"[-_]", "", key).lower() in _CREDENTIAL_KEYS or holds_credential(text)


def holds_credential(text: str) -> bool:
    """Whether a text is a credential or carries one: a private key, a token, a kubeconfig with either.

    Certificates are none, in base64 neither: every webhook carries one in the clear.
    """
    if any(sign.search(text) for sign in (_PRIVATE_KEY, _JSON_WEB_TOKEN, _BEARER)):
        return True
    if any(_is_key_in_base64(match.group()) for match in _LONG_BASE64.finditer(text)):
        return True
    # One line that is no document may merely speak of a token.
    is_document = "\n" in text or text.lstrip().startswith("{")
    return is_document and _FIELD.sub(_mask_field, text) != text


def _is_key_in_base64(text: str) -> bool:
    # Cut off at a whole group: the first lines of a PEM text tell what it is.
    return b"PRIVATE KEY" in base64.b64decode(text[: len(text) // 4 * 4][:64], altchars=b"-_")


def redact(text: str, *secrets: str, fields: bool = True) -> str:
    """Replace everything that looks like a credential by ``[secret]``.

    Masks PEM private keys (also cut off ones), JSON web tokens, bearer and basic
    credentials, base64 of PEM blocks, and the values of kubeconfig fields that hold
    credentials.

    Args:
        text: any text.
        secrets: values known to be secret; those shorter than ``LEAST`` are ignored.
        fields: whether values of fields are masked by the field's name. Not so in commands
            that are to be pasted: ``TOKEN=$(kubectl …)`` names a secret and holds none.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= LEAST:
            text = text.replace(secret, MASK)
    text = _PRIVATE_KEY.sub(MASK, text)
    text = _JSON_WEB_TOKEN.sub(MASK, text)
    text = _BEARER.sub(lambda match: f"{match.group(1)} {MASK}", text)
    text = _LONG_BASE64.sub(MASK, text)
    return _FIELD.sub(_mask_field, text) if fields else text


def hide(value: Any, is_secret: Callable[[dict[str, Any]], bool], mark: str) -> Any:
    """A document with a mark in the place of every mapping that stands for a secret."""
    if isinstance(value, list):
        return [hide(inner, is_secret, mark) for inner in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    return mark if is_secret(found) else {key: hide(inner, is_secret, mark) for key, inner in found.items()}


def _mask_field(match: re.Match[str]) -> str:
    if match.group("value").startswith("[secret"):
        return match.group(0)
    return f"{match.group('name')}{match.group('quote')}{MASK}"
