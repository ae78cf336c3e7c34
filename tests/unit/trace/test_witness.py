import datetime
import json
from typing import Any

import pytest

from tests.unit.kube.fake_api import FakeApi
from tether.doctor.view import ClusterView, MeshView
from tether.kube import KubeError
from tether.mesh import Blueprint, Cluster, Member, Mesh
from tether.topology import Role
from tether.trace import witness

BEGAN = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
LOG = "/api/v1/nodes/n1/proxy/logs/kubernetes/audit/audit.log"
REASON = 'failed to validate the JWT from cluster "c2": Unauthorized'
LINE = (
    "2026-11-25T12:00:01.5Z 2026-11-25T12:00:01Z\terror\tsecurity\tFailed to authenticate client from 10.1.1.1:4: "
    f"Authenticator ClientCertAuthenticator: no verified chain is found; Authenticator KubeJWTAuthenticator: {REASON}"
)


@pytest.fixture
def api() -> FakeApi:
    found = FakeApi()
    found.objects["/api/v1/nodes"] = {"items": [{"metadata": {"name": "n1"}}]}
    return found


def view(api: FakeApi) -> MeshView:
    member = Member(name="c2", role=Role.PRIMARY, kubeconfig="")
    cluster = Cluster(member=member, api=api)
    return MeshView(Mesh(blueprint=Blueprint(members=(member,)), clusters=(cluster,)))


def remote(api: FakeApi) -> ClusterView:
    return view(api).primary


def event(seconds: float = 1, code: int = 201, resource: str = "tokenreviews", message: str = "") -> str:
    moment = (BEGAN + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    status: dict[str, Any] = {"code": code, "message": message}
    return json.dumps({
        "user": {"username": "system:serviceaccount:istio-system:reader"}, "sourceIPs": ["10.0.0.1"],
        "objectRef": {"resource": resource}, "requestReceivedTimestamp": moment, "stageTimestamp": moment,
        "responseStatus": status,
    })  # fmt: skip


def test_reviews_are_read_in_order_without_older_ones(api: FakeApi) -> None:
    api.objects[LOG] = "\n".join([event(2), event(-5), event(1, 403, message="is forbidden")])

    found = witness.reviews(remote(api), BEGAN)

    assert found is not None
    assert [(one.code, one.message) for one in found] == [(403, "is forbidden"), (201, "")]
    assert found[0].user == "system:serviceaccount:istio-system:reader"


def test_a_half_written_line_is_left_out(api: FakeApi) -> None:
    api.objects[LOG] = event() + "\n" + event()[:40]

    assert len(witness.reviews(remote(api), BEGAN) or []) == 1


def test_other_events_are_left_out(api: FakeApi) -> None:
    api.objects[LOG] = event(resource="secrets")

    assert witness.reviews(remote(api), BEGAN) == []


def test_a_cluster_without_an_audit_log_is_told_from_one_with_an_empty_one(api: FakeApi) -> None:
    assert witness.reviews(remote(api), BEGAN) is None
    api.objects[LOG] = KubeError("forbidden", 403)
    assert witness.reviews(remote(api), BEGAN) is None


def log_of(api: FakeApi, *lines: str) -> list[witness.Line]:
    query = "container=discovery&timestamps=true&sinceTime=2026-11-25T12%3A00%3A00Z"
    path = "/api/v1/namespaces/istio-system/pods"
    api.objects[path] = {"items": [{"metadata": {"name": "istiod-1"}, "spec": {}}]}
    api.objects[f"{path}/istiod-1/log?{query}"] = "\n".join(lines)
    return witness.istiod_log(view(api), BEGAN)


def test_the_reason_of_a_refusal_is_taken_out_of_istiods_line(api: FakeApi) -> None:
    lines = log_of(api, LINE, "2026-11-25T12:00:02Z something else")

    assert [reason for _, reason in witness.refusals(lines)] == [REASON]


def test_a_refusal_without_a_token_authenticator_is_given_whole(api: FakeApi) -> None:
    (line,) = log_of(api, "2026-11-25T12:00:01Z Failed to authenticate client from 1.1.1.1:1: Authenticator X: no")

    assert witness.refusals([line]) == [(line, "Authenticator X: no")]


def test_lines_of_before_the_trace_are_left_out(api: FakeApi) -> None:
    assert log_of(api, LINE.replace("12:00:01.5Z", "11:59:59.9Z", 1)) == []


def test_a_token_in_a_log_line_is_masked(api: FakeApi) -> None:
    (line,) = log_of(api, "2026-11-25T12:00:01Z got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJl")

    assert line.text == "got [secret]"


def test_a_rejection_is_told_to_the_pod_whose_envoy_it_was(api: FakeApi) -> None:
    lines = log_of(
        api, "2026-11-25T12:00:01Z warn delta ADS:LDS: ACK ERROR gateway-1.istio-system-7 Internal:no filter"
    )

    assert [reason for _, reason in witness.rejected(lines, "gateway-1")] == ["Internal:no filter"]
    assert witness.rejected(lines, "gateway-2") == []
