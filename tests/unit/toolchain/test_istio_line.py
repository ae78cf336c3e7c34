from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.compatibility.making import BUILT
from tether import parts, versions
from toolchain import build, istio_line, releases, schedule, sources, status
from toolchain.places import Cache, Checkout
from toolchain.sources import Choice, Source, SourceError
from toolchain.store import Artefact, Store, Workshop

NEWEST, OLDER = versions.ISTIO_LINES
OF_A_LINE = {
    "pilot-discovery", "pilot-agent", "istioctl", "envoy", "istio-files", "pod-images", "node-image", "charts",
}  # fmt: skip
"""What differs from line to line."""


def choice(line: versions.IstioLine, source: Source = Source.PACKAGES) -> Choice:
    return Choice(source=source, why="", line=line, installed={}, notes={})


def artefacts(line: versions.IstioLine) -> dict[str, Artefact]:
    return {artefact.name: artefact for artefact in schedule.closure(build.plan(choice(line)).artefacts)}


@pytest.mark.parametrize(
    ("asked", "recorded", "line"),
    [
        ("", "", NEWEST),
        ("1.30", "", OLDER),
        ("1.30", "1.31-eed52ebb66ad", OLDER),
        ("", "1.30-9739e10eb9d7", OLDER),
        ("", "1.30.5", OLDER),
        ("1.31", "1.30.5", NEWEST),
        ("", "1.31.0", NEWEST),
        ("", "1.29.7", NEWEST),
        ("", "unknown", NEWEST),
    ],
)
def test_the_environment_chooses_the_line_then_what_the_checkout_has_then_the_newest(
    asked: str, recorded: str, line: versions.IstioLine
):
    assert istio_line.wanted({"TETHER_ISTIO": asked}, recorded) is line


@pytest.mark.parametrize("name", ["1.29", "1.3", "1.30.5", "newest"])
def test_a_line_that_is_not_made_is_refused_with_the_ones_that_are(name: str):
    with pytest.raises(SourceError, match=rf"TETHER_ISTIO={name} .* 1\.31, 1\.30"):
        istio_line.wanted({"TETHER_ISTIO": name})


def test_a_checkout_stays_with_its_line_until_another_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TETHER_SOURCE", "packages")
    monkeypatch.delenv("TETHER_ISTIO", raising=False)
    clone = Checkout(tmp_path)
    assert build.decide(clone).line is NEWEST
    parts.write(replace(BUILT, istio_version=OLDER.build.version), clone.parts)
    assert build.decide(clone).line is OLDER
    monkeypatch.setenv("TETHER_ISTIO", "1.31")
    assert build.decide(clone).line is NEWEST


def test_only_what_differs_is_built_twice():
    newest, older = artefacts(NEWEST), artefacts(OLDER)
    assert set(newest) == set(older)
    assert {name for name in newest if newest[name].digest != older[name].digest} == OF_A_LINE


def test_what_is_built_of_a_line_says_so_and_comes_with_its_envoy():
    plan = build.plan(choice(OLDER))
    assert plan.istio is OLDER.build
    assert plan.images.pilot.endswith(":1.30-9739e10eb9d7")
    assert plan.images.proxy.endswith(":1.30-9739e10eb9d7")
    assert plan.images.node != build.plan(choice(NEWEST)).images.node
    assert plan.tools["istioctl"][0] is OLDER.build
    made = artefacts(OLDER)
    assert "pkg/version.buildVersion=1.30-9739e10eb9d7" in made["pilot-discovery"].inputs["flags"]
    assert made["envoy"].inputs["version"] == OLDER.envoy.version


def test_releases_of_a_line_are_its_newest_published_ones():
    plan = build.plan(choice(OLDER, Source.RELEASES))
    assert plan.istio is OLDER.release
    assert plan.images == releases.images(OLDER)
    assert plan.images.proxy == "docker.io/istio/proxyv2:1.30.5"
    pin, istioctl, _ = plan.tools["istioctl"]
    assert pin is OLDER.release
    assert "/1.30.5/istioctl-1.30.5-" in istioctl.inputs["url"]
    assert plan.charts.inputs["istiod"] == "ghcr.io/istio/release/charts/istiod:1.30.5"


@pytest.mark.parametrize(("line", "fits"), [(OLDER, True), (NEWEST, False)])
def test_an_installed_istioctl_fits_the_mesh_of_its_own_line(line: versions.IstioLine, fits: bool):
    (need,) = [need for need in sources.needs(line) if need.name == "istioctl"]
    assert need.fits((1, 30, 9)) is fits


def test_the_status_tells_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clone = Checkout(tmp_path)
    tool = parts.Tool(path="/bin/kind", version="1", source="packages", why="")
    parts.write(replace(BUILT, istio_version=OLDER.build.version, tools={"kind": tool}), clone.parts)
    monkeypatch.setattr(status.places, "checkout", lambda: clone)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TETHER_SOURCE", "packages")
    monkeypatch.delenv("TETHER_ISTIO", raising=False)
    assert "Istio line  1.30 of 1.31, 1.30" in status.describe()


def fill(workshop: Workshop) -> None:
    (workshop.draft / "content").write_text("x")


def test_the_other_lines_are_made_for_tests_and_the_checkout_stays_with_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TETHER_SOURCE", "packages")
    monkeypatch.delenv("TETHER_ISTIO", raising=False)
    clone = Checkout(tmp_path / "clone")
    monkeypatch.setattr(build.places, "checkout", lambda: clone)
    found = build.runtime.Found(name="podman", version="4.3.1", why="")
    monkeypatch.setattr(build.runtime, "find", lambda _, recorded: found)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    made = {line: Artefact(name=f"of-{line.name}", make=fill) for line in versions.ISTIO_LINES}
    whole = build.plan

    def small(choice: Choice) -> build.Plan:
        return replace(whole(choice), artefacts=(made[choice.line],), node_archive=None)

    monkeypatch.setattr(build, "plan", small)
    build.ensure_other_lines()
    store = Store(Cache(tmp_path / "tether"))
    assert store.has(made[OLDER])
    assert not store.has(made[NEWEST])
    assert not clone.private.exists()


def test_istios_own_tests_are_refused_to_a_checkout_of_another_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build.places, "checkout", lambda: Checkout(tmp_path))
    monkeypatch.setenv("TETHER_SOURCE", "packages")
    monkeypatch.setenv("TETHER_ISTIO", "1.30")
    with pytest.raises(SourceError, match=r"TETHER_ISTIO=1\.31 make conformance"):
        build.ensure_istio_tests()
