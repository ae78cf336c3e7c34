"""How long an environment lives, and why it is over."""

import datetime

from tether import durations

SHORTEST = 60.0
LONGEST = 30 * 86400.0
"""Seconds; what shall live longer is kept (``tether env keep``)."""
DEFAULT = "2h"


def of_environment(text: str) -> datetime.timedelta:
    """Read how long an environment shall live.

    Raises:
        ValueError: it is no duration, or one that nobody can want.
    """
    length = durations.seconds(text)
    if length < SHORTEST:
        raise ValueError("is less than a minute, in which nothing comes up")
    if length > LONGEST:
        raise ValueError("is more than 30 days; what shall stay for good is kept: tether env keep NAME")
    return datetime.timedelta(seconds=length)


def now() -> datetime.datetime:
    """This moment, UTC, in whole seconds."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def why_over(expires: datetime.datetime | None, *, owner_is_gone: str, moment: datetime.datetime) -> str:
    """Say why an environment may go; empty while it may not.

    Args:
        expires: its end; None: it has none.
        owner_is_gone: how one says that the process that it belongs to has ended; empty while it runs.
        moment: now.
    """
    if expires is not None and expires <= moment:
        return f"expired at {expires:%Y-%m-%d %H:%M} UTC"
    return owner_is_gone
