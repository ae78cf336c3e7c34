"""Drawings of fixed records; the gallery's are held against the records beside them."""

import dataclasses
import io
import itertools
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.e2e import gallery
from tests.e2e.traced import SCENARIOS
from tests.unit.trace.records import CERTIFICATE, DIAGNOSIS, REVIEW, TOKEN, failed, record
from tether.trace import diagram, layout
from tether.trace.record import Actor, Outcome, Record
from tether.trace.scene import DARK, LIGHT, Box, Paint, Words, width_of, wrapped

SVG = "{http://www.w3.org/2000/svg}"
BROKEN = record(TOKEN, failed(CERTIFICATE), REVIEW, diagnosis=DIAGNOSIS, diagnosed=True)
NAMES = [scenario.picture.name for scenario in SCENARIOS]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_of_the_gallery_is_drawn_from_its_record(name: str) -> None:
    for file, content in gallery.redrawn(name).items():
        assert file.read_text() == content, f"{file.name} is not what its record gives"


def test_the_page_of_the_gallery_is_made_of_the_records() -> None:
    page = gallery.page([scenario.picture for scenario in SCENARIOS])

    assert (gallery.FOLDER / "README.md").read_text() == page


def drawn() -> Iterator[Record]:
    """Records that fill a sheet in different ways."""
    yield record()
    yield BROKEN
    yield record(*(dataclasses.replace(step, outcome=Outcome.SKIPPED, message="istiod was not reached")
                   for step in (TOKEN, CERTIFICATE)))  # fmt: skip
    yield record(dataclasses.replace(TOKEN, target=Actor.PROXY))
    yield from (gallery.load(name) for name in NAMES)


@pytest.mark.parametrize("number", range(4 + len(NAMES)))
def test_no_words_lie_over_others_or_leave_the_sheet(number: int) -> None:
    scene = layout.scene(next(itertools.islice(drawn(), number, None)))
    words = [shape for shape in scene.shapes if isinstance(shape, Words)]

    for one in words:
        left, top, right, bottom = frame(one)
        assert min(left, top, scene.width - right, scene.height - bottom) >= 0, one.text
    for one, other in itertools.combinations(words, 2):
        assert not overlap(frame(one), frame(other)), (one.text, other.text)


def frame(words: Words) -> tuple[float, float, float, float]:
    wide = width_of(words.text, words.size, bold=words.bold)
    left = words.x - {"start": 0.0, "middle": wide / 2, "end": wide}[words.anchor]
    return left, words.y - words.size * 0.72, left + wide, words.y + words.size * 0.2


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_a_failed_step_is_red_with_the_servers_words_and_the_finding_beside_it() -> None:
    scene = layout.scene(BROKEN)
    red = [shape.text for shape in scene.shapes if isinstance(shape, Words) and shape.paint is Paint.BAD]
    cards = [shape for shape in scene.shapes if isinstance(shape, Box) and shape.fill is Paint.BAD_GROUND]

    assert "Sign my certificate request" in red
    assert "Token for istio-system/gateway" not in red
    assert "tether doctor: D11, west" in red
    assert len(cards) == 2
    assert any(words.text == "no Secret for this cluster" for words in scene.shapes if isinstance(words, Words))


def test_a_healthy_run_has_nothing_red() -> None:
    assert not [shape for shape in layout.scene(record()).shapes if isinstance(shape, Words) and
                shape.paint is Paint.BAD]  # fmt: skip


def test_the_svg_tells_those_who_do_not_see_it_what_happens() -> None:
    root = ElementTree.fromstring(diagram.svg(BROKEN))  # noqa: S314 - our own

    named = root.attrib["aria-labelledby"].split()
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.attrib["role"] == "img"
    assert [title.attrib["id"], description.attrib["id"]] == named
    assert "Step 2, Tether to istiod through East-west gateway" in (description.text or "")
    assert "no Secret for this cluster" in (description.text or "")
    assert "D11" in (description.text or "")


def test_two_drawings_on_one_page_share_no_name() -> None:
    names = [set(re.findall(r'(?:id|class)="(trace-[^ "]+)"', diagram.svg(one))) for one in (record(), BROKEN)]

    assert names[0]
    assert not names[0] & names[1]


def test_the_svg_is_dark_where_the_system_is() -> None:
    svg = diagram.svg(record())

    assert "@media (prefers-color-scheme:dark)" in svg
    assert LIGHT[Paint.GROUND] in svg
    assert DARK[Paint.GROUND] in svg


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_words_can_be_read_on_every_ground_that_they_stand_on(palette: dict[Paint, str]) -> None:
    grounds = (Paint.GROUND, Paint.CARD, Paint.REMOTE_GROUND, Paint.PRIMARY_GROUND, Paint.BAD_GROUND)
    inks = (Paint.INK, Paint.MUTED, Paint.BAD, Paint.WARN, Paint.OK, Paint.REMOTE, Paint.PRIMARY)
    for ink, ground in itertools.product(inks, grounds):
        assert contrast(palette[ink], palette[ground]) >= 4.5, f"{ink} on {ground}"


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""
    lights = sorted((luminance(one), luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_png_is_the_scene_at_twice_its_size() -> None:
    scene = layout.scene(BROKEN)
    image = Image.open(io.BytesIO(diagram.png(BROKEN)))

    assert image.format == "PNG"
    assert image.size == (round(scene.width * 4) // 2, round(scene.height * 4) // 2)
    colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []}
    assert any(near(colour, LIGHT[Paint.BAD]) for colour in colours)  # pyright: ignore[reportArgumentType]


def near(colour: tuple[int, int, int], wanted: str) -> bool:
    return all(abs(part - int(wanted[1 + 2 * index : 3 + 2 * index], 16)) < 12 for index, part in enumerate(colour))


def test_mermaid_text_says_the_same_in_the_same_order() -> None:
    head, _, text = diagram.mermaid(BROKEN).partition("autonumber")

    assert head.startswith("sequenceDiagram\n")
    assert text.index("Token for") < text.index("Sign my certificate") < text.index("Whose token is this?")
    opened = [line for line in text.splitlines() if line.startswith(("    rect ", "    box "))]
    assert len(opened) == text.splitlines().count("    end") == 3
    assert "istiod's log: no Secret for this cluster" in text
    assert "tether doctor D11" in text


def test_words_of_a_server_cannot_break_out_of_the_mermaid_text() -> None:
    text = diagram.mermaid(record(failed(CERTIFICATE, 'bad; end\n    T->>I: "<b>#{x}')))

    (line,) = [line for line in text.splitlines() if "bad" in line]
    assert line.startswith("    Note over ")
    assert not set('<{"') & set(line.partition("istiod's log: ")[2])
    assert ";" not in re.sub(r"#\d+;", "", line)


def test_words_of_a_server_cannot_break_out_of_the_svg() -> None:
    svg = diagram.svg(record(failed(CERTIFICATE, '</text><script>alert("x")</script>')))

    assert ElementTree.fromstring(svg) is not None  # noqa: S314 - our own
    assert "<script" not in svg


@settings(max_examples=50)
@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x24FF), max_size=200), st.integers(40, 400))
def test_wrapped_lines_are_no_wider_than_asked_and_lose_nothing(text: str, width: int) -> None:
    lines = wrapped(text, 12, width)

    assert all(width_of(line, 12) <= width for line in lines)
    assert re.sub(r"[ \t\r\n]", "", "".join(lines)) == re.sub(r"[ \t\r\n]", "", text)
