"""The line of Istio before the newest carries a mesh as well, in a checkout that runs it."""

import json
import os
from collections.abc import Iterator

import pytest

from tests.checkout import copy_of_the_checkout
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, Environment, standing
from tether import parts, versions
from tether.errors import ExitCode
from tether.trace import document
from tether.verify import matrix
from toolchain import build, istio_line, places, schedule
from toolchain.places import Checkout
from toolchain.store import Store

_, OLDER = versions.ISTIO_LINES
CLUSTERS = ("cluster1", "cluster2")


def parts_that_are_missing() -> list[str]:
    """Parts of the older line that nobody has made yet."""
    store = Store(places.cache())
    wanted = build.plan(build.decide(Checkout(PROJECT), OLDER)).artefacts
    return [artefact.name for artefact in schedule.closure(wanted) if not store.has(artefact)]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh of the older line, its state elsewhere; whoever runs on after its first ``up`` names the line no more."""
    assert not parts_that_are_missing(), "make them with: python -m toolchain test-tools"
    state = tmp_path_factory.mktemp("state")
    checkout = copy_of_the_checkout(tmp_path_factory.mktemp("older") / "tether")
    environment = Environment(project=checkout, backend=state.as_uri())
    with standing(environment, {istio_line.VARIABLE: OLDER.name}) as result:
        yield Mesh(environment=environment, result=result, up_at=0.0)
    kept = [state, *((checkout / ".tether" / name) for name in ("environments", "events", "kubeconfigs"))]
    left = [file for place in kept for file in place.rglob(f"*{environment.stack}*") if file.is_file()]
    assert left == [], "the record goes with the mesh, wherever it was"


@pytest.fixture(autouse=True)
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(istio_line.VARIABLE, raising=False)


def test_istiod_and_the_gateways_of_every_cluster_are_of_the_older_line(older: Mesh) -> None:
    chosen = parts.read(older.environment.project / parts.FILE)
    assert chosen.istio_version in (OLDER.build.version, OLDER.release.version)
    assert older.environment.output("mesh")["istioVersion"] == chosen.istio_version
    for cluster in CLUSTERS:
        pods = older.environment.get(cluster, "-n", "istio-system", "pods")["items"]
        images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
        assert images == {chosen.images.proxy} | ({chosen.images.pilot} if cluster == "cluster1" else set())


def test_every_cluster_is_answered_by_every_other_one(older: Mesh) -> None:
    ran = older.environment.run(TETHER, "verify", "--only", "http,tcp", "--requests", "10", "--output", "json")
    found = matrix.read(json.loads(ran.stdout))
    assert ran.code == ExitCode.OK, ran.talk
    assert {(cell.source, cell.destination) for cell in found.cells} >= {CLUSTERS, CLUSTERS[::-1]}


def test_the_doctor_finds_nothing(older: Mesh) -> None:
    ran = older.environment.run(TETHER, "doctor")
    assert ran.code == ExitCode.OK, ran.talk


def test_a_trace_of_the_first_authentication_ends_well(older: Mesh) -> None:
    ran = older.environment.run(TETHER, "trace", "--output", "json")
    record = document.read(ran.stdout)
    assert (ran.code, record.ok, record.failed) == (ExitCode.OK, True, None), ran.talk


def test_the_line_stays_with_the_checkout_and_up_again_changes_nothing(older: Mesh) -> None:
    assert istio_line.VARIABLE not in os.environ
    assert older.environment.up()["changes"] == 0
