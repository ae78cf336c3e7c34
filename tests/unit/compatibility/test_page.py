"""The reference page says what the data says."""

import re
from pathlib import Path

from tether.compatibility import page
from tether.compatibility.bad_releases import BAD_RELEASES
from tether.compatibility.lines import LINES

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_written_from_the_data() -> None:
    written = (ROOT / page.DOCS).read_text()
    assert written == page.render(), f"write it anew: python -m tether.compatibility.page > {page.DOCS}"


def test_every_row_of_the_data_has_its_link_on_the_page() -> None:
    links = re.findall(r"\]\((https://[^)]+)\)", page.render())
    assert {bad.link for bad in BAD_RELEASES} | {line.source for line in LINES} <= set(links)


def test_every_place_that_the_page_links_to_is_a_heading_of_it() -> None:
    text = page.render()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
