"""Shapes of a drawing, in pixels from the top left corner, with colours by name.

A scene is made once and written by several writers, so that all forms show the same.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from PIL import ImageFont


class Paint(StrEnum):
    """Colours by their meaning; light and dark give each a value."""

    GROUND = "ground"
    INK = "ink"
    MUTED = "muted"
    RULE = "rule"
    CARD = "card"
    REMOTE = "remote"
    REMOTE_GROUND = "remote-ground"
    PRIMARY = "primary"
    PRIMARY_GROUND = "primary-ground"
    OK = "ok"
    BAD = "bad"
    BAD_GROUND = "bad-ground"
    WARN = "warn"


LIGHT = {
    Paint.GROUND: "#ffffff", Paint.INK: "#1b2430", Paint.MUTED: "#566273", Paint.RULE: "#b9c2cd",
    Paint.CARD: "#ffffff", Paint.REMOTE: "#0b6a75", Paint.REMOTE_GROUND: "#eef7f8", Paint.PRIMARY: "#4a3aa8",
    Paint.PRIMARY_GROUND: "#f3f1fb", Paint.OK: "#157241", Paint.BAD: "#c0262d", Paint.BAD_GROUND: "#fdeeee",
    Paint.WARN: "#8f5a00",
}  # fmt: skip
DARK = {
    Paint.GROUND: "#12171e", Paint.INK: "#e8edf3", Paint.MUTED: "#a3afbd", Paint.RULE: "#465160",
    Paint.CARD: "#1b222c", Paint.REMOTE: "#5fc6d2", Paint.REMOTE_GROUND: "#14232a", Paint.PRIMARY: "#b0a4f5",
    Paint.PRIMARY_GROUND: "#1e1c30", Paint.OK: "#56c58b", Paint.BAD: "#ff7b80", Paint.BAD_GROUND: "#351b1f",
    Paint.WARN: "#e2a84b",
}  # fmt: skip

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: Paint
    stroke: Paint | None = None
    radius: float = 0


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points, without filling."""

    points: tuple[tuple[float, float], ...]
    paint: Paint
    width: float = 1
    dash: float = 0
    """Length of dashes and of the gaps between them; 0 where it is whole."""


@dataclass(frozen=True, kw_only=True)
class Polygon:
    """A filled shape: the head of an arrow."""

    points: tuple[tuple[float, float], ...]
    paint: Paint


@dataclass(frozen=True, kw_only=True)
class Disc:
    """A circle."""

    x: float
    y: float
    radius: float
    fill: Paint
    stroke: Paint | None = None


@dataclass(frozen=True, kw_only=True)
class Words:
    """One line of text; ``y`` is its base line."""

    x: float
    y: float
    text: str
    size: float
    paint: Paint
    anchor: Anchor = "start"
    bold: bool = False


Shape = Box | Line | Polygon | Disc | Words


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A drawing."""

    width: float
    height: float
    title: str
    description: str
    """The whole content in sentences, for those who do not see it."""
    shapes: tuple[Shape, ...]
    """From the back to the front."""


FONT_NAME = "Aileron"
"""What Pillow brings along; its widths are those of Helvetica and Arial, near enough."""
_BOLD = 1.045
_SPACES = re.compile(r"[ \t\r\n]+")
"""Where lines may be broken; other spaces hold together."""
_MEASURE = 100
_PLAIN = str.maketrans({
    "→": ">", "←": "<", "\u2013": "-", "—": "-", "\u2019": "'", "\u00d7": "x", "µ": "u", "\u00a0": " ",
})  # fmt: skip
"""Characters that the font lacks."""


@lru_cache(maxsize=1)
def _ruler() -> ImageFont.FreeTypeFont:
    found = ImageFont.load_default(_MEASURE)
    assert isinstance(found, ImageFont.FreeTypeFont)  # noqa: S101 - else Pillow was built without FreeType
    return found


@lru_cache(maxsize=512)
def _advance(character: str) -> float:
    return _ruler().getlength(character) / _MEASURE


def plain(text: str) -> str:
    """Text with the characters that every font has."""
    return text.translate(_PLAIN)


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line of text is, in pixels."""
    return sum(map(_advance, plain(text))) * size * (_BOLD if bold else 1)


def wrapped(text: str, size: float, width: float, *, bold: bool = False, limit: int = 99) -> list[str]:
    """Text in lines no wider than ``width``; words that are too long are broken, what exceeds the limit is cut."""
    lines: list[str] = []
    current = ""
    for piece in _pieces(_SPACES.sub(" ", text).strip(" "), size, width, bold=bold):
        if current and width_of((current + piece).rstrip(" "), size, bold=bold) > width:
            lines.append(current.rstrip(" "))
            current = piece.lstrip(" ")
        else:
            current += piece
    lines.append(current.rstrip(" "))
    if len(lines) > limit:
        lines = [*lines[: limit - 1], lines[limit - 1].rstrip(" .,;") + "…"]
    return [line for line in lines if line]


def _pieces(text: str, size: float, width: float, *, bold: bool) -> list[str]:
    """Where a line may be broken: after spaces, and inside of paths and words that are longer than a line."""
    pieces: list[str] = []
    for word in text.split(" "):
        whole = word + " "
        while width_of(whole.rstrip(" "), size, bold=bold) > width:
            cut = _cut(whole, size, width, bold=bold)
            pieces.append(whole[:cut])
            whole = whole[cut:]
        pieces.append(whole)
    return pieces


def _cut(word: str, size: float, width: float, *, bold: bool) -> int:
    """After which character a long word is broken: behind the last slash or dot that fits, else anywhere."""
    fits = 1
    while fits < len(word) and width_of(word[: fits + 1], size, bold=bold) <= width:
        fits += 1
    behind = max(word.rfind(sign, 0, fits) for sign in "/.:,-") + 1
    return behind if behind > fits // 2 else fits
