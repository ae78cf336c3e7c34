"""A scene as PNG, drawn by Pillow in the font that it brings along: no browser, no system library."""

import io

from PIL import Image, ImageDraw, ImageFont

from tether.trace.scene import LIGHT, Box, Disc, Line, Paint, Polygon, Scene, Shape, Words, plain, width_of

_SCALE = 2
"""Pixels of the picture per pixel of the scene."""
_FINE = 2
"""Pixels that are drawn per pixel of the picture, in each direction: smooth edges."""


def write(scene: Scene) -> bytes:
    """The PNG file, light, at twice the scene's size."""
    by = _SCALE * _FINE
    image = Image.new("RGB", (round(scene.width * by), round(scene.height * by)), LIGHT[Paint.GROUND])
    pen = ImageDraw.Draw(image)
    for shape in scene.shapes:
        _draw(pen, shape, by)
    buffer = io.BytesIO()
    # Few colours on flat ground: a palette is a quarter of the size, and nobody sees the difference.
    image.reduce(_FINE).quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(buffer, "PNG")
    return buffer.getvalue()


def _draw(pen: ImageDraw.ImageDraw, shape: Shape, by: float) -> None:
    match shape:
        case Box():
            pen.rounded_rectangle(
                (shape.x * by, shape.y * by, (shape.x + shape.width) * by, (shape.y + shape.height) * by),
                shape.radius * by, LIGHT[shape.fill], LIGHT[shape.stroke] if shape.stroke else None, round(by),
            )  # fmt: skip
        case Line():
            for piece in _dashes(shape):
                pen.line([(x * by, y * by) for x, y in piece], LIGHT[shape.paint], round(shape.width * by), "curve")
        case Polygon():
            pen.polygon([(x * by, y * by) for x, y in shape.points], LIGHT[shape.paint])
        case Disc():
            pen.circle(
                (shape.x * by, shape.y * by), shape.radius * by, LIGHT[shape.fill],
                LIGHT[shape.stroke] if shape.stroke else None, round(1.5 * by),
            )  # fmt: skip
        case Words():
            _words(pen, shape, by)


def _dashes(line: Line) -> list[tuple[tuple[float, float], ...]]:
    """A straight dashed line in pieces; whole lines as they are."""
    if not line.dash:
        return [line.points]
    (x1, y1), (x2, y2) = line.points[0], line.points[-1]
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    pieces: list[tuple[tuple[float, float], ...]] = []
    at = 0.0
    while at < length:
        ends = [(x1 + (x2 - x1) * where / length, y1 + (y2 - y1) * where / length)
                for where in (at, min(at + line.dash, length))]  # fmt: skip
        pieces.append(tuple(ends))
        at += 2 * line.dash
    return pieces


def _words(pen: ImageDraw.ImageDraw, shape: Words, by: float) -> None:
    wide = width_of(shape.text, shape.size, bold=shape.bold)
    x = shape.x - {"start": 0.0, "middle": wide / 2, "end": wide}[shape.anchor]
    # The font has one weight: bold is drawn with a thin outline, in the width that the layout counted with.
    pen.text(
        (x * by, shape.y * by), plain(shape.text), LIGHT[shape.paint], _font(shape.size * by), "ls",
        stroke_width=shape.size * by * 0.022 if shape.bold else 0,
    )  # fmt: skip


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
