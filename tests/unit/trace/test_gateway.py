"""A restart as it is followed: what the pod, its log and the API server tell becomes steps in order."""

import datetime

import pytest

from tests.unit.kube.fake_api import FakeApi
from tests.unit.trace.test_run import mesh
from tests.unit.wait.fake_clock import FakeClock
from tether import kube
from tether.doctor.view import MeshView
from tether.trace import gateway
from tether.trace.record import Outcome, Step
from tether.trace.stage import Part, Stage

BASE = "/api/v1/namespaces/istio-system"
LABELS = {"istio": "eastwestgateway"}


def after(seconds: float) -> str:
    return (
        (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    )


def pod(name: str, *, ready: bool = True, image: str = "proxy") -> kube.Object:
    env = [{"name": "ISTIO_META_CLUSTER_ID", "value": "west"}, {"name": "ISTIO_META_NETWORK", "value": "network2"}]
    conditions = [
        {"type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": after(3)},
        {"type": "Ready", "status": str(ready), "lastTransitionTime": after(9), "message": "containers not ready"},
    ]
    return {
        "metadata": {"name": name, "namespace": "istio-system", "creationTimestamp": after(2), "labels": LABELS},
        "spec": {"nodeName": "n1", "serviceAccountName": "gateway",
                 "containers": [{"name": "istio-proxy", "image": image, "env": env}]},
        "status": {"conditions": conditions},
    }  # fmt: skip


class Remote(FakeApi):
    """A remote whose gateway gets a new pod when its Deployment is changed."""

    def __init__(self, new: kube.Object | None, log: str = "") -> None:
        super().__init__()
        ports = [{"port": 15443}]
        service = {"metadata": {"name": "gateway", "namespace": "istio-system"},
                   "spec": {"selector": LABELS, "ports": ports}}  # fmt: skip
        template = {"metadata": {"labels": LABELS}, "spec": {"serviceAccountName": "gateway"}}
        deployment = {"metadata": {"name": "gateway", "namespace": "istio-system"}, "spec": {"template": template}}
        self.objects = {
            "/api/v1/services": {"items": [service]},
            "/apis/apps/v1/namespaces/istio-system/deployments": {"items": [deployment]},
            f"{BASE}/pods": {"items": [pod("old")]},
        }
        self._new, self._log = new, log

    def patch(self, path: str, body: kube.Object) -> kube.Object:
        if self._new:
            self.objects[f"{BASE}/pods"] = {"items": [pod("old"), self._new]}
        return super().patch(path, body)

    def text(self, path: str) -> str:
        return self._log if f"{BASE}/pods/new/log" in path else super().text(path)


def log() -> str:
    """Of a proxy that starts now."""
    return "\n".join([
        f"{after(4)} info cache generated new workload certificate resourceName=default latency=250ms ttl=23h",
        f"{after(5)} info xdsproxy connected to delta upstream XDS server: istiod.istio-system.svc:15012",
        f"{after(6)} info Envoy proxy is ready",
    ])  # fmt: skip


def followed(remote: FakeApi, primary: FakeApi | None = None) -> tuple[str, dict[str, Step]]:
    view = MeshView(mesh(primary, remote))
    stage = Stage(view, view.remotes[0], Part(namespace="istio-system", service_account="gateway", audience=""))
    found = gateway.follow(stage, lambda _: None, FakeClock())
    return found.pod, {step.id: step for step in found.steps}


def test_a_restart_is_told_from_creation_to_ready() -> None:
    remote = Remote(pod("new"), log())

    name, steps = followed(remote)

    assert name == "new"
    assert list(steps) == [f"gateway-{step}" for step in
                           ("restart", "injection", "start", "certificate", "discovery", "ready")]  # fmt: skip
    assert {step.outcome for step in steps.values()} == {Outcome.OK}
    assert steps["gateway-certificate"].seconds == 0.25
    assert steps["gateway-certificate"].identity == "system:serviceaccount:istio-system:gateway, in cluster west"
    assert steps["gateway-discovery"].answer == "connected to istiod.istio-system.svc:15012"
    ((path, body),) = remote.patched
    assert path.endswith("/deployments/gateway")
    assert list(body["spec"]["template"]["metadata"]["annotations"]) == ["kubectl.kubernetes.io/restartedAt"]


def test_a_pod_that_never_comes_is_a_failure() -> None:
    name, steps = followed(Remote(None))

    assert (name, [step.outcome for step in steps.values()]) == ("", [Outcome.FAILED])
    assert "no new pod was created" in steps["gateway-restart"].message


def test_a_pod_that_was_not_injected_is_seen() -> None:
    _, steps = followed(Remote(pod("new", image="auto")))

    assert steps["gateway-injection"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("said", "words", "whose"),
    [
        ("error cannot dial", "error cannot dial", "the proxy's log"),
        ("", "Ready: containers not ready", "the API server"),
    ],
)
def test_a_pod_that_does_not_become_ready_fails_in_the_best_words_there_are(said: str, words: str, whose: str) -> None:
    _, steps = followed(Remote(pod("new", ready=False), f"{after(4)} {said}"))

    ready = steps["gateway-ready"]
    assert (ready.outcome, ready.message, ready.source_of_message) == (Outcome.FAILED, words, whose)


def test_a_rejected_configuration_is_told_in_the_words_of_istiod_without_waiting_for_the_end() -> None:
    class Primary(FakeApi):
        def text(self, path: str) -> str:
            return f"{after(5)} warn ADS:LDS: ACK ERROR new.istio-system-4 Internal:no such filter"

    primary = Primary()
    primary.objects[f"{BASE}/pods"] = {"items": [{"metadata": {"name": "istiod-1"}, "spec": {}}]}
    clock = FakeClock()
    view = MeshView(mesh(primary, Remote(pod("new", ready=False))))
    stage = Stage(view, view.remotes[0], Part(namespace="istio-system", service_account="gateway", audience=""))

    steps = {step.id: step for step in gateway.follow(stage, lambda _: None, clock).steps}

    assert steps["gateway-ready"].message == "Internal:no such filter"
    assert sum(clock.slept) < gateway.SECONDS / 2
