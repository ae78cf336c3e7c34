"""The reference page says what the code says, and the how-to what there is."""

import re
from pathlib import Path

from tether import testing
from tether.testing import page
from tether.testing.options import OPTIONS

ROOT = Path(__file__).parents[3]
HOW_TO = ROOT / "docs/how-to/test-your-service-with-pytest.md"


def test_the_reference_page_is_written_from_the_plugin() -> None:
    written = (ROOT / "docs/reference/testing.md").read_text()
    assert written == page.render(), "write it anew: python -m tether.testing.page > docs/reference/testing.md"


def test_everything_on_the_page_is_explained() -> None:
    rows = [line for line in page.render().splitlines() if line.startswith("| `")]
    assert rows
    assert not [row for row in rows if re.search(r"\|\s*\|$", row)]
    for name in testing.__all__:
        assert f"`{name}`" in page.render() or f"## {name}\n" in page.render()


def test_the_how_to_names_every_option_and_none_that_there_is_not() -> None:
    named = set(re.findall(r"--mesh-[a-z-]+", HOW_TO.read_text()))
    assert named == {option.name for option in OPTIONS}


def test_the_how_to_shows_the_examples_own_test() -> None:
    shown = re.search(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    assert shown
    assert shown[1].strip() in (ROOT / "examples/two-clusters/tests/test_services.py").read_text()
