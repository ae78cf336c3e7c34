"""No text meets another or leaves its card, however many clusters there are and however long their names."""

import functools
import itertools

import pytest

from tests.unit.report.meshes import broken, long_names, mesh
from tether.report import layout, lettering
from tether.report.card import Relation
from tether.report.picture import Picture
from tether.report.shapes import Box, Drawing, Text

SIZES = {"name": 16.0, "title": 20.0, "subtitle": 13.0, "small": 12.0, "mono": 12.5, "bold": 13.0}
PICTURES = {
    **{f"{count}-remotes": mesh(count) for count in (1, 2, 3, 4, 5, 8, 12)},
    **{f"{count}-long-names": long_names(count) for count in (1, 4, 8)},
    "broken": broken(),
    "no-remote": mesh(0),
}
FORMS = {"wide": layout.wide, "narrow": layout.narrow}


def frame(text: Text) -> Box:
    """The rectangle that a text covers, an upper bound."""
    size = next(size for look, size in SIZES.items() if look in text.look.split())
    width = lettering.width(text.text, size, monospaced="mono" in text.look, bold="bold" in text.look)
    x = {"start": text.x, "middle": text.x - width / 2, "end": text.x - width}[text.anchor]
    return Box(x=x, y=text.y - 0.8 * size, width=width, height=size, look="")


def meet(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def holds(outer: Box, inner: Box) -> bool:
    across = outer.x <= inner.x and inner.right <= outer.right
    return across and outer.y <= inner.y and inner.bottom <= outer.bottom


@functools.cache
def drawn(name: str, form: str) -> Drawing:
    return FORMS[form](PICTURES[name])


@pytest.fixture(params=PICTURES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def picture(name: str) -> Picture:
    return PICTURES[name]


@pytest.fixture(params=FORMS)
def drawing(name: str, request: pytest.FixtureRequest) -> Drawing:
    return drawn(name, request.param)


def cards(drawing: Drawing) -> list[Box]:
    return [box for box in drawing.boxes if "card" in box.look.split()]


def test_no_text_meets_another(drawing: Drawing):
    framed = [(text, frame(text)) for text in drawing.texts]
    for (one, first), (other, second) in itertools.combinations(framed, 2):
        assert not meet(first, second), (one, other)


def test_every_text_lies_in_a_card_or_outside_of_all_of_them(drawing: Drawing):
    for text in drawing.texts:
        area = frame(text)
        for card in cards(drawing):
            assert holds(card, area) or not meet(card, area), (text, card)


def test_signs_are_not_written_over(drawing: Drawing):
    areas = [Box(x=sign.x - 7, y=sign.y - 6, width=14, height=12, look="") for sign in drawing.signs]
    for text in drawing.texts:
        written = frame(text)
        assert not any(meet(area, written) for area in areas), text


def test_cards_lie_apart_and_inside_of_the_panel(drawing: Drawing):
    panel = next(box for box in drawing.boxes if box.look == "panel")
    assert panel.right <= drawing.width
    assert panel.bottom <= drawing.height
    for card in cards(drawing):
        assert holds(panel, card)
    for one, other in itertools.combinations(cards(drawing), 2):
        assert not meet(one, other)


def test_every_cluster_has_a_card(picture: Picture, drawing: Drawing):
    assert len(cards(drawing)) == len(picture.clusters)


def test_lines_run_between_cards_and_never_through_one(drawing: Drawing):
    for line in drawing.lines:
        if line.look not in list(Relation):
            continue
        for start, end in itertools.pairwise(line.points):
            path = Box(x=min(start[0], end[0]), y=min(start[1], end[1]), width=abs(start[0] - end[0]),
                       height=abs(start[1] - end[1]), look="")  # fmt: skip
            for card in cards(drawing):
                inner = Box(x=card.x + 1, y=card.y + 1, width=card.width - 2, height=card.height - 2, look="")
                assert not meet(path, inner), (line, card)


def test_the_narrow_form_is_never_wider_than_a_phone(picture: Picture):
    assert layout.narrow(picture).width <= 360


def test_what_is_not_tied_has_no_line():
    picture = broken()
    tied = {remote.name: [one for one in Relation if layout.is_tied(picture, remote, one)]
            for remote in picture.remotes}  # fmt: skip
    assert tied == {"cluster2": list(Relation), "cluster3": list(Relation), "cluster4": [], "cluster5": []}
    lines = [line for line in layout.wide(picture).lines if line.look in list(Relation)]
    assert len(lines) == 6


def test_what_is_wrong_has_a_cross_and_what_is_right_a_tick():
    assert all(sign.right for sign in layout.wide(mesh(8)).signs)
    assert [sign.right for sign in layout.wide(broken()).signs].count(False) == 11


def test_the_lines_of_a_single_remote_are_straight():
    lines = [line for line in layout.wide(mesh(1)).lines if line.look in list(Relation)]
    assert len(lines) == 3
    assert all(len({y for _, y in line.points}) == 1 for line in lines)


def test_a_shortened_text_keeps_the_whole_one():
    texts = layout.wide(long_names(1)).texts
    shortened = [text for text in texts if lettering.ELLIPSIS in text.text]
    assert shortened
    assert all(text.whole and lettering.ELLIPSIS not in text.whole for text in shortened)
