"""How wide text is, without a browser: never less than any common font makes it, so that nothing overlaps.

The advances are those of DejaVu Sans, the widest of the fonts that browsers take for
``system-ui`` and ``sans-serif``, rounded up.
"""

ELLIPSIS = "…"
_MONOSPACED = 0.61
_BOLD = 1.12
_NARROW = frozenset("ijl.,:;|!'`()[]{}/\\ ftrI·")
_WIDE = frozenset("mwMW@%—→↔")
_NARROW_ADVANCE, _ADVANCE, _CAPITAL, _WIDE_ADVANCE = 0.42, 0.64, 0.79, 1.0


def width(text: str, size: float, *, monospaced: bool = False, bold: bool = False) -> float:
    """Width of a line in pixels, an upper bound."""
    advance = sum((_MONOSPACED if letter.isascii() else 1.0) if monospaced else _advance(letter) for letter in text)
    return advance * size * (_BOLD if bold and not monospaced else 1.0)


def _advance(letter: str) -> float:
    if letter in _NARROW:
        return _NARROW_ADVANCE
    if letter in _WIDE or not letter.isascii():
        return _WIDE_ADVANCE
    return _CAPITAL if letter.isupper() else _ADVANCE


def fit(text: str, space: float, size: float, *, monospaced: bool = False, bold: bool = False) -> str:
    """The text, shortened in the middle where it is wider than the space: both ends tell names apart."""

    def fits(candidate: str) -> bool:
        return width(candidate, size, monospaced=monospaced, bold=bold) <= space

    if fits(text):
        return text
    for kept in range(len(text) - 1, 0, -1):
        head = (kept + 1) // 2
        candidate = text[:head] + ELLIPSIS + text[len(text) - (kept - head) :]
        if fits(candidate):
            return candidate
    return ELLIPSIS
