from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.compatibility.making import BUILT, RELEASED, write_chart, write_charts
from tether import versions
from tether.compatibility import chart, judging
from tether.errors import Problem
from tether.parts import Parts
from toolchain import charts as toolchain_charts
from toolchain import releases


def refused(parts: Parts, folder: Path) -> list[Problem]:
    return [finding.problem for finding in judging.charts(chart.read(parts, folder)) if finding.fatal]


@pytest.mark.parametrize("parts", [RELEASED, BUILT], ids=["releases", "packages"])
def test_charts_of_the_images_version_are_taken(parts: Parts, tmp_path: Path) -> None:
    write_charts(tmp_path, parts.istio_version)
    assert not refused(parts, tmp_path)


@pytest.mark.parametrize("line", versions.ISTIO_LINES, ids=lambda line: line.name)
def test_charts_that_the_toolchain_stamps_are_those_that_are_wanted(tmp_path: Path, line: versions.IstioLine) -> None:
    built = replace(BUILT, istio_version=line.build.version)
    write_charts(tmp_path, built.istio_version)
    for name in toolchain_charts.ISTIO_CHARTS:
        write_chart(tmp_path, name, "1.0.0")
        toolchain_charts._stamp(tmp_path / "charts" / name / "Chart.yaml", line)  # pyright: ignore[reportPrivateUsage]
    assert not refused(built, tmp_path)


@pytest.mark.parametrize("line", versions.ISTIO_LINES, ids=lambda line: line.name)
def test_charts_that_the_toolchain_pulls_are_those_that_are_wanted(tmp_path: Path, line: versions.IstioLine) -> None:
    pulled = {one.name: one.version for one in releases._charts(line)}  # pyright: ignore[reportPrivateUsage]
    released = replace(RELEASED, istio_version=line.release.version)
    assert {claim.name: claim.wanted for claim in chart.read(released, tmp_path)} == pulled


@pytest.mark.parametrize("parts", [RELEASED, BUILT], ids=["releases", "packages"])
def test_charts_as_they_lie_in_istio_s_sources_are_refused(parts: Parts, tmp_path: Path) -> None:
    for name in parts.charts:
        write_chart(tmp_path, name, "1.0.0")
    assert [problem.subject.rpartition(".")[2] for problem in refused(parts, tmp_path)] == [
        "base", "gateway", "istiod", "metallb",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "app_version", "says"),
    [
        ("1.30.4", "1.31.1", "says version 1.30.4; istiod 1.31.1 goes"),
        ("1.31.1", "1.30.4", "says appVersion 1.30.4; istiod 1.31.1 goes"),
        ("1.31.0", "1.31.0", "says version 1.31.0, appVersion 1.31.0; istiod 1.31.1 goes"),
    ],
)
def test_a_chart_that_is_not_what_it_should_be_is_named(
    tmp_path: Path, version: str, app_version: str, says: str
) -> None:
    write_charts(tmp_path, RELEASED.istio_version)
    write_chart(tmp_path, "istiod", version, app_version)

    (problem,) = refused(RELEASED, tmp_path)
    assert (problem.subject, problem.shown) == (".tether/parts.json: charts.istiod", "charts/istiod")
    assert says in problem.wrong


def test_another_chart_in_the_place_of_one_is_named(tmp_path: Path) -> None:
    write_charts(tmp_path, RELEASED.istio_version)
    (tmp_path / "charts/istiod/Chart.yaml").write_text("name: gateway\nversion: 1.31.1\nappVersion: 1.31.1\n")
    (problem,) = refused(RELEASED, tmp_path)
    assert "says name gateway" in problem.wrong


@pytest.mark.parametrize(("content", "says"), [("a: [", "is no YAML"), ("- 1", "name (none)"), (None, "No such file")])
def test_a_chart_that_cannot_be_read_is_named(tmp_path: Path, content: str | None, says: str) -> None:
    write_charts(tmp_path, RELEASED.istio_version)
    file = tmp_path / "charts/base/Chart.yaml"
    file.unlink() if content is None else file.write_text(content)
    (problem,) = refused(RELEASED, tmp_path)
    assert says in problem.wrong
