"""Where everything of the topology picture lies: cards, the rails between them, the titles."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tether.errors import count
from tether.report import card, lettering
from tether.report.card import Card, Relation
from tether.report.picture import Cluster, Picture, short
from tether.report.shapes import Box, Drawing, Line, Text

_BOTH_SIDES = 3
"""More remotes than this stand on both sides of the primary."""
_MARGIN, _GAP, _PANEL = 24.0, 18.0, 20.0
_PRIMARY, _REMOTE = 380.0, 350.0
_NARROW, _NARROW_MARGIN, _NARROW_PANEL, _GUTTER = 360.0, 6.0, 10.0, 40.0
_RAIL, _NARROW_RAIL = 20.0, 14.0
_LABELS = {Relation.READING: "reads, reviews tokens", Relation.CONTROL: "XDS, CA, webhook", Relation.TRAFFIC: "mTLS"}
_LONG_LABELS = {
    Relation.READING: "istiod reads, has tokens reviewed",
    Relation.CONTROL: "XDS, CA, webhook over TLS",
    Relation.TRAFFIC: "requests of all networks, mTLS",
}
_CHANNEL = 250.0


@dataclass(frozen=True, kw_only=True)
class _Side:
    """Which edge of the cards the rails run along, and where each rail is."""

    rails: dict[Relation, float]
    primary_edge: float
    remote_edge: float


def wide(picture: Picture) -> Drawing:
    """For screens and slides: the remotes beside the primary, on both sides where they are many."""
    drawing = Drawing()
    pitch = 58.0 if len(picture.remotes) <= _BOTH_SIDES else 50.0
    left, right = _sides(picture)
    start = _MARGIN + _PANEL
    primary_x = start + (_REMOTE + _CHANNEL if left else 0.0)
    drawing.width = primary_x + _PRIMARY + _CHANNEL + _REMOTE + _PANEL + _MARGIN
    top = _titles(drawing, picture, _MARGIN, _PANEL)
    own = card.height(picture, picture.primary, pitch)
    tallest = max(own, _stack(picture, left, pitch), _stack(picture, right, pitch))
    box = Box(x=primary_x, y=top + (tallest - own) / 2, width=_PRIMARY, height=own, look="card primary")
    primary = card.draw(drawing, picture, picture.primary, box, pitch)
    ends = [box.bottom]
    for remotes, x, is_left in ((left, start, True), (right, box.right + _CHANNEL, False)):
        if remotes:
            # A single card lies level with the primary's lanes, so that its lines are straight.
            level = primary.lanes[Relation.READING] - card.FIRST_LANE
            middle = top + (tallest - _stack(picture, remotes, pitch)) / 2
            cards = _column(drawing, picture, remotes, x, level if len(remotes) == 1 else middle, _REMOTE, pitch)
            side = _between(primary, cards[0], is_left=is_left)
            _connect(drawing, picture, primary, dict(zip(remotes, cards, strict=True)), side)
            named = [one for one in Relation if any(is_tied(picture, remote, one) for remote in remotes)]
            _label(drawing, primary, named, is_left=is_left)
            ends.append(cards[-1].box.bottom)
    _close(drawing, max(ends) + _PANEL, _MARGIN)
    return drawing


def narrow(picture: Picture) -> Drawing:
    """For phones: one card below the other, the rails along their left edge, explained at the end."""
    drawing = Drawing(width=_NARROW)
    pitch = 54.0
    top = _titles(drawing, picture, _NARROW_MARGIN, _NARROW_PANEL)
    x = _NARROW_MARGIN + _NARROW_PANEL + _GUTTER
    width = _NARROW - x - _NARROW_PANEL - _NARROW_MARGIN
    own = card.height(picture, picture.primary, pitch)
    box = Box(x=x, y=top, width=width, height=own, look="card primary")
    primary = card.draw(drawing, picture, picture.primary, box, pitch)
    cards = _column(drawing, picture, picture.remotes, x, box.bottom + _GAP, width, pitch)
    rails = {relation: x - 10 - index * _NARROW_RAIL for index, relation in enumerate(Relation)}
    side = _Side(rails=rails, primary_edge=x, remote_edge=x)
    _connect(drawing, picture, primary, dict(zip(picture.remotes, cards, strict=True)), side)
    end = _legend(drawing, max([box.bottom, *(one.box.bottom for one in cards)]) + _GAP)
    _close(drawing, end + _NARROW_PANEL, _NARROW_MARGIN)
    return drawing


def _sides(picture: Picture) -> tuple[Sequence[Cluster], Sequence[Cluster]]:
    remotes = picture.remotes
    half = len(remotes) // 2 if len(remotes) > _BOTH_SIDES else 0
    return remotes[:half], remotes[half:]


def _stack(picture: Picture, remotes: Sequence[Cluster], pitch: float) -> float:
    return sum(card.height(picture, remote, pitch) for remote in remotes) + _GAP * max(0, len(remotes) - 1)


def _column(
    drawing: Drawing, picture: Picture, remotes: Sequence[Cluster], x: float, top: float, width: float, pitch: float
) -> list[Card]:
    """Cards of remotes, one below the other."""
    cards: list[Card] = []
    for remote in remotes:
        box = Box(x=x, y=top, width=width, height=card.height(picture, remote, pitch), look="card")
        cards.append(card.draw(drawing, picture, remote, box, pitch))
        top = box.bottom + _GAP
    return cards


def _between(primary: Card, remote: Card, *, is_left: bool) -> _Side:
    """The rails in the channel between the primary and a column of remotes, nearest to the remotes."""
    if is_left:
        edges = primary.box.x, remote.box.right
        rails = {one: remote.box.right + (index + 1) * _RAIL for index, one in enumerate(Relation)}
    else:
        edges = primary.box.right, remote.box.x
        rails = {one: remote.box.x - (index + 1) * _RAIL for index, one in enumerate(Relation)}
    return _Side(rails=rails, primary_edge=edges[0], remote_edge=edges[1])


def _connect(drawing: Drawing, picture: Picture, primary: Card, cards: Mapping[Cluster, Card], side: _Side) -> None:
    """Draw what is really tied together; what is not has a cross on its card instead of a line."""
    for remote, place in cards.items():
        for relation in Relation:
            if not is_tied(picture, remote, relation):
                continue
            rail, start, end = side.rails[relation], primary.lanes[relation], place.lanes[relation]
            points = ((side.primary_edge, start), (rail, start), (rail, end), (side.remote_edge, end))
            drawing.lines.append(
                Line(points=points, look=str(relation), head=relation is not Relation.CONTROL,
                     tail=relation is not Relation.READING)
            )  # fmt: skip


def is_tied(picture: Picture, remote: Cluster, relation: Relation) -> bool:
    """Whether a relation between the primary and a remote is there."""
    if relation is Relation.READING:
        return remote.secret is not None
    if relation is Relation.CONTROL:
        return picture.finds_istiod(remote)
    return bool(card.way_in(remote) and card.way_in(picture.primary))


def _label(drawing: Drawing, primary: Card, relations: Sequence[Relation], *, is_left: bool) -> None:
    """Name every line where it leaves the primary."""
    x = primary.box.x - 12 if is_left else primary.box.right + 12
    for relation in relations:
        drawing.texts.append(
            Text(x=x, y=primary.lanes[relation] - 8, text=_LABELS[relation], look=f"small {relation}",
                 anchor="end" if is_left else "start")
        )  # fmt: skip


def _legend(drawing: Drawing, top: float) -> float:
    """Lines and what they mean; returns where it ends."""
    x = _NARROW_MARGIN + _NARROW_PANEL
    for index, relation in enumerate(Relation):
        y = top + 8 + index * 22
        drawing.lines.append(
            Line(points=((x + 2, y), (x + 38, y)), look=str(relation), head=relation is not Relation.CONTROL,
                 tail=relation is not Relation.READING)
        )  # fmt: skip
        space = _NARROW - 2 * x - 46
        text = lettering.fit(_LONG_LABELS[relation], space, 12)
        drawing.texts.append(Text(x=x + 46, y=y + 4, text=text, look="small"))
    return top + 8 + 2 * 22 + 8


def _titles(drawing: Drawing, picture: Picture, margin: float, padding: float) -> float:
    """Title of the drawing and of the panel that stands for the trust domain; returns where cards begin."""
    space = drawing.width - 2 * margin
    drawing.texts.append(
        Text(x=margin, y=margin + 22, text=lettering.fit(picture.name, space, 20, bold=True), look="title bold",
             whole=picture.name)
    )  # fmt: skip
    of_stack = f"stack {picture.stack} · " if picture.stack else ""
    served = f"{of_stack}one istiod serves {count(len(picture.clusters), 'cluster')}"
    drawing.texts.append(Text(x=margin, y=margin + 43, text=lettering.fit(served, space, 13), look="subtitle quiet"))
    panel = margin + 58
    drawing.boxes.insert(0, Box(x=margin, y=panel, width=space, height=0, look="panel"))
    y, inner = panel + 26, space - 2 * padding
    for text, look, size in _trust(picture, inner):
        shown = lettering.fit(text, inner, size, monospaced="mono" in look, bold="bold" in look)
        drawing.texts.append(Text(x=margin + padding, y=y, text=shown, look=look, whole=text if shown != text else ""))
        y += 19
    return y + 4


def _trust(picture: Picture, space: float) -> Iterator[tuple[str, str, float]]:
    """Lines about what all clusters trust: text, look and size."""
    yield f"Trust domain {picture.trust_domain}", "bold", 13
    sharers, all_ = len(picture.sharers), len(picture.clusters)
    root = f"root SHA-256 {short(picture.root) or 'unknown'}"
    shared = f"{'the same in' if sharers == all_ else 'trusted by'} {sharers} of {count(all_, 'cluster')}"
    together = f"{root} · {shared}"
    for line in [together] if lettering.width(together, 12) <= space else [root, shared]:
        yield line, "small quiet", 12


def _close(drawing: Drawing, end: float, margin: float) -> None:
    """Give the panel and the drawing their heights."""
    panel = drawing.boxes[0]
    drawing.boxes[0] = dataclasses.replace(panel, height=end - panel.y)
    drawing.height = end + margin
