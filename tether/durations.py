"""How long something lasts, for people."""


def spoken(seconds: float) -> str:
    """Seconds in the largest unit that fits: ``10 min``, ``24 h``, ``10 years``."""
    for size, unit in ((365.25 * 86400, "years"), (2 * 86400, "days"), (2 * 3600, "h"), (90, "min")):
        if seconds >= size:
            divisor = {"years": 365.25 * 86400, "days": 86400, "h": 3600, "min": 60}[unit]
            return f"{round(seconds / divisor)} {unit}"
    return f"{round(seconds)} s"
