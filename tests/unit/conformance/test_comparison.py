"""What istioctl says counts by what it says otherwise than on the healthy mesh."""

from conformance import comparison, comparison_page
from conformance.comparison import Row, Said

ROW = Row(
    title="the token is not valid", check="D13", seen="401 | Unauthorized", fix="kubectl …", seconds=2.5,
    istioctl=(
        Said(tool="analyze"),
        Said(tool="remote-clusters", more=("cluster2 timeout",), less=("cluster2 synced",)),
    ),
)  # fmt: skip


def test_pods_times_and_durations_are_no_difference() -> None:
    one = comparison.normal("istiod-8674f4769-fkgml  SYNCED  2026-11-23T09:27:45.3Z  after 3.2s\n\n")
    other = comparison.normal("istiod-565766885d-j7nbs SYNCED 2026-11-24T01:00:00.1Z after 12ms\n")
    assert one == other == ["istiod… SYNCED … after …"]


def test_a_message_that_names_clusters_in_any_order_is_no_difference() -> None:
    text = (
        'Warning [IST0170] [cluster-{0}] (Service a/b) The service b is inconsistent across clusters ["{0}" "{1}"], so'
    )
    assert comparison.normal(text.format("default", "cluster2")) == comparison.normal(
        text.format("cluster2", "default")
    )


def test_lines_that_are_new_and_lines_that_are_gone_are_told_apart() -> None:
    assert comparison.difference(["a", "b"], ["b", "c"]) == (("c",), ("a",))


def test_the_same_lines_in_another_order_are_no_difference() -> None:
    assert comparison.difference(["a", "b"], ["b", "a"]) == ((), ())


def test_the_page_shows_both_side_by_side() -> None:
    page = comparison_page.render([ROW])
    assert "| the token is not valid | **D13** 401 \\| Unauthorized | nothing new |" in page
    assert "`+` cluster2 timeout<br>`-` cluster2 synced" in page
    assert "The doctor found 1 of 1" in page


def test_the_committed_page_is_made_from_the_committed_rows() -> None:
    kept = (comparison.DOCS / "doctor-and-istioctl.md").read_text()
    assert kept == comparison_page.render(comparison.read())
