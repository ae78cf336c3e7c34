from hypothesis import given
from hypothesis import strategies as st

from tether.report import lettering

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=120)


@given(TEXT, st.floats(20, 400), st.booleans())
def test_fitted_text_is_never_wider_than_its_space(text: str, space: float, monospaced: bool):
    shown = lettering.fit(text, space, 12, monospaced=monospaced)
    assert lettering.width(shown, 12, monospaced=monospaced) <= space


def test_text_that_fits_is_left_as_it_is():
    assert lettering.fit("cluster1", 200, 12) == "cluster1"


def test_long_text_keeps_both_of_its_ends():
    shown = lettering.fit("arn:aws:eks:eu-central-1:123456789012:cluster/production-7", 160, 12)
    assert shown.startswith("arn:aws")
    assert shown.endswith("tion-7")
    assert lettering.ELLIPSIS in shown


def test_bold_text_takes_more_room_than_plain_text():
    assert lettering.width("cluster", 12, bold=True) > lettering.width("cluster", 12)
