"""The reference page says what the code says."""

import re
from pathlib import Path

from tether.doctor import page, rights
from tether.doctor.check import DOCS
from tether.doctor.registry import CHECKS
from tether.mesh import DEFAULT_NAMESPACE

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_written_from_the_checks() -> None:
    assert (ROOT / DOCS).read_text() == page.render(), f"write it anew: python -m tether.doctor.page > {DOCS}"


def test_every_finding_leads_to_a_place_on_the_page() -> None:
    places = set(re.findall(r'<a id="(\w+)"></a>', page.render()))

    assert {check.page.partition("#")[2] for check in CHECKS} == places
    assert {check.page.partition("#")[0] for check in CHECKS} == {DOCS}


def test_every_link_on_the_page_leads_somewhere() -> None:
    text = page.render()

    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= set(re.findall(r'<a id="(\w+)"></a>', text))
    for path in re.findall(r"\]\(((?!#)[^)]+)\)", text):
        assert (ROOT / DOCS).parent.joinpath(path).resolve().is_file()


def test_every_check_says_what_it_is_about() -> None:
    for check in CHECKS:
        assert all((check.title, check.symptom, check.cause, check.remedy)), check.id
        assert not check.title.endswith(".")
        assert check.remedy.endswith(".")


def test_the_rights_on_the_page_are_those_that_the_command_prints() -> None:
    assert f"```yaml\n{rights.render(DEFAULT_NAMESPACE)}```" in page.render()
