"""A mesh whose istiod has a revision: the same checks, by other names."""

import dataclasses
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit.doctor.fake_cluster import FakeCluster
from tests.unit.doctor.fake_mesh import SLICES, SYSTEM, WEBHOOKS, FakeMesh, injected, put_webhook
from tether import kube
from tether.doctor.examination import Examination, examine
from tether.doctor.registry import CHECKS
from tether.mesh import Blueprint, Member, connect
from tether.revision import DEFAULT, Revision
from tether.topology import Role

BLUE, GREEN = Revision("blue"), Revision("green")
SERVICES = f"{SYSTEM}/services"


@pytest.fixture
def revised(mesh: FakeMesh) -> FakeMesh:
    """The healthy mesh with the names of a revision, and none of the plain ones."""
    mesh.primary.objects[f"{SYSTEM}/pods/istiod-1"]["metadata"]["labels"]["istio.io/rev"] = BLUE.name
    for cluster, path in ((mesh.primary, "/inject"), (mesh.remote, "/inject/cluster/cluster2/net/network2")):
        cluster.put(f"{SERVICES}/{BLUE.istiod}", cluster.objects.pop(f"{SERVICES}/istiod"))
        del cluster.objects[f"{WEBHOOKS}/istio-sidecar-injector"]
        put_webhook(cluster, path, name="istio-sidecar-injector-blue", service=BLUE.istiod)
    piece = mesh.remote.objects.pop(f"{SLICES}/istiod")
    piece["metadata"]["labels"] = {"kubernetes.io/service-name": BLUE.istiod}
    mesh.remote.put(f"{SLICES}/{BLUE.istiod}", piece)
    mesh.remote.answers["pods"] = lambda made: injected(made, CA_ADDR="istiod-blue.istio-system.svc:15012")
    return mesh


def examined(mesh: FakeMesh, revision: Revision = BLUE) -> Examination:
    return examine(dataclasses.replace(mesh.mesh, revision=revision), CHECKS)


def test_a_healthy_mesh_is_right_by_the_names_of_its_revision_and_not_by_the_plain_ones(revised: FakeMesh) -> None:
    found = examined(revised)
    assert {one.check.id: one.answer.seen for one in (*found.wrong, *found.unknown)} == {}
    assert "D19" in {one.check.id for one in examined(revised, DEFAULT).wrong}


def test_the_pod_that_is_tried_asks_for_a_proxy_of_the_revision(revised: FakeMesh) -> None:
    asked: list[kube.Object] = []
    revised.remote.answers["pods"] = lambda made: (asked.append(made), injected(made))[1]
    examined(revised)
    assert [made["metadata"]["labels"] for made in asked] == [dict(BLUE.pod_labels)]


def test_a_service_that_is_missing_is_made_by_the_revisions_name(revised: FakeMesh) -> None:
    del revised.remote.objects[f"{SERVICES}/{BLUE.istiod}"]
    (found,) = [one for one in examined(revised).wrong if one.check.id == "D19"]
    assert "has no Service istiod-blue in istio-system" in found.answer.seen
    assert found.answer.fix.count("name: istiod-blue") == 3, "Service, EndpointSlice and its label"


def test_a_webhook_of_the_plain_istiod_that_is_gone_is_a_leftover(revised: FakeMesh) -> None:
    put_webhook(revised.remote, "/inject")
    (found,) = [one for one in examined(revised).wrong if one.check.id == "D08"]
    assert "istio-sidecar-injector calls Service istio-system/istiod, which is not there" in found.answer.seen


def test_what_mends_istiod_names_the_deployment_of_the_revision(revised: FakeMesh) -> None:
    del revised.primary.objects[f"{SYSTEM}/pods/istiod-1"]
    (found,) = [one for one in examined(revised).wrong if one.check.id == "D32"]
    assert "scale deployment -l app=istiod,istio.io/rev=blue --replicas 1" in found.answer.fix


def put_service(cluster: FakeCluster, revision: Revision) -> None:
    labels = {"app": "istiod", "istio.io/rev": revision.name or "default"}
    cluster.put(f"{SERVICES}/{revision.istiod}", {"metadata": {"labels": labels}})


def found_in(patch: pytest.MonkeyPatch, primary: FakeCluster, *remotes: FakeCluster, **said: Any) -> Revision:
    clusters = {cluster.name: cluster for cluster in (primary, *remotes)}

    @contextmanager
    def opened(kubeconfig: str) -> Generator[FakeCluster]:
        yield clusters[kubeconfig]

    patch.setattr("tether.kube.connect", opened)
    members = tuple(
        Member(name=name, role=Role.REMOTE if index else Role.PRIMARY, kubeconfig=name)
        for index, name in enumerate(clusters)
    )
    with connect(Blueprint(members=members, **said)) as mesh:
        return mesh.revision


@pytest.mark.parametrize("stands", [DEFAULT, BLUE])
def test_the_revision_is_that_of_the_istiod_in_the_primary(monkeypatch: pytest.MonkeyPatch, stands: Revision) -> None:
    primary = FakeCluster("one")
    put_service(primary, stands)
    assert found_in(monkeypatch, primary, FakeCluster("two")) == stands


@pytest.mark.parametrize(
    ("known", "expected"), [((DEFAULT, BLUE, GREEN), DEFAULT), ((GREEN,), GREEN), ((BLUE, GREEN), BLUE), ((), DEFAULT)]
)
def test_of_several_it_is_the_one_that_every_remote_has_a_service_for(
    monkeypatch: pytest.MonkeyPatch, known: tuple[Revision, ...], expected: Revision
) -> None:
    primary, two, three = FakeCluster("one"), FakeCluster("two"), FakeCluster("three")
    for revision in (GREEN, BLUE, DEFAULT):
        put_service(primary, revision)
        put_service(two, revision)
    for revision in known:
        put_service(three, revision)
    assert found_in(monkeypatch, primary, two, three) == expected


def test_a_primary_without_an_answer_or_an_istiod_is_taken_to_have_no_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = FakeCluster("one")
    silent.refuse("get .*", "services")
    assert found_in(monkeypatch, silent, FakeCluster("two")) == DEFAULT
    assert found_in(monkeypatch, FakeCluster("one"), FakeCluster("two")) == DEFAULT


def test_where_somebody_said_the_revision_no_cluster_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    primary = FakeCluster("one")
    put_service(primary, BLUE)
    assert found_in(monkeypatch, primary, FakeCluster("two"), revision=GREEN) == GREEN
