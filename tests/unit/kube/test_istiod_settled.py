import threading

from tests.unit.kube.fake_api import FakeApi, pod
from tests.unit.wait.fake_clock import FakeClock
from tether.istiod_settled import IstiodSettled

PODS = "/api/v1/namespaces/istio-system/pods"


def test_an_istiod_that_begins_to_end_is_still_called_and_therefore_waited_for() -> None:
    api, clock = FakeApi(), FakeClock()
    api.objects[PODS] = {"items": [pod("istiod-1")]}
    settled = IstiodSettled(api, "istio-system", clock)
    assert settled().ready

    old = pod("istiod-0")
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    api.objects[PODS]["items"].append(old)
    finding = settled()
    assert (finding.ready, finding.seen) == (False, "istiod-0 has begun to end")

    clock.sleep(3, threading.Event())
    assert settled().ready, "its pod may stay for long"
