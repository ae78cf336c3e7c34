"""How long something lasts, for people."""

import re

_DAY = 86400.0
_UNITS = (("years", 365.25 * _DAY, 1.0), ("days", _DAY, 2.0), ("h", 3600.0, 2.0), ("min", 60.0, 1.5))
"""Name, seconds, and how many of it are the least that is said in it."""

_WRITTEN = {"w": 7 * _DAY, "d": _DAY, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile("".join(rf"(?:(\d{{1,6}}){unit})?" for unit in _WRITTEN))


def seconds(text: str) -> float:
    """Read how long something lasts: ``2h``, ``90m``, ``1h30m``, ``30d``, ``2w``.

    Raises:
        ValueError: it is no duration; the text says what one looks like.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError("is no duration; write for example 45m, 2h, 1h30m or 30d")
    return sum(int(number or 0) * size for number, size in zip(found.groups(), _WRITTEN.values(), strict=True))


def spoken(seconds: float) -> str:
    """Seconds in the largest unit that fits: ``10 min``, ``24 h``, ``10 years``."""
    for unit, size, least in _UNITS:
        if seconds >= least * size:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} s"


def ending(left: float) -> str:
    """Say of what has an end when that is, or was, in seconds from now."""
    return f"ends in {spoken(left)}" if left > 0 else f"ended {spoken(-left)} ago"
