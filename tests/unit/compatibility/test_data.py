"""The shape of the tables: what a careless edit would break."""

from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from tether import versions
from tether.compatibility import bad_releases, lines, numbers
from tether.compatibility.bad_releases import BAD_RELEASES, BadRelease
from tether.compatibility.lines import LINES, Line

HOSTS = {"github.com", "istio.io"}


def is_link(text: str) -> bool:
    url = urlsplit(text)
    return url.scheme == "https" and url.hostname in HOSTS and len(url.path) > 1 and not set(text) & set(" ()|")


@pytest.mark.parametrize("bad", BAD_RELEASES, ids=lambda bad: f"{bad.range} {bad.label}")
def test_a_bad_range_lies_in_one_line_that_is_known_and_ends_where_it_was_fixed(bad: BadRelease) -> None:
    assert bad.first <= bad.last < bad.fixed
    assert bad.first[:2] == bad.last[:2] == bad.fixed[:2]
    assert bad.fixed[2] == bad.last[2] + 1
    assert lines.of(numbers.said(bad.first)) is not None


@pytest.mark.parametrize("bad", BAD_RELEASES, ids=lambda bad: f"{bad.range} {bad.label}")
def test_a_bad_range_has_a_reason_an_effect_and_a_link(bad: BadRelease) -> None:
    assert is_link(bad.link)
    assert bad.label.startswith(("istio/istio#", "ISTIO-SECURITY-"))
    for sentence in (bad.wrong, bad.breaks):
        assert sentence
        assert sentence[0].islower()
        assert not sentence.endswith(".")
        assert "|" not in sentence


def test_no_bug_is_listed_twice_for_a_release() -> None:
    seen = {(bad.first, bad.link) for bad in BAD_RELEASES}
    assert len(seen) == len(BAD_RELEASES)
    assert list(BAD_RELEASES) == sorted(BAD_RELEASES, key=lambda bad: bad.first[:2])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_line_names_a_range_of_kubernetes_and_its_source(line: Line) -> None:
    assert (1, 0) < line.kubernetes_oldest < line.kubernetes_newest
    assert is_link(line.source)
    assert line.name in line.source


def test_lines_follow_each_other_without_a_gap_and_go_forward() -> None:
    for before, after in pairwise(LINES):
        assert after.istio == (before.istio[0], before.istio[1] + 1)
        assert after.envoy == (before.envoy[0], before.envoy[1] + 1)
        assert after.kubernetes_oldest >= before.kubernetes_oldest
        assert after.kubernetes_newest >= before.kubernetes_newest


@pytest.mark.parametrize("made", versions.ISTIO_LINES, ids=lambda made: made.name)
def test_what_this_checkout_pins_of_a_line_goes_together(made: versions.IstioLine) -> None:
    line = next(line for line in LINES if line.name == made.name)
    for pin in (made.build, made.release):
        assert lines.of(pin.version) == line
        assert not list(bad_releases.of(pin.version))
    assert line.kubernetes_oldest <= (numbers.minor(versions.KUBERNETES.version) or ()) <= line.kubernetes_newest
    assert lines.of_envoy(made.envoy.version) == line


def test_the_lines_that_are_made_come_newest_first_and_the_newest_is_the_default() -> None:
    assert versions.DEFAULT_LINE is versions.ISTIO_LINES[0]
    assert lines.pinned().name == versions.DEFAULT_LINE.name
    numbered = [numbers.minor(made.name) or (0, 0) for made in versions.ISTIO_LINES]
    assert numbered == sorted(numbered, reverse=True)
    pinned = {pin for made in versions.ISTIO_LINES for pin in (made.build, made.release, made.envoy)}
    assert pinned <= set(versions.PINS)


@pytest.mark.parametrize(
    ("version", "labels"),
    [
        ("1.28.10", []),
        ("1.29.0", ["istio/istio#59875", "ISTIO-SECURITY-2026-006"]),
        ("1.29.3", ["istio/istio#60520", "ISTIO-SECURITY-2026-006"]),
        ("1.29.6", ["ISTIO-SECURITY-2026-006"]),
        ("1.29.7", []),
        ("1.30.2-debug", ["istio/istio#60612", "istio/istio#60920", "istio/istio#61043", "ISTIO-SECURITY-2026-006"]),
        ("1.30.3", ["istio/istio#60920", "istio/istio#61043", "ISTIO-SECURITY-2026-006"]),
        ("1.30.4", []),
        ("1.31.0", []),
        ("1.30-9739e10eb9d7", []),
        ("unknown", []),
    ],
)
def test_a_release_has_the_bugs_of_its_ranges(version: str, labels: list[str]) -> None:
    assert [bad.label for bad in bad_releases.of(version)] == labels


@pytest.mark.parametrize(
    ("istio", "chart"), [("1.31-eed52ebb66ad", "1.31.0-eed52ebb66ad"), ("1.31.1", "1.31.1"), ("1.32.0-rc.1",) * 2]
)
def test_a_chart_has_the_version_of_the_release_or_one_that_helm_can_read(istio: str, chart: str) -> None:
    assert versions.as_chart(istio) == chart
