from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.compatibility.making import BUILT, RELEASED, write_chart, write_charts
from tether import topology
from tether.compatibility import verdict
from tether.errors import ExitCode, Problem, UnsupportedError
from tether.parts import Parts
from tether.preflight import Finding
from tether.settings import read

PLAN = topology.plan(read({}))
PROBLEM = Problem(subject="a", wrong="is old", why="it may break", fix="make tools")


def warned(findings: list[Finding], *, allowed: bool, silent: dict[str, str] | None = None) -> list[str]:
    said: list[str] = []
    verdict.enforce(findings, silent or {}, said.append, allowed=allowed, project="tether")
    return said


@pytest.mark.parametrize("parts", [RELEASED, BUILT], ids=["releases", "packages"])
def test_what_the_toolchain_chooses_is_taken(parts: Parts, tmp_path: Path) -> None:
    write_charts(tmp_path, parts.istio_version)
    assert verdict.examine(PLAN, parts, tmp_path) == ([], {})


def test_everything_that_is_wrong_is_found_at_once(tmp_path: Path) -> None:
    parts = replace(BUILT, istio_version="1.30.3", kubernetes_version="1.31.2", envoy_version="1.36.1")
    write_charts(tmp_path, "1.30.3")
    write_chart(tmp_path, "gateway", "1.29.1")

    findings, _ = verdict.examine(PLAN, parts, tmp_path, running="1.28.3")

    subjects = {finding.problem.subject.rpartition(" ")[2] for finding in findings if finding.fatal}
    assert subjects == {
        "istio_version", "kubernetes_version", "envoy_version", "mesh.istioVersion", "charts.gateway",
    }  # fmt: skip


def test_fatal_findings_are_refused_together_with_both_ways_to_go_on() -> None:
    with pytest.raises(UnsupportedError) as raised:
        warned([Finding(problem=PROBLEM), Finding(problem=replace(PROBLEM, subject="b"))], allowed=False)

    assert raised.value.exit_code is ExitCode.PREFLIGHT
    assert [problem.subject for problem in raised.value.problems] == ["a", "b"]
    assert "2 findings; nothing was created" in str(raised.value)
    assert "tether up --allow-unsupported" in str(raised.value)
    assert "pulumi config set 'tether:allowUnsupported' true" in str(raised.value)


def test_what_is_allowed_becomes_a_warning_that_says_what_may_break() -> None:
    (said,) = warned([Finding(problem=PROBLEM)], allowed=True)
    assert "is old" in said
    assert "Why: it may break" in said


def test_what_is_not_fatal_is_only_warned_of() -> None:
    assert len(warned([Finding(problem=PROBLEM, fatal=False)], allowed=False)) == 1


def test_a_cluster_that_was_not_judged_is_told_of() -> None:
    assert warned([], allowed=False, silent={"west": "no answer"}) == ["Kubernetes of west was not judged: no answer"]


@pytest.mark.parametrize(
    ("setting", "variable", "allowed"),
    [("false", "", False), ("true", "", True), ("false", "true", True), ("false", "no", False)],
)
def test_the_setting_or_the_variable_allows_it(setting: str, variable: str, allowed: bool) -> None:
    settings = read({"tether:allowUnsupported": setting})
    assert verdict.is_allowed(settings, {verdict.VARIABLE: variable}) is allowed
