import pytest

from tether import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 2592000),
        ("12h", 43200),
        ("2w", 1209600),
        ("1h30m", 5400),
        (" 2H ", 7200),
        ("45s", 45),
        ("1d1h1m1s", 90061),
    ],
)
def test_a_duration_is_read(text: str, seconds: float):
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "30 d", "-1d", "1.5h", "30days", "1y", "1m2h", "²h"])
def test_what_is_no_duration_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="for example 45m"):
        durations.seconds(text)
