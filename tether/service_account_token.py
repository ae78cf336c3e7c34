"""What a Kubernetes ServiceAccount token says of itself; its signature is for API servers to judge."""

import base64
import binascii
import datetime
import json
from dataclasses import dataclass
from typing import Any, cast

_PRIVATE = "kubernetes.io"
"""Claim of tokens from a TokenRequest (kubernetes/kubernetes pkg/serviceaccount/claims.go)."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a token says, without its signature."""

    audiences: tuple[str, ...]
    subject: str
    """``system:serviceaccount:NAMESPACE:NAME``."""
    issuer: str
    begins: datetime.datetime | None
    ends: datetime.datetime | None
    """None: never, as of the tokens that Kubernetes keeps in Secrets."""
    secret: str = ""
    """Name of the Secret without which it is not valid; empty where it is bound to none."""

    @property
    def account(self) -> str:
        """Name of the ServiceAccount."""
        return self.subject.rpartition(":")[2]


def claims(token: str) -> Claims | None:
    """Claims of a JSON web token; None where it is none."""
    try:
        payload = token.split(".")[1]
        found: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return None
    if not isinstance(found, dict):
        return None
    entries = cast("dict[str, Any]", found)
    audience: Any = entries.get("aud") or ()
    return Claims(
        audiences=(audience,) if isinstance(audience, str) else tuple(map(str, audience)),
        subject=str(entries.get("sub") or ""),
        issuer=str(entries.get("iss") or ""),
        begins=_moment(entries.get("iat")),
        ends=_moment(entries.get("exp")),
        secret=_bound_to(entries.get(_PRIVATE)),
    )


def _moment(seconds: Any) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC) if isinstance(seconds, int | float) else None


def _bound_to(private: Any) -> str:
    secret: Any = cast("dict[str, Any]", private).get("secret") if isinstance(private, dict) else None
    return str(cast("dict[str, Any]", secret).get("name") or "") if isinstance(secret, dict) else ""
