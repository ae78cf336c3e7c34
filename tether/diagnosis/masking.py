"""Takes secrets out of what is collected: by where they stand, by what they look like, and by their value.

By value, because a password that an application was given may stand anywhere: whatever the Secrets of a cluster hold is
masked wherever else it appears.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from tether import kube
from tether.redact import LEAST, MASK, redact

_MOST = 16384
"""Letters of a value that is looked for; what is longer stands nowhere but in its Secret."""
_PUBLIC_KEYS = frozenset({"namespace", "ca.crt", "tls.crt", "root-cert.pem", "ca-cert.pem", "cert-chain.pem"})
"""Of Secrets: what everybody may know (Kubernetes' and Istio's names)."""
_PUBLIC_TYPES = frozenset({"helm.sh/release.v1"})
_SECRET_NAME = re.compile(r"(?i)token|secret|passw|passphrase|credential|api_?key|private|(?<![a-z])pwd(?![a-z])")
"""Of environment variables and arguments."""
_ARGUMENT = re.compile(r"(?P<name>--?[\w-]+)=(?P<value>.+)", re.DOTALL)
_NOISE = ("managedFields",)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Masking:
    """Knows the secrets of a mesh by value."""

    def __init__(self, secrets: Iterable[str] = (), *, names: Iterable[str] = ()) -> None:
        """Remember secrets.

        Args:
            secrets: their values.
            names: that stay readable even if they are a secret's value: those of namespaces, clusters and accounts.
        """
        self._plain = frozenset(names) | {"default", "istiod", "system"}
        self._known = sorted({form for secret in secrets for form in _forms(secret) if form not in self._plain})

    def knowing(self, more: Iterable[str]) -> "Masking":
        """One that knows more secrets."""
        return Masking([*self._known, *more], names=self._plain)

    def text(self, content: str) -> str:
        """A text without secrets."""
        return redact(content, *self._known)

    def document(self, value: Any) -> str:
        """A Kubernetes object, a list of them or any other document as JSON without secrets."""
        return self.text(json.dumps(_bare(value), indent=1, default=str)) + "\n"


def values_of(secret: kube.Object) -> Iterator[str]:
    """What a Secret holds that nobody may know."""
    if secret.get("type") in _PUBLIC_TYPES:
        return
    for key, encoded in cast("Mapping[str, str]", secret.get("data") or {}).items():
        if key not in _PUBLIC_KEYS:
            value = _decoded(encoded)
            if value is not None and not value.lstrip().startswith("-----BEGIN CERTIFICATE-----"):
                yield value


def _decoded(encoded: str) -> str | None:
    """What stands behind base64; what is no text stays as it is, and None where it is no base64."""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except binascii.Error:
        return None
    except UnicodeDecodeError:
        return encoded


def _forms(secret: str) -> Iterator[str]:
    """Ways in which a value is written."""
    value = secret.strip()
    if not LEAST <= len(value) <= _MOST:
        return
    yield value
    yield json.dumps(value)[1:-1]
    yield base64.b64encode(secret.encode()).decode()


def _bare(value: Any) -> Any:
    """A document without what is secret by where it stands, and without what only machines read."""
    if isinstance(value, list):
        return [_bare(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    if found.get("kind") == "Secret":
        found = _without_data(found)
    if isinstance(found.get("name"), str) and isinstance(found.get("value"), str):
        found = {**found, "value": MASK} if _SECRET_NAME.search(found["name"]) else found
    return {key: _of_key(key, item) for key, item in found.items() if key not in _NOISE}


def _of_key(key: str, value: Any) -> Any:
    if key == "annotations" and isinstance(value, dict):
        return _bare({name: said for name, said in cast("dict[str, Any]", value).items() if name != _LAST_APPLIED})
    if key in ("args", "command") and isinstance(value, list):
        return _arguments(cast("list[Any]", value))
    return _bare(value)


def _arguments(words: list[Any]) -> list[Any]:
    """Arguments of a program; the value of one with a telling name may stand in it or after it."""
    found: list[Any] = []
    follows = False
    for word in words:
        text = str(word)
        joined = _ARGUMENT.fullmatch(text)
        if joined and _SECRET_NAME.search(joined["name"]):
            found.append(f"{joined['name']}={MASK}")
        else:
            found.append(MASK if follows and not text.startswith("-") else word)
        follows = not joined and text.startswith("-") and bool(_SECRET_NAME.search(text))
    return found


def _without_data(secret: kube.Object) -> kube.Object:
    """A Secret with the sizes of what it holds instead."""
    bare = {key: value for key, value in secret.items() if key not in ("data", "stringData")}
    # The engine encrypts all of it at once, and then it is one text.
    held: dict[str, Any] = {}
    for part in (secret.get("data"), secret.get("stringData")):
        held |= cast("dict[str, Any]", part) if isinstance(part, dict) else {}
    sizes = {key: f"{len(str(value))} characters" for key, value in held.items()}
    return {**bare, "holds": sizes}
