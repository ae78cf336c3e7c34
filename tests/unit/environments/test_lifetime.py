import datetime

import pytest

from tether.environments import lifetime

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(("text", "says"), [("59s", "less than a minute"), ("31d", "tether env keep"), ("0h", "less")])
def test_a_life_that_nobody_can_want_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        lifetime.of_environment(text)


def test_an_environment_is_over_from_its_last_second_on() -> None:
    def why(seconds: int) -> str:
        end = NOON + datetime.timedelta(seconds=seconds)
        return lifetime.why_over(end, owner_is_gone="", moment=NOON)

    assert why(1) == ""
    assert why(0) == why(-1).replace("11:59", "12:00") == "expired at 2026-11-28 12:00 UTC"


def test_one_without_an_end_is_over_with_its_process_only() -> None:
    assert lifetime.why_over(None, owner_is_gone="", moment=NOON) == ""
    assert lifetime.why_over(None, owner_is_gone="gone", moment=NOON) == "gone"
