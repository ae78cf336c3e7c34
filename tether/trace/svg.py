"""A scene as SVG: light or dark as the reader's system is, with title and description."""

import hashlib
from html import escape

from tether.trace.scene import DARK, FONT_NAME, LIGHT, Box, Disc, Line, Paint, Polygon, Scene, Shape, Words, width_of

_FONT = f"{FONT_NAME}, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"


def write(scene: Scene) -> str:
    """The SVG document; can also be put into an HTML page as it is, more than one on a page."""
    name = f"trace-{hashlib.sha256((scene.title + scene.description).encode()).hexdigest()[:8]}"
    body = "\n".join(_shape(shape) for shape in scene.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" '
        f'width="{_n(scene.width)}" height="{_n(scene.height)}" role="img" '
        f'aria-labelledby="{name}-title {name}-description">\n'
        f'<title id="{name}-title">{escape(scene.title)}</title>\n'
        f'<desc id="{name}-description">{escape(scene.description)}</desc>\n'
        f"<style>{_style(name)}</style>\n{body}\n</svg>\n"
    )


def _style(name: str) -> str:
    """Plain rules, no variables: office programs and command-line renderers know no more."""
    font = f".{name}{{max-width:100%;height:auto;font-family:{_FONT}}}.{name} .b{{font-weight:600}}"
    return f"{font}{_colours(name, LIGHT)}@media (prefers-color-scheme:dark){{{_colours(name, DARK)}}}"


def _colours(name: str, palette: dict[Paint, str]) -> str:
    return "".join(
        f".{name} .f-{paint}{{fill:{value}}}.{name} .s-{paint}{{stroke:{value}}}" for paint, value in palette.items()
    )


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _shape(shape: Shape) -> str:
    match shape:
        case Box():
            stroke = f" s-{shape.stroke}" if shape.stroke else ""
            return (
                f'<rect class="f-{shape.fill}{stroke}" x="{_n(shape.x)}" y="{_n(shape.y)}" '
                f'width="{_n(shape.width)}" height="{_n(shape.height)}" rx="{_n(shape.radius)}"/>'
            )
        case Line():
            dash = f' stroke-dasharray="{_n(shape.dash)}"' if shape.dash else ""
            return (
                f'<polyline class="s-{shape.paint}" fill="none" stroke-width="{_n(shape.width)}"{dash} '
                f'points="{_points(shape.points)}"/>'
            )
        case Polygon():
            return f'<polygon class="f-{shape.paint}" points="{_points(shape.points)}"/>'
        case Disc():
            stroke = f" s-{shape.stroke}" if shape.stroke else ""
            width = ' stroke-width="1.5"' if shape.stroke else ""
            return (
                f'<circle class="f-{shape.fill}{stroke}"{width} cx="{_n(shape.x)}" cy="{_n(shape.y)}" '
                f'r="{_n(shape.radius)}"/>'
            )
        case Words():
            return _words(shape)


def _words(shape: Words) -> str:
    """Text in the width that the layout counted with, whatever font the reader has."""
    anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
    bold = " b" if shape.bold else ""
    wide = width_of(shape.text, shape.size, bold=shape.bold)
    return (
        f'<text class="f-{shape.paint}{bold}" x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" '
        f'textLength="{_n(wide)}" lengthAdjust="spacingAndGlyphs"{anchor}>{escape(shape.text, quote=False)}</text>'
    )
