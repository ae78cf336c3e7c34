"""The reference page says what the code says."""

from pathlib import Path

from tether.settings import page

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_written_from_the_settings() -> None:
    written = (ROOT / "docs/reference/settings.md").read_text()
    assert written == page.render(), "write it anew: python -m tether.settings.page > docs/reference/settings.md"


def test_every_setting_says_what_it_is() -> None:
    rows = [line for line in page.render().splitlines() if line.startswith("| `")]
    assert rows
    assert not [row for row in rows if row.endswith("|  |")]
