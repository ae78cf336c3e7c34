"""How checks are put together: order, muting, and what cannot be asked."""

import threading

import pytest

from tests.unit.doctor.fake_mesh import FakeMesh
from tether.doctor.check import Answer, Check, Family, Scope, Severity, Status, ok, unknown, wrong
from tether.doctor.examination import Examination, examine
from tether.doctor.registry import CHECKS
from tether.doctor.view import ClusterView, Facts, MeshView


def check(name: str, answer: Answer | Exception, scope: Scope = Scope.MESH, **more: object) -> Check:
    def probe(view: MeshView, cluster: ClusterView) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Check(
        id=name, title=name, family=Family.BEFORE, scope=scope, symptom="", cause="", remedy="", probe=probe,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def statuses(found: Examination) -> dict[str, Status]:
    return {f"{one.check.id} {one.subject}": one.status for one in found.findings}


def test_a_healthy_mesh_is_right_in_every_respect(mesh: FakeMesh) -> None:
    found = mesh.examine()

    assert {one.check.id: one.answer.seen for one in found.findings if one.status is not Status.OK} == {}
    assert found.is_healthy(fail_on=Severity.WARNING)
    assert {one.check.id for one in found.findings} == {check.id for check in CHECKS}


def test_an_examination_changes_nothing(mesh: FakeMesh) -> None:
    mesh.examine()

    assert (mesh.primary.written, mesh.remote.written) == ([], [])


def test_a_failed_check_mutes_what_depends_on_it_also_through_others(mesh: FakeMesh) -> None:
    found = examine(mesh.mesh, [
        check("A", wrong("broken", fix="true")), check("B", ok(""), needs=("A",)), check("C", ok(""), needs=("B",)),
        check("D", ok("")),
    ])  # fmt: skip

    assert statuses(found) == {
        "A cluster1": Status.WRONG, "B cluster1": Status.MUTED, "C cluster1": Status.MUTED, "D cluster1": Status.OK,
    }  # fmt: skip
    assert found.findings[2].muted_by == ("A",)
    assert found.findings[2].answer.seen == "not checked because A failed"


def test_a_warning_mutes_nothing(mesh: FakeMesh) -> None:
    found = examine(mesh.mesh, [
        check("A", wrong("old", fix="true"), severity=Severity.WARNING), check("B", ok(""), needs=("A",)),
    ])  # fmt: skip

    assert statuses(found) == {"A cluster1": Status.WRONG, "B cluster1": Status.OK}


def test_an_open_question_mutes_nothing(mesh: FakeMesh) -> None:
    found = examine(mesh.mesh, [check("A", unknown("no right")), check("B", ok(""), needs=("A",))])

    assert statuses(found)["B cluster1"] is Status.OK


def test_errors_stand_before_warnings_and_causes_before_what_follows(mesh: FakeMesh) -> None:
    found = examine(mesh.mesh, [
        check("A", wrong("", fix="true"), severity=Severity.WARNING), check("B", wrong("", fix="true")),
        check("C", wrong("", fix="true")),
    ])  # fmt: skip

    assert [one.check.id for one in found.wrong] == ["B", "C", "A"]


def test_a_remote_is_muted_by_the_primary_that_serves_it_but_not_by_another_remote(mesh: FakeMesh) -> None:
    def only(name: str) -> Check:
        def probe(view: MeshView, cluster: ClusterView) -> Answer:
            return wrong("", fix="true") if cluster.name == name else ok("")

        return Check(id="A", title="", family=Family.BEFORE, scope=Scope.CLUSTER, symptom="", cause="", remedy="",
                     probe=probe)  # fmt: skip

    after = [check("B", ok(""), Scope.REMOTE, needs=("A",)), check("C", ok(""), Scope.CLUSTER, needs=("A",))]

    by_primary = statuses(examine(mesh.mesh, [only("cluster1"), *after]))
    by_remote = statuses(examine(mesh.mesh, [only("cluster2"), *after]))

    assert (by_primary["B cluster2"], by_primary["C cluster2"]) == (Status.MUTED, Status.OK)
    assert (by_remote["B cluster2"], by_remote["C cluster1"]) == (Status.MUTED, Status.OK)


def test_independent_checks_are_asked_side_by_side(mesh: FakeMesh) -> None:
    meeting = threading.Barrier(3, timeout=10)

    def probe(view: MeshView, cluster: ClusterView) -> Answer:
        meeting.wait()
        return ok("")

    examine(mesh.mesh, [
        Check(id=name, title="", family=Family.BEFORE, scope=Scope.MESH, symptom="", cause="", remedy="", probe=probe)
        for name in "ABC"
    ])  # fmt: skip


@pytest.mark.parametrize("error", [KeyError("spec"), TypeError("none"), ValueError("12x"), AttributeError("get")])
def test_an_object_that_nobody_foresaw_leaves_one_question_open_and_no_more(mesh: FakeMesh, error: Exception) -> None:
    found = examine(mesh.mesh, [check("A", error), check("B", ok(""))])

    assert statuses(found) == {"A cluster1": Status.UNKNOWN, "B cluster1": Status.OK}
    assert type(error).__name__ in found.findings[0].answer.seen
    assert not found.is_healthy(fail_on=Severity.WARNING)


def test_findings_are_told_as_they_come(mesh: FakeMesh) -> None:
    told: list[str] = []

    checks = [check("B", ok(""), needs=("A",)), check("A", ok(""))]
    examine(mesh.mesh, checks, on_done=lambda one: told.append(one.check.id))

    assert told == ["A", "B"]


@pytest.mark.parametrize("name", [check.id for check in CHECKS])
def test_every_check_can_be_asked_alone(mesh: FakeMesh, name: str) -> None:
    assert {one.status for one in mesh.examine(name).findings} == {Status.OK}


@pytest.mark.parametrize("name", [check.id for check in CHECKS])
def test_every_check_bears_clusters_in_which_there_is_nothing(mesh: FakeMesh, name: str) -> None:
    for cluster in (mesh.primary, mesh.remote):
        cluster.objects.clear()
        cluster.texts.clear()
        cluster.pages.clear()

    for one in mesh.examine(name).findings:
        assert "cannot be judged" not in one.answer.seen


def test_every_need_is_a_check_that_comes_before() -> None:
    known = [check.id for check in CHECKS]

    assert len(set(known)) == len(known)
    assert {need for check in CHECKS for need in check.needs} <= set(known)


def test_a_fact_is_read_once_and_its_error_is_remembered() -> None:
    facts, read = Facts(), list[int]()

    def fail() -> int:
        read.append(1)
        raise ValueError("gone")

    for _ in range(2):
        with pytest.raises(ValueError, match="gone"):
            facts.once("key", fail)

    assert read == [1]
