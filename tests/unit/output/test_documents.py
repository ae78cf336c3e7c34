"""Every kind of document as a command gives it, compared with a kept one."""

import contextlib
import datetime
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.engine_bench import Bench
from tests.unit.cli.remote_world import World
from tests.unit.cli.test_foreseen import of, step, told, violation
from tests.unit.cli.workbench import SUFFIX, checkout
from tests.unit.doctor.breaking import SECRET, drop
from tests.unit.doctor.fake_mesh import FakeMesh
from tests.unit.output.conftest import Typed
from tests.unit.output.golden import FOLDER, compare, parsed
from tests.unit.removal.fake_remote import put_pod
from tests.unit.report import reports
from tests.unit.report.meshes import broken
from tests.unit.trace.records import CERTIFICATE, DIAGNOSIS, REVIEW, TOKEN, failed, record
from tests.unit.verify import fake_mesh
from tests.unit.verify.test_reaper import ended_process, namespace
from tests.unit.verify.test_rendering import BROKEN
from tether.cli import doctor, expiry, foreseen_document, foreseen_forms, report, topology, verify
from tether.cli.ending import Ending
from tether.doctor import document as doctors
from tether.doctor.registry import CHECKS
from tether.kinds import Kind
from tether.trace import document as traces
from tether.verify import matrix
from tether.verify.reaper import KEPT

REMOVE = ("remote", "remove", "west", "--stack", "kind", "--output", "json")


def means(monkeypatch: pytest.MonkeyPatch, command: Any, mesh: Any) -> None:
    """Have a command mean a mesh, however it is named."""

    @contextlib.contextmanager
    def opened(_: object) -> Generator[Any]:
        yield mesh

    monkeypatch.setattr(command, "opened", opened)


def giving(value: object) -> Callable[..., object]:
    """Something that gives a value, whatever it is asked."""

    def give(*_: object, **__: object) -> object:
        return value

    return give


def test_there_is_a_kept_document_of_every_kind() -> None:
    kept = {parsed_kind(file) for file in FOLDER.glob("*.json")}
    assert kept == set(Kind)


def parsed_kind(file: Path) -> Kind:
    return Kind(file.read_text().split('"kind": "')[1].partition('"')[0])


def test_a_mesh_that_came_up(bench: Bench, typed: Typed) -> None:
    code, out, _ = typed("up", "--output", "json")
    assert code == 0
    compare("mesh", out, bench.place.root)


def test_what_an_environment_s_removal_would_remove_and_removed(bench: Bench, typed: Typed) -> None:
    typed("up")
    bench.things["ps"] = [f"cluster1-{SUFFIX}-control-plane"]
    bench.things["network"] = [f"tether-{SUFFIX}"]
    dry = compare("removal-dry-run", typed("down", "--dry-run", "-o", "json")[1])
    code, out, _ = typed("down", "--yes", "-o", "json")
    assert code == 0
    assert compare("removal", out) == {**dry, "dryRun": False}
    assert bench.things["ps"] == []


def test_the_removal_of_nothing_went_well(bench: Bench, typed: Typed) -> None:
    code, out, err = typed("down", "--yes", "-o", "json")
    assert (code, "Nothing to remove" in err) == (0, True)
    compare("removal-of-nothing", out)


def test_variables_of_a_checkout(bench: Bench, typed: Typed) -> None:
    typed("up")
    code, out, _ = typed("env", "-o", "json")
    assert code == 0
    compare("variables", out, bench.place.root)


def test_settings_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    compare("settings", typed("settings", "show", "-s", "kind", "-o", "json")[1])


def test_a_schema_inside_of_a_document(typed: Typed) -> None:
    compare("schema", typed("schema", "error", "-o", "json")[1])


@pytest.fixture
def unhealthy(monkeypatch: pytest.MonkeyPatch) -> FakeMesh:
    """A mesh without remote secret, and with one open question."""
    mesh = FakeMesh()
    mesh.install(monkeypatch)
    drop(SECRET, "primary")(mesh)
    mesh.remote.refuse(r"get /api/v1/nodes", "nodes")
    means(monkeypatch, doctor, mesh.mesh)
    return mesh


def test_an_examination(unhealthy: FakeMesh, typed: Typed) -> None:
    code, out, _ = typed("doctor", "-o", "json", "--only", "D09", "--only", "D11", "--only", "D12")
    assert code == 7
    compare("examination", out)


def test_a_whole_examination_has_the_same_shape(unhealthy: FakeMesh, typed: Typed) -> None:
    code, out, _ = typed("doctor", "-o", "json")
    assert (code, len(parsed(out)["findings"])) == (7, 58)


def test_checks(typed: Typed) -> None:
    assert len(parsed(typed("doctor", "--list", "-o", "json")[1])["checks"]) == len(CHECKS)
    # Two stand for all of them: their words are on the doctor's own page.
    compare("checks", doctors.of_checks(CHECKS[:2]).text())


def test_rights_of_the_doctor(typed: Typed) -> None:
    compare("rights", typed("doctor", "--rights", "--istio-namespace", "istio-prod", "-o", "json")[1])


def test_a_trace_that_failed(tmp_path: Path, typed: Typed) -> None:
    file = tmp_path / "trace.json"
    file.write_text(traces.write(record(TOKEN, failed(CERTIFICATE), REVIEW, diagnosis=DIAGNOSIS, diagnosed=True)))
    code, out, _ = typed("trace", "--record", str(file), "-o", "json")
    assert code == 7
    compare("trace", out)


def test_every_trace_of_the_gallery_is_a_document_of_today() -> None:
    files = list((FOLDER.parents[3] / "docs" / "trace").glob("*.json"))
    assert len(files) > 10
    for file in files:
        parsed(file.read_text())


def test_a_verification_with_a_fault() -> None:
    compare("verification", matrix.document(BROKEN).text())


def test_a_verification_as_it_is_typed(monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    means(monkeypatch, verify, fake_mesh.FakeMesh("cluster1", "cluster2").mesh)
    code, out, _ = typed("verify", "-o", "json", "--image", "app", "--only", "http", "--requests", "2")
    assert (code, parsed(out)["proved"]) == (0, True)


def test_proofs(typed: Typed) -> None:
    compare("proofs", typed("verify", "--list", "-o", "json")[1])


@pytest.mark.parametrize(("options", "name"), [(("--dry-run",), "cleanup-dry-run"), ((), "cleanup")])
def test_what_verifications_left(
    monkeypatch: pytest.MonkeyPatch, typed: Typed, options: tuple[str, ...], name: str
) -> None:
    made = fake_mesh.FakeMesh("cluster1", "cluster2")
    made.clusters["cluster1"].objects["/api/v1/namespaces"] = {"items": [
        namespace("tether-verify-1", by=ended_process()),
        namespace("tether-verify-3", by=ended_process(), **{KEPT: "true"}),
    ]}  # fmt: skip
    means(monkeypatch, verify, made.mesh)
    code, out, _ = typed("verify", "--clean", *options, "-o", "json")
    assert code == 0
    compare(name, out)


def test_a_topology(monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    means(monkeypatch, topology, None)
    monkeypatch.setattr(topology, "MeshView", giving(None))
    monkeypatch.setattr(topology, "observe", giving(broken()))
    compare("topology", typed("topology", "-o", "json")[1])


def test_a_report_that_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    means(monkeypatch, report, FakeMesh().mesh)
    monkeypatch.setattr(report, "gather", giving(reports.unhealthy()))
    page = tmp_path / "mesh.html"
    code, out, _ = typed("report", "--no-trace", "--out", str(page), "-o", "json")
    assert code == 0
    compare("report", out, tmp_path)
    assert "<html" in page.read_text()


def test_page_and_document_of_a_report_do_not_share_standard_output(bench: Bench, typed: Typed) -> None:
    code, out, _ = typed("report", "--out", "-", "-o", "json")
    assert (code, parsed(out)["reason"]) == (2, "usage")


def test_a_diagnosis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    code, out, _ = typed("diagnose", "--stack", "kind", "--out", "out.tar.gz", "-o", "json")
    assert code == 0
    compare("diagnosis", out, tmp_path)
    assert (tmp_path / "out.tar.gz").is_file()


def test_what_a_remote_s_removal_would_remove(world: World, typed: Typed) -> None:
    put_pod(world.west, "shop", "web-0", owner=("StatefulSet", "web"))
    code, out, _ = typed(*REMOVE, "--dry-run")
    assert code == 0
    compare("remote-removal-dry-run", out)


def test_a_remote_s_removal_that_left_something(world: World, monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    monkeypatch.setattr(world, "forget", lambda: None)
    code, out, err = typed(*REMOVE, "--yes")
    assert (code, "could not be removed" in err) == (1, True)
    assert compare("remote-removal", out)["remnants"]


@pytest.mark.parametrize(("name", "drift"), [("preview", False), ("drift", True)])
def test_what_would_change_and_what_did(name: str, drift: bool) -> None:
    found = of(step("replace", diffs=["subnet"]), violation(), told("error", "boom"), told("warning", "beware"))
    headline = foreseen_forms.verdict(found, drift=drift)
    compare(name, foreseen_document.document(found, "kind", headline, drift=drift).text())


def test_what_ends() -> None:
    now = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)
    ends = Ending(subject="root certificate", ends=now + datetime.timedelta(days=2), renewal="another root")
    compare("expiry", expiry.document([ends], now, datetime.timedelta(days=30), "kind").text())
