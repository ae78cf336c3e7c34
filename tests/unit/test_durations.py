import pytest

from tether import durations


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2592000), ("12h", 43200), ("2w", 1209600), ("1h30m", 5400)])
def test_a_duration_is_read(text: str, seconds: float):
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "30 d", "-1d", "1.5h", "30days", "1y"])
def test_what_is_no_duration_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="30d, 12h or 2w"):
        durations.seconds(text)
