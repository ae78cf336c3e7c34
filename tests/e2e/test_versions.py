"""Versions that cannot be used are refused on real clusters, all at once, before anything is made."""

import contextlib
import json
import shutil
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import copy_of_the_checkout, with_tools
from tests.e2e.api_front import Front, front
from tests.e2e.conftest import Mesh
from tests.e2e.environment import TETHER, Environment
from tether import parts, versions
from tether.compatibility import lines
from tether.errors import ExitCode

CLUSTERS = {"cluster1": "primary", "cluster2": "remote"}
OLD = "v1.28.15"
"""A Kubernetes that no line of Istio needs any more."""
ENGINE_FAILED = 1
NO_PREVIEW = ("up", "--yes", "--skip-preview")
ONLY_THE_VERSION = {("GET", "/version")}


@pytest.fixture(scope="module")
def fronts(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Front]]:
    """Before the API server of every cluster one that claims to be old."""
    with contextlib.ExitStack() as standing:
        yield {
            name: standing.enter_context(
                front(mesh.environment.kubeconfig(name).read_text(), OLD, tmp_path_factory.mktemp(name))
            )
            for name in CLUSTERS
        }


@pytest.fixture
def settings(mesh: Mesh, fronts: Mapping[str, Front], tmp_path: Path) -> dict[str, Any]:
    """A mesh over the clusters as they are seen through the fronts, which remember nothing yet."""
    servers: dict[str, str] = {
        endpoint["cluster"]: endpoint["apiServer"] for endpoint in mesh.environment.output("endpoints")
    }
    listed: list[dict[str, Any]] = []
    for name, role in CLUSTERS.items():
        fronts[name].asked.clear()
        file = tmp_path / f"{name}.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(fronts[name].kubeconfig)
        own = {"platform": "existing", "kubeconfig": str(file), "apiServer": servers[name]}
        listed.append({"name": name, "role": role, "network": f"network-{name}", **own})
    return {"clusters": listed}


@contextlib.contextmanager
def refusing(environment: Environment) -> Generator[Environment]:
    """An environment in which nothing is ever made."""
    try:
        yield environment
        assert [one["type"] for one in environment.state() if one["type"] != "pulumi:pulumi:Stack"] == []
    finally:
        environment.remove()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ((TETHER, "up"), ExitCode.PREFLIGHT),
        ((TETHER, "preview"), ExitCode.PREFLIGHT),
        (("pulumi", "preview"), ENGINE_FAILED),
        (("pulumi", *NO_PREVIEW), ENGINE_FAILED),
    ],
    ids=["tether up", "tether preview", "pulumi preview", "pulumi up"],
)
def test_every_cluster_below_istio_s_oldest_kubernetes_is_named_and_asked_for_nothing_else(
    command: tuple[str, ...], code: int, settings: dict[str, Any], fronts: Mapping[str, Front]
) -> None:
    oldest = lines.numbers.said(lines.pinned().kubernetes_oldest)
    with refusing(Environment(settings=settings)) as environment:
        if command[0] == "pulumi":
            assert environment.pulumi("stack", "init", environment.stack).code == 0
        ran = environment.run(*command)
        assert ran.code == code, ran.talk
        assert "Versions that cannot be used: 2 findings; nothing was created." in ran.talk
        for index, name in enumerate(CLUSTERS):
            assert f"tether:clusters[{index}].kubeconfig = {name} with Kubernetes {OLD}" in ran.talk
            assert f"needs Kubernetes {oldest} or newer" in ran.talk
            assert f"Fix: Bring cluster {name} to a Kubernetes from {oldest}" in ran.talk
        assert "Traceback" not in ran.talk
    assert {name: {*one.asked} for name, one in fronts.items()} == dict.fromkeys(CLUSTERS, ONLY_THE_VERSION)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with all its parts, which may be spoilt."""
    return with_tools(copy_of_the_checkout(tmp_path_factory.mktemp("versions") / "tether"))


@pytest.fixture
def spoilt(copy: Path) -> Iterator[Path]:
    """The same; its record of parts and its charts are put back."""
    record, charts = (copy / parts.FILE).read_text(), copy / parts.FILE.parent / "charts"
    kept = copy / "charts.kept"
    shutil.copytree(charts, kept, symlinks=True)
    yield copy
    (copy / parts.FILE).write_text(record)
    shutil.rmtree(charts)
    kept.rename(charts)


def spoil(checkout: Path, chart: Mapping[str, str] | None = None, **changes: str) -> parts.Parts:
    """Have the record of parts say something else, and charts claim another version; the parts as they were."""
    before = parts.read(checkout / parts.FILE)
    record = json.loads((checkout / parts.FILE).read_text())
    (checkout / parts.FILE).write_text(json.dumps({**record, **changes}))
    for name, version in (chart or {}).items():
        link = checkout / before.charts[name].path
        real = link.resolve()
        link.unlink()
        shutil.copytree(real, link)
        claim = link / "Chart.yaml"
        claim.write_text(claim.read_text().replace(versions.as_chart(before.istio_version), version))
    return before


def test_a_known_bad_istio_proxies_ahead_of_it_charts_of_another_version_and_old_clusters_are_told_at_once(
    spoilt: Path, settings: dict[str, Any], fronts: Mapping[str, Front]
) -> None:
    before = spoil(spoilt, istio_version="1.30.3")
    with refusing(Environment(project=spoilt, settings=settings)) as environment:
        assert environment.pulumi("stack", "init", environment.stack).code == 0
        ran = environment.pulumi(*NO_PREVIEW)
    assert ran.code == ENGINE_FAILED, ran.talk
    assert "Traceback" not in ran.talk
    for told in (
        ".tether/parts.json: istio_version = 1.30.3",
        "https://github.com/istio/istio/issues/60920",
        "fixed in 1.30.4",
        f".tether/parts.json: envoy_version = {before.envoy_version}",
        "is a proxy of Istio 1.31 beside an istiod of 1.30",
        *(f".tether/parts.json: charts.{name} = " for name in ("base", "gateway", "istiod")),
        f"cluster1 with Kubernetes {OLD}",
        f"cluster2 with Kubernetes {OLD}",
    ):
        assert told in ran.talk, ran.talk
    assert {name: {*one.asked} for name, one in fronts.items()} == dict.fromkeys(CLUSTERS, ONLY_THE_VERSION)


def test_proxies_two_minors_behind_and_a_chart_that_claims_another_version_are_refused(spoilt: Path) -> None:
    behind = next(line for line in lines.LINES if line.istio[1] == lines.pinned().istio[1] - 2)
    before = spoil(spoilt, {"gateway": "1.29.1"}, envoy_version=f"{lines.numbers.said(behind.envoy)}.0")
    with refusing(Environment(project=spoilt)) as environment:
        assert environment.pulumi("stack", "init", environment.stack).code == 0
        ran = environment.pulumi(*NO_PREVIEW)
    assert ran.code == ENGINE_FAILED, ran.talk
    assert "Versions that cannot be used: 2 findings; nothing was created." in ran.talk
    istiod = lines.pinned().name
    assert f"is a proxy of Istio {behind.name} beside an istiod of {istiod}" in ran.talk
    assert f"charts.gateway = {before.charts['gateway'].path}" in ran.talk
    assert f"says version 1.29.1, appVersion 1.29.1; gateway {versions.as_chart(before.istio_version)} goes" in ran.talk


def stack_of_a_mesh(environment: Environment, istio: str) -> None:
    """Give an environment the state of a mesh that runs a version of Istio, as far as anybody asks for it."""
    assert environment.pulumi("stack", "init", environment.stack).code == 0
    kind = "pulumi:pulumi:Stack"
    urn = f"urn:pulumi:{environment.stack}::tether::{kind}::tether-{environment.stack}"
    stack = {"urn": urn, "custom": False, "type": kind, "outputs": {"mesh": {"istioVersion": istio}}}
    document = json.dumps({"version": 3, "deployment": {"resources": [stack]}})
    ran = environment.run("pulumi", "stack", "import", "--non-interactive", stdin=document)
    assert ran.code == 0, ran.talk


@pytest.mark.parametrize(
    ("command", "code"),
    [((TETHER, "up"), ExitCode.PREFLIGHT), (("pulumi", *NO_PREVIEW), ENGINE_FAILED)],
    ids=["tether up", "pulumi up"],
)
def test_an_istiod_two_minors_ahead_of_the_proxies_that_run_is_refused_with_the_way_there(
    command: tuple[str, ...], code: int, settings: dict[str, Any]
) -> None:
    """Over clusters that are there: for more of them there may be no room beside what other tests have."""
    *_, behind, between, _ = lines.LINES
    with refusing(Environment(settings=settings)) as environment:
        stack_of_a_mesh(environment, f"{behind.name}.7")
        before = {one["urn"]: one.get("outputs") for one in environment.state()}
        ran = environment.run(*command)
        assert ran.code == code, ran.talk
        assert f"stack output mesh.istioVersion = {behind.name}.7" in ran.talk
        assert f"its proxies would meet an istiod of {lines.pinned().name}" in ran.talk
        assert f"Fix: {versions.LINE_VARIABLE}={between.name} make up" in ran.talk
        assert {one["urn"]: one.get("outputs") for one in environment.state()} == before
