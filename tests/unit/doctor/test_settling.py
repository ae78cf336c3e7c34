"""What passes by itself is no error: older proxies that do not know a new istiod yet, and pods that end."""

import datetime

import pytest

from tests.unit.doctor.breaking import refused
from tests.unit.doctor.cases import GATEWAY_SERVICE
from tests.unit.doctor.fake_cluster import FakeCluster
from tests.unit.doctor.fake_mesh import SYSTEM, FakeMesh, pod
from tether.doctor import settling
from tether.doctor.check import Status
from tether.doctor.handshake import Handshake, Outcome

OLD = 3600
GATEWAY = {"istio": "eastwestgateway"}


def serve(cluster: FakeCluster, path: str, labels: dict[str, str], seconds: float) -> None:
    """Have a pod serve for some seconds."""
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    made = pod(labels)
    made["status"]["conditions"][0]["lastTransitionTime"] = since.isoformat(timespec="seconds")
    cluster.put(f"{SYSTEM}/pods/{path}", {**made, "spec": {**cluster.objects[f"{SYSTEM}/pods/{path}"]["spec"]}})


def start(mesh: FakeMesh, *, istiod: float, gateways: float) -> None:
    serve(mesh.primary, "istiod-1", {"app": "istiod"}, istiod)
    serve(mesh.primary, "gateway-cluster1", GATEWAY, gateways)
    serve(mesh.remote, "gateway-cluster2", GATEWAY, gateways)


def lose_gateways(mesh: FakeMesh) -> None:
    mesh.debug("syncz", [])


def close_ports(mesh: FakeMesh) -> None:
    mesh.greetings[("10.0.1.1", 15012)] = Handshake(outcome=Outcome.CLOSED, seen="10.0.1.1:15012 hung up")


@pytest.mark.parametrize(("do", "check"), [(lose_gateways, "D35"), (close_ports, "D20")])
@pytest.mark.parametrize(
    ("istiod", "gateways", "status"),
    [
        (5, OLD, Status.UNKNOWN),
        (settling.SECONDS + 1, OLD, Status.WRONG),
        # It was there before they were: they have found it once.
        (5, 2, Status.WRONG),
    ],
)
def test_older_gateways_have_time_to_find_a_new_istiod(
    mesh: FakeMesh, do: object, check: str, istiod: float, gateways: float, status: Status
) -> None:
    assert callable(do)
    start(mesh, istiod=istiod, gateways=gateways)
    assert mesh.examine().wrong == ()
    do(mesh)

    found = [one for one in mesh.examine().findings if one.check.id == check]

    assert {one.status for one in found} == {status}
    assert ("istiod is ready for only" in found[0].answer.seen) is (status is Status.UNKNOWN)


def test_a_pod_that_does_not_say_since_when_it_serves_does_so_for_long(mesh: FakeMesh) -> None:
    lose_gateways(mesh)

    assert {one.check.id for one in mesh.examine().wrong} == {"D35"}


def test_other_checks_are_wrong_at_once(mesh: FakeMesh) -> None:
    start(mesh, istiod=5, gateways=OLD)
    mesh.primary.objects.pop(GATEWAY_SERVICE)

    assert mesh.examine().wrong


@pytest.mark.parametrize(("health", "wrong"), [(1, {"D27"}), (4, set[str]())], ids=["serves", "ends"])
def test_a_pod_that_ends_may_still_be_on_the_network_of_before(mesh: FakeMesh, health: int, wrong: set[str]) -> None:
    mesh.endpoints(Network="network9", HealthStatus=health)
    assert {one.check.id for one in mesh.examine().wrong} == wrong


@pytest.mark.parametrize(
    ("user", "wrong"),
    [(None, set[str]()), ({"deletionTimestamp": "2026-11-28T23:41:23Z"}, set[str]()), ({}, {"D39"})],
    ids=["gone", "ends", "runs"],
)
def test_a_workload_that_was_removed_with_its_service_account_is_no_client_that_is_refused(
    mesh: FakeMesh, user: dict[str, str] | None, wrong: set[str]
) -> None:
    """Observed: an ingress gateway was taken out of a mesh, and its proxy asked istiod once more while it ended."""
    error = '[invalid bearer token, serviceaccounts "ingress" not found]'
    refused(f'failed to validate the JWT from cluster "cluster2": the authentication returns an error: {error}')(mesh)
    if user is not None:
        mesh.remote.put("/api/v1/namespaces/default/pods/ingress-1", {
            "metadata": user, "spec": {"serviceAccountName": "ingress"},
        })  # fmt: skip

    found = mesh.examine("D39").wrong

    assert {one.check.id for one in found} == wrong
    assert all("its service account was deleted" in one.answer.cause for one in found)


def test_who_may_not_list_pods_is_told_of_every_refusal(mesh: FakeMesh) -> None:
    refused('failed to validate the JWT from cluster "cluster2": serviceaccounts "ingress" not found]')(mesh)
    mesh.remote.refuse(r"get /api/v1/pods$", "pods")
    assert {one.check.id for one in mesh.examine("D39").wrong} == {"D39"}
