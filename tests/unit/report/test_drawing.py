import dataclasses
import itertools
import re
from xml.etree import ElementTree

import pytest

from tests.unit.report.meshes import broken, mesh
from tether.report import drawing
from tether.report.picture import Picture

SVG = "{http://www.w3.org/2000/svg}"
EVIL = '</text><script>alert(1)</script><a href="x">&'


def named(name: str) -> Picture:
    picture = mesh()
    first, second = picture.clusters
    return dataclasses.replace(picture, clusters=(first, dataclasses.replace(second, name=name, network=name)))


def test_it_is_well_formed_with_a_title_and_a_description_for_screen_readers():
    root = ElementTree.fromstring(drawing.wide(mesh(2)))  # noqa: S314 - our own file
    assert root.attrib["role"] == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {description.attrib['id']}"
    assert title.text == "Mesh mesh1"
    assert "Remote cluster3 on network3 is read by istiod at https://cluster3" in (description.text or "")


def test_the_description_says_what_is_wrong():
    words = drawing.describe(broken())
    assert (
        "Remote cluster4 on network4 has no remote secret, looks in vain for istiod at 192.0.2.7, and has no" in words
    )
    assert "trusted by 3 of 5 clusters" in words


@pytest.mark.parametrize("write", [drawing.wide, drawing.narrow])
def test_names_are_text_and_never_markup(write: drawing.Writer):
    svg = write(named(EVIL))
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own file
    assert root.find(f".//{SVG}script") is None
    assert "<script" not in svg
    assert any(EVIL in "".join(text.itertext()) for text in root.iter(f"{SVG}text"))


def test_control_characters_do_not_break_the_file():
    name = "a\x00b\x1bc\ud800d".encode(errors="replace").decode()
    ElementTree.fromstring(drawing.wide(named(name)))  # noqa: S314 - our own file


def palettes() -> dict[str, dict[str, str]]:
    found = re.findall(r"svg\{(--page:[^}]*?)(?:font-family|\})", drawing.STYLE.replace("\n", ""))
    light, dark = (dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", text)) for text in found)
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(letter * 2 for letter in colour[1:])
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_what_they_lie_on(scheme: str):
    """WCAG 2.2: 4.5 for text, 3 for graphics; text lies on page, panel, cards and their parts."""
    colours = palettes()[scheme]
    assert len(colours) == 13
    for ink, ground in itertools.product(("ink", "quiet"), ("page", "panel", "card", "part", "pill")):
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for line in ("reading", "control", "traffic"):
        assert contrast(colours[line], colours["panel"]) >= 4.5, line
    for sign in ("traffic", "wrong"):
        assert contrast(colours[sign], colours["part"]) >= 3, sign
    assert contrast(colours["card"], colours["control"]) >= 4.5
