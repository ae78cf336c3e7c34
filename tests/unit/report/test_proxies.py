import datetime

from tether.report.gather import note
from tether.report.proxies import Proxy, Survey, envoy_version, image_of, workload_certificate


def chain(uri: str, until: str) -> dict[str, object]:
    leaf = {"subject_alt_names": [{"uri": uri}], "valid_from": "2026-11-25T15:50:11Z", "expiration_time": until}
    return {"cert_chain": [leaf], "ca_cert": [{"expiration_time": "2036-11-22T15:50:08Z"}]}


def test_the_version_of_envoy_is_taken_out_of_what_it_says():
    assert envoy_version("6eb0d2d97489ec1b4e1584a004f5de443d97a41b/1.39.3/Clean/RELEASE/BoringSSL") == "1.39.3"
    assert envoy_version("1.39.3") == "1.39.3"


def test_of_several_certificates_the_one_that_ends_first_counts():
    identity = "spiffe://cluster.local/ns/a/sa/b"
    answer = {"certificates": [chain(identity, "2026-11-27T00:00:00Z"), chain(identity, "2026-11-26T15:52:11Z")]}
    found = workload_certificate(answer)
    assert found is not None
    assert found.identity == identity
    assert found.until == datetime.datetime(2026, 11, 26, 15, 52, 11, tzinfo=datetime.UTC)


def test_a_certificate_without_an_identity_is_no_workloads():
    assert workload_certificate({"certificates": [chain("https://example.com", "2026-11-27T00:00:00Z")]}) is None
    assert workload_certificate({}) is None


def test_the_proxy_may_be_a_native_sidecar():
    native = {"spec": {"containers": [{"name": "app", "image": "app:1"}],
                       "initContainers": [{"name": "istio-proxy", "image": "proxy:2"}]}}  # fmt: skip
    assert image_of(native) == "proxy:2"


def test_what_was_left_out_is_said():
    one = Proxy(cluster="cluster1", name="istio-system/gw", is_gateway=True)
    assert note(Survey(proxies=(one,), connected=1)) == ""
    assert "34 proxies are connected" in note(Survey(proxies=(one,), connected=34))
    assert "istiod is gone" in note(Survey(proxies=(one,), gap="istiod is gone"))
