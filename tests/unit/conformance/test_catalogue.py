"""Every test that a program lists is in exactly one group, or left out with a reason."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.catalogue import GROUPS, LEFT_OUT, SECTIONED, dealt, functions, units

NAMES = st.lists(
    st.sampled_from(
        [
            "TestTraffic/dns",
            "TestTraffic/new",
            "TestGateway",
            "TestAuthz_JWT",
            "TestNew",
            "TestReachability/mtls_strict",
            *LEFT_OUT,
        ]
    ),
    unique=True,
)


@given(pilot=NAMES, security=NAMES)
def test_no_test_is_lost_and_none_runs_twice(pilot: list[str], security: list[str]) -> None:
    groups = dealt({"pilot": pilot, "security": security})
    for suite, listed in (("pilot", pilot), ("security", security)):
        ran = [test for group in GROUPS if group.suite == suite for test in groups[group.title]]
        assert sorted(ran) == sorted(test for test in listed if test not in LEFT_OUT)


def test_every_suite_has_a_group_for_what_a_new_istio_brings() -> None:
    for suite in ("pilot", "security"):
        assert len([group for group in GROUPS if group.suite == suite and not group.tests]) == 1


def test_what_the_issue_names_is_run_first() -> None:
    groups = dealt({"pilot": ["TestClusterLocal", "TestBadRemoteSecret"], "security": ["TestReachability/mtls_strict"]})
    titles = [title for title, tests in groups.items() if tests]
    assert titles == ["clusters and remote secrets", "reachability"]


def test_every_test_that_is_left_out_has_a_reason() -> None:
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


def test_tests_are_found_in_the_order_in_which_go_runs_them(tmp_path: Path) -> None:
    (tmp_path / "b_test.go").write_text("func TestB(t *testing.T) {\n}\n\nfunc TestA(t *testing.T) {\n}\n")
    (tmp_path / "a_test.go").write_text("func TestMain(m *testing.M) {\n}\n\nfunc TestC(t *testing.T) {\n}\n")
    (tmp_path / "a.go").write_text("func TestHelper(t *testing.T) {\n}\n")
    assert functions(tmp_path) == ["TestC", "TestB", "TestA"]


def test_a_test_that_is_half_of_its_suite_counts_by_its_sections(tmp_path: Path) -> None:
    source = tmp_path / SECTIONED["TestTraffic"][0]
    source.parent.mkdir(parents=True)
    source.write_text('\tRunCase("dns", DNSTestCases)\n\tRunSkipAmbient("loop", trafficLoopCases, "no")\n')
    assert units(["TestA", "TestTraffic"], tmp_path) == ["TestA", "TestTraffic/dns", "TestTraffic/loop"]


def test_sections_are_named_as_go_names_subtests(tmp_path: Path) -> None:
    source = tmp_path / SECTIONED["TestReachability"][0]
    source.parent.mkdir(parents=True)
    source.write_text('\t\t\t\t{\n\t\t\t\t\tname: "mtls strict",\n\t\t\t\t\tname:       "mtls port override",\n')
    names = ["TestReachability/mtls_strict", "TestReachability/mtls_port_override"]
    assert units(["TestReachability"], tmp_path) == names


def test_a_file_in_which_no_section_is_found_is_an_error_and_not_an_empty_run(tmp_path: Path) -> None:
    source = tmp_path / SECTIONED["TestTraffic"][0]
    source.parent.mkdir(parents=True)
    source.write_text("package common\n")
    with pytest.raises(ValueError, match="no sections of TestTraffic"):
        units(["TestTraffic"], tmp_path)


def test_sections_are_never_run_together_with_other_tests() -> None:
    groups = dealt({"pilot": ["TestTraffic/dns", "TestTraffic/new", "TestVersion", "TestMirroring"], "security": []})
    for tests in groups.values():
        assert len({test.count("/") for test in tests}) <= 1
