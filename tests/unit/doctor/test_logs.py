"""Known failure strings stand beside the check that they belong to."""

import datetime

import pytest

from tests.unit.doctor.breaking import SECRET, drop, met, webhook_error
from tests.unit.doctor.fake_mesh import SYSTEM, FakeMesh, put_webhook
from tether.doctor import logs
from tether.doctor.check import Finding
from tether.doctor.handshake import Outcome
from tether.doctor.registry import CHECKS

ISTIOD = f"{SYSTEM}/pods/istiod-1/log"
GATEWAY = f"{SYSTEM}/pods/gateway-cluster2/log"
REFUSED = "Failed to authenticate client from 10.0.0.1:1: {}; Authenticator KubeJWTAuthenticator: {}"
REAL = {
    # istio/istio release-1.31 and Kubernetes 1.34, as their logs show them.
    ("istiod", 'client claims to be in cluster "cluster2", but we only know about local cluster "cluster1"'): "D11",
    ("istiod", 'failed to validate the JWT from cluster "cluster2": Unauthorized'): "D13",
    ("istiod", 'tokenreviews.authentication.k8s.io is forbidden: User "a" cannot create'): "D13",
    ("istiod", 'Post "https://x:6443/apis/authentication.k8s.io/v1/tokenreviews": dial tcp: i/o timeout'): "D17",
    ("istiod", "Failed to watch *v1.Pod: failed to list *v1.Pod: dial tcp 1.2.3.4:6443: connection refused"):
        "D17",
    ("istiod", "failed to list *v1.Pod: tls: failed to verify certificate: x509: unknown authority"):
        "D17",
    ("istiod", "remote cluster cluster2 failed to sync after 30s"): "D17",
    ("istiod", "kubeconfig is not allowed: exec is not allowed"): "D12",
    ("istiod", "cluster cluster2 (config cluster) would overwrite the config cluster"): "D18",
    ("istiod", "should join leader-election for cluster cluster2: false"): "D16",
    ("istiod", "skip writing ConfigMap a/istio-ca-root-cert as we do not have permissions to do so"): "D24",
    ("istiod", "ADS:LDS: ACK ERROR gateway 13: Didn't find a registered implementation"): "D35",
    ("proxy", "dial tcp: lookup istiod.istio-system.svc: no such host"): "D19",
    ("proxy", 'connection error: desc = "transport: Error while dialing: dial tcp 10.0.1.1:15012: i/o timeout"'): "D20",
    ("proxy", "x509: certificate signed by unknown authority"): "D24",
    ("proxy", "x509: certificate is valid for istiod.istio-system.svc, not istiod.other.svc"): "D04",
    ("proxy", "rpc error: code = Unauthenticated desc = request authenticate failure"): "D13",
    ("event", 'failed calling webhook "object.sidecar-injector.istio.io": x509: certificate signed by'): "D21",
    ("event", "failed calling webhook: context deadline exceeded"): "D22",
    ("event", 'MountVolume.SetUp failed: configmap "istio-ca-root-cert" not found'): "D24",
    ("event", 'Failed to pull image "auto"'): "D23",
}  # fmt: skip


@pytest.mark.parametrize(("line", "name"), REAL.items(), ids=str)
def test_a_known_line_belongs_to_its_check(line: tuple[str, str], name: str) -> None:
    source, text = line

    assert name in {check for sign in logs.SIGNS if sign.source == source and sign.pattern.search(text)
                    for check in sign.checks}  # fmt: skip


def test_every_sign_names_checks_that_there_are() -> None:
    assert {name for sign in logs.SIGNS for name in sign.checks} <= {check.id for check in CHECKS}


def first(mesh: FakeMesh) -> Finding:
    return mesh.examine().wrong[0]


def test_the_last_lines_stand_beside_the_finding_and_each_kind_once(mesh: FakeMesh) -> None:
    claim = 'claims to be in cluster "cluster2", but we only know about local cluster "cluster1"'
    mesh.primary.texts[ISTIOD] = "\n".join(["info nothing", *(f"{n} {claim}" for n in range(9)), "info more"])
    drop(SECRET, "primary")(mesh)

    assert first(mesh).evidence == (f"cluster1 istiod: 8 {claim}",)


def test_a_line_about_another_remote_says_nothing_of_this_one(mesh: FakeMesh) -> None:
    mesh.primary.texts[ISTIOD] = 'claims to be in cluster "cluster7", but we only know about local cluster "cluster1"'
    drop(SECRET, "primary")(mesh)

    assert first(mesh).evidence == ()


def test_a_proxy_of_the_remote_tells_of_the_remote(mesh: FakeMesh) -> None:
    mesh.remote.texts[GATEWAY] = "dial tcp: lookup istiod.istio-system.svc on 10.96.0.10:53: no such host"
    drop(f"{SYSTEM}/services/istiod")(mesh)

    (line,) = first(mesh).evidence

    assert line.startswith("cluster2 gateway-cluster2: dial tcp")


def test_a_proxy_of_a_remote_tells_of_the_primary_s_gateway(mesh: FakeMesh) -> None:
    mesh.remote.texts[GATEWAY] = "dial tcp 10.0.1.1:15012: i/o timeout"
    met(Outcome.TIMED_OUT, "is silent", "10.0.1.1", 15012)(mesh)

    assert first(mesh).evidence == ("cluster2 gateway-cluster2: dial tcp 10.0.1.1:15012: i/o timeout",)


def test_what_proxies_said_before_does_not_take_the_place_of_what_istiod_says_now(mesh: FakeMesh) -> None:
    refusal = 'claims to be in cluster "cluster9", but we only know about local cluster "cluster1"'
    now = datetime.datetime.now(datetime.UTC).isoformat()
    mesh.primary.texts[ISTIOD] = f"{now}\terror\tFailed to authenticate client from 10.0.0.1:1: {refusal}"
    mesh.remote.texts[GATEWAY] = "\n".join(
        f"2026-01-01T00:00:0{second}.123456Z\terror\t{about}: rpc error: code = Unauthenticated"
        for second, about in enumerate(("sds", "ads", "ca"))
    )

    found = {one.check.id: one for one in mesh.examine().wrong}

    assert any("Failed to authenticate" in line for line in found["D39"].evidence)


def event(message: str, minutes: float) -> dict[str, object]:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes)
    return {"type": "Warning", "reason": "FailedCreate", "message": message, "lastTimestamp": moment.isoformat(),
            "involvedObject": {"kind": "ReplicaSet", "name": "gateway"}}  # fmt: skip


def test_recent_events_tell_and_old_ones_do_not(mesh: FakeMesh) -> None:
    mesh.remote.put(f"{SYSTEM}/events/a", event("failed calling webhook: connection refused", 1))
    mesh.remote.put(f"{SYSTEM}/events/b", event("failed calling webhook: no endpoints", 60))
    webhook_error("failed calling webhook: deadline exceeded")(mesh)

    (line,) = first(mesh).evidence

    assert line.endswith("ReplicaSet gateway: FailedCreate: failed calling webhook: connection refused")


def test_a_line_is_shortened_and_its_secrets_are_masked(mesh: FakeMesh) -> None:
    mesh.primary.texts[ISTIOD] = f"is forbidden: User Bearer abcdefghijklmnop {'x' * 900}"
    mesh.denied.add("list pods")

    (line,) = first(mesh).evidence

    assert "Bearer [secret]" in line
    assert len(line) < 500


def test_logs_that_may_not_be_read_leave_the_finding_as_it_is(mesh: FakeMesh) -> None:
    mesh.primary.refuse(r"get .*/log", "pods/log")
    drop(SECRET, "primary")(mesh)

    assert first(mesh).check.id == "D11"


def test_nothing_is_read_of_a_healthy_mesh_but_what_a_check_asks(mesh: FakeMesh) -> None:
    mesh.remote.refuse(r"get .*/log", "pods/log")

    assert mesh.examine().wrong == ()


def test_a_warning_finds_its_lines_as_well(mesh: FakeMesh) -> None:
    mesh.primary.texts[ISTIOD] = "remote cluster cluster2 failed to sync after 30s"
    mesh.primary.pages["/metrics"] = 'remote_cluster_sync_timeouts_total{cluster="cluster2"} 1\n'

    assert first(mesh).evidence == ("cluster1 istiod: remote cluster cluster2 failed to sync after 30s",)


def test_an_istiod_that_cannot_be_identified_still_has_its_log_read(mesh: FakeMesh) -> None:
    mesh.planned = False
    put_webhook(mesh.remote, "/inject")
    drop(SECRET, "primary")(mesh)
    mesh.primary.texts[ISTIOD] = 'claims to be in cluster "c9", but we only know about local cluster "cluster1"'

    assert first(mesh).evidence != ()
