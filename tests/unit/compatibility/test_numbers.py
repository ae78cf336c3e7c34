import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether.compatibility import numbers

NUMBER = st.integers(min_value=0, max_value=10**6)
BEHIND = st.sampled_from(["", "-debug", "-distroless", "-rc.0", "+k3s1", "-gke.1200", "-eks-a5565ad", "-x-Clean"])


@given(major=NUMBER, minor=NUMBER, patch=NUMBER, prefix=st.sampled_from(["", "v"]), behind=BEHIND)
def test_a_release_is_read_whatever_stands_around_its_numbers(
    major: int, minor: int, patch: int, prefix: str, behind: str
) -> None:
    text = f"{prefix}{major}.{minor}.{patch}{behind}"

    assert numbers.patch(text) == (major, minor, patch)
    assert numbers.minor(text) == (major, minor)


@given(major=NUMBER, minor=NUMBER, commit=st.from_regex(r"[0-9a-f]{12}", fullmatch=True))
def test_a_build_of_a_branch_has_a_line_and_no_release(major: int, minor: int, commit: str) -> None:
    text = f"{major}.{minor}-{commit}"

    assert numbers.patch(text) is None
    assert numbers.minor(text) == (major, minor)


@given(st.tuples(NUMBER, NUMBER, NUMBER))
def test_what_is_said_is_read_back(release: numbers.Patch) -> None:
    assert numbers.patch(numbers.said(release)) == release


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    line, release = numbers.minor(text), numbers.patch(text)

    assert release is None or line == release[:2]


@pytest.mark.parametrize("text", ["", "latest", "dev", "unknown", "1", "v2", "abc1.2", "sha256:77"])
def test_what_is_no_version_has_no_numbers(text: str) -> None:
    assert numbers.minor(text) is None
    assert numbers.patch(text) is None
