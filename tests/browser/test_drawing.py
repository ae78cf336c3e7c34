"""The picture alone in a real browser: what fonts really make of it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.unit.report.meshes import broken, long_names, mesh
from tether.report import drawing
from tether.report.picture import Picture

PICTURES = {
    **{f"{count}-remotes": mesh(count) for count in (1, 2, 4, 8)},
    "1-long-names": long_names(1),
    "8-long-names": long_names(8),
    "broken": broken(),
}
MEASURE = """() => {
  const frame = one => { const box = one.getBoundingClientRect();
    return {left: box.left, right: box.right, top: box.top + 2, bottom: box.bottom - 2, is: one.textContent}; };
  const texts = [...document.querySelectorAll('text')].map(frame);
  const cards = [...document.querySelectorAll('rect.card')].map(frame);
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const within = (a, b) => a.left <= b.left && b.right <= a.right && a.top <= b.top && b.bottom <= a.bottom;
  const found = [];
  texts.forEach((one, index) => {
    texts.slice(index + 1).forEach(other => { if (meet(one, other)) found.push([one.is, other.is]); });
    cards.forEach(card => { if (meet(card, one) && !within(card, one)) found.push([one.is, 'leaves its card']); });
    if (one.left < 0 || one.right > innerWidth) found.push([one.is, 'leaves the picture']);
  });
  return [texts.length, found];
}"""


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("write", [drawing.wide, drawing.narrow], ids=["wide", "narrow"])
def test_no_text_meets_another_or_leaves_its_card(browser: Browser, name: str, write: Callable[[Picture], str]):
    svg = write(PICTURES[name])
    width = int(svg.partition('width="')[2].partition('"')[0])
    window = browser.new_page(viewport={"width": width, "height": 800})
    try:
        window.set_content(f"<!doctype html><body style='margin:0'>{svg}</body>")
        texts, found = window.evaluate(MEASURE)
    finally:
        window.close()
    assert texts > 20
    assert found == []
