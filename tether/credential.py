"""The credential with which istiod reads a remote: kept in a Secret without an end, or bound and renewed."""

import datetime
from enum import StrEnum


class CredentialKind(StrEnum):
    """How the reader's token comes to be."""

    TOKEN_SECRET = "token-secret"  # noqa: S105 - a word of the settings, no secret
    BOUND = "bound"


DEFAULT_LIFETIME_HOURS = 90 * 24
LEAST_LIFETIME_HOURS = 2
MOST_LIFETIME_HOURS = 365 * 24
RENEWED_AT = 0.5
"""Share of the lifetime: who has less left is renewed by the next run. Two runs within one lifetime are then enough."""
_SOON_AT = 0.25
_SOON = datetime.timedelta(hours=1)
"""No more than half of the shortest lifetime, so that whoever is warned can renew."""


def is_due(left: datetime.timedelta, lifetime: datetime.timedelta) -> bool:
    """Whether the next run renews a token."""
    return left < lifetime * RENEWED_AT


def ends_soon(left: datetime.timedelta, lifetime: datetime.timedelta) -> bool:
    """Whether a token should have been renewed by now."""
    return left < max(lifetime * _SOON_AT, _SOON)
