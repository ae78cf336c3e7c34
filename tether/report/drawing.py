"""The topology picture as SVG: one file that follows the reader's light or dark colours."""

from collections.abc import Callable, Iterator, Sequence
from html import escape

from tether.errors import count
from tether.report import layout
from tether.report.card import Relation
from tether.report.picture import Cluster, Picture, short
from tether.report.shapes import Box, Drawing, Line, Sign, Text

Writer = Callable[[Picture], str]
_CORNER = 7.0
_HEAD = 6.0
STYLE = """
svg{--page:#fff;--panel:#eef3f8;--edge:#b9c6d3;--card:#fff;--part:#f6f8fb;--part-edge:#c9d3de;--ink:#17212b;
--quiet:#4d5b69;--reading:#8a4b00;--control:#0b5cad;--traffic:#1a6b3c;--wrong:#b3261e;--pill:#e3e9f0;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-size:13px}
@media (prefers-color-scheme:dark){svg{--page:#10161c;--panel:#18212b;--edge:#3d4c5b;--card:#1f2a35;--part:#26333f;
--part-edge:#43545f;--ink:#eef3f7;--quiet:#b4c1cd;--reading:#f0b35a;--control:#7db8f5;--traffic:#7ed09e;
--wrong:#ff9a92;--pill:#33424f}}
text{fill:var(--ink)}.mono{font-family:ui-monospace,"SFMono-Regular",Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:12.5px}.bold{font-weight:700}.small{font-size:12px}.quiet{fill:var(--quiet)}.name{font-size:16px}
.title{font-size:20px}.subtitle{font-size:13px}.panel-title{font-size:14px}
.page{fill:var(--page)}.panel{fill:var(--panel);stroke:var(--edge);stroke-dasharray:2 4;stroke-linecap:round}
.card{fill:var(--card);stroke:var(--edge)}.card.primary{stroke:var(--control);stroke-width:2}
.part{fill:var(--part);stroke:var(--part-edge)}.part.istiod{stroke:var(--control)}
.pill{fill:var(--pill)}.pill.primary{fill:var(--control)}text.primary{fill:var(--card)}
.line{fill:none;stroke-width:2}.halo{fill:none;stroke:var(--panel);stroke-width:7}
.line.traffic{stroke-width:4}.line.reading{stroke-dasharray:6 4}.line.rule{stroke:var(--part-edge);stroke-width:1}
.line.reading{stroke:var(--reading)}.line.control{stroke:var(--control)}.line.traffic{stroke:var(--traffic)}
.head.reading,text.reading{fill:var(--reading)}.head.control,text.control{fill:var(--control)}
.head.traffic,text.traffic{fill:var(--traffic)}
.sign{fill:none;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round;stroke:var(--traffic)}
.sign.wrong{stroke:var(--wrong)}
"""


def wide(picture: Picture) -> str:
    """For screens and slides."""
    return _svg(picture, layout.wide(picture))


def narrow(picture: Picture) -> str:
    """For phones: no wider than 360 pixels."""
    return _svg(picture, layout.narrow(picture))


def _svg(picture: Picture, drawing: Drawing) -> str:
    width, height = f"{drawing.width:g}", f"{drawing.height:g}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" aria-labelledby="title description">',
        f'<title id="title">{_plain(picture.name)}</title>',
        f'<desc id="description">{_plain(describe(picture))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        *map(_box, [box for box in drawing.boxes if box.look == "panel"]),
        *_rails([line for line in drawing.lines if line.look in list(Relation)]),
        *map(_box, [box for box in drawing.boxes if box.look != "panel"]),
        *_rails([line for line in drawing.lines if line.look not in list(Relation)]),
        *map(_text, drawing.texts),
        *map(_sign, drawing.signs),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def describe(picture: Picture) -> str:
    """The picture in words, for those who do not see it."""
    primary = picture.primary
    entry = ", ".join(primary.gateway_addresses)
    behind = f"behind the east-west gateway at {entry}" if entry else "behind no address"
    return " ".join(
        [
            f"istiod runs in {primary.name} on {_network(primary)}, {behind}.",
            *(_sentence(picture, remote) for remote in picture.remotes),
            f"Trust domain {picture.trust_domain}, root certificate {short(picture.root) or 'unknown'}, trusted by "
            f"{len(picture.sharers)} of {count(len(picture.clusters), 'cluster')}.",
        ]
    )


def _sentence(picture: Picture, remote: Cluster) -> str:
    secret, entry = remote.secret, ", ".join(remote.gateway_addresses)
    read = f"is read by istiod at {remote.api_server} with {secret.name}" if secret else "has no remote secret"
    how = "finds istiod at" if picture.finds_istiod(remote) else "looks in vain for istiod at"
    entered = f"is entered at {entry}" if entry else "has no east-west gateway with an address"
    leads = ", ".join(remote.istiod_addresses) or "no address"
    return f"Remote {remote.name} on {_network(remote)} {read}, {how} {leads}, and {entered}."


def _network(cluster: Cluster) -> str:
    return cluster.network or "an unknown network"


def _plain(text: str) -> str:
    return escape("".join(letter for letter in text if letter.isprintable()))


def _box(box: Box) -> str:
    radius = 11 if box.look.startswith("pill") else 12 if box.look.startswith(("panel", "card")) else 7
    return (
        f'<rect class="{box.look}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="{radius}"/>'
    )


def _text(text: Text) -> str:
    whole = f"<title>{_plain(text.whole)}</title>" if text.whole and text.whole != text.text else ""
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != "start" else ""
    return f'<text class="{text.look}" x="{text.x:g}" y="{text.y:g}"{anchor}>{_plain(text.text)}{whole}</text>'


def _sign(sign: Sign) -> str:
    name = "right" if sign.right else "wrong"
    x, y = sign.x, sign.y
    path = f"M{x - 6:g} {y:g}l4 5 8 -10" if sign.right else f"M{x - 5:g} {y - 5:g}l10 10m0 -10l-10 10"
    return f'<path class="sign {name}" d="{path}"><title>{name}</title></path>'


def _rails(lines: Sequence[Line]) -> Iterator[str]:
    """Lines of one kind over those of another: a halo shows which passes over which."""
    for look in dict.fromkeys(line.look for line in lines):
        kind = [line for line in lines if line.look == look]
        if look in list(Relation):
            yield from (f'<path class="halo" d="{_path(line)}"/>' for line in kind)
        yield from (f'<path class="line {look}" d="{_path(line)}"/>' for line in kind)
        yield from (head for line in kind for head in _heads(line))


def _path(line: Line) -> str:
    """Straight pieces with round corners; points in a row are one piece."""
    points = _corners(line.points)
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_CORNER, _distance(before, corner) / 2, _distance(corner, after) / 2)
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        path += f"L{start[0]:g} {start[1]:g}Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}"
    return f"{path}L{points[-1][0]:g} {points[-1][1]:g}"


Point = tuple[float, float]


def _corners(points: Sequence[Point]) -> list[Point]:
    found = [points[0]]
    for before, point, after in zip(points, points[1:], points[2:], strict=False):
        if not (before[0] == point[0] == after[0] or before[1] == point[1] == after[1]):
            found.append(point)
    return [*found, points[-1]]


def _distance(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = _distance(start, end) or 1.0
    return (start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole)


def _heads(line: Line) -> Iterator[str]:
    points = _corners(line.points)
    if line.head:
        yield _head(points[-2], points[-1], line.look)
    if line.tail:
        yield _head(points[1], points[0], line.look)


def _head(start: Point, tip: Point, look: str) -> str:
    back = _towards(tip, start, _HEAD * 1.6)
    across = (_HEAD, 0.0) if start[0] == tip[0] else (0.0, _HEAD)
    return (
        f'<path class="head {look}" d="M{tip[0]:g} {tip[1]:g}L{back[0] + across[0]:g} {back[1] + across[1]:g}'
        f'L{back[0] - across[0]:g} {back[1] - across[1]:g}Z"/>'
    )
