"""What a drawing consists of: boxes, text and lines, each with a class that the style sheet knows."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    look: str

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


@dataclass(frozen=True, kw_only=True)
class Text:
    """One line of text."""

    x: float
    y: float
    """Of the base line."""
    text: str
    look: str
    whole: str = ""
    """The unshortened text, where ``text`` is shortened."""
    anchor: str = "start"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A connection through points, with arrow heads at its ends."""

    points: tuple[tuple[float, float], ...]
    look: str
    head: bool = False
    """At the last point."""
    tail: bool = False
    """At the first point."""


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A tick or a cross: right and wrong told apart by shape, not by colour alone."""

    x: float
    y: float
    right: bool


@dataclass
class Drawing:
    """Shapes in the order in which they are painted."""

    width: float = 0
    height: float = 0
    boxes: list[Box] = field(default_factory=list[Box])
    lines: list[Line] = field(default_factory=list[Line])
    texts: list[Text] = field(default_factory=list[Text])
    signs: list[Sign] = field(default_factory=list[Sign])
