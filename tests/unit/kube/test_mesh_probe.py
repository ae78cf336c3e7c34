import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.doctor.fake_cluster import FakeCluster
from tests.unit.kube.fake_api import FakeApi, pod
from tests.unit.kube.test_addresses import resolver
from tests.unit.wait.fake_clock import FakeClock
from tether import gate, kube, mesh_probe
from tether.revision import Revision

NAMESPACE = "istio-system"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
ROOT_MAP = f"/api/v1/namespaces/{NAMESPACE}/configmaps/istio-ca-root-cert"
SERVICE = f"/api/v1/namespaces/{NAMESPACE}/services/gw"


def primary(*clusters: tuple[str, str]) -> FakeApi:
    """A primary whose istiod knows these clusters with these states."""
    api = FakeApi()
    api.objects[PODS] = {"items": [pod("istiod-1")]}
    listed = [{"id": name, "syncStatus": status} for name, status in clusters]
    api.on_ask = lambda name, port, path: json.dumps(listed)
    return api


def test_a_synced_remote_is_ready() -> None:
    api = primary(("cluster1", "synced"), ("cluster2", "synced"))

    assert mesh_probe.remote_synced(api, NAMESPACE, "cluster2").ready


def test_istiod_is_asked_from_inside_its_own_pod() -> None:
    api = primary(("cluster2", "synced"))
    asked: list[tuple[str, int, str]] = []
    answer = api.on_ask
    api.on_ask = lambda pod, port, path: (asked.append((pod, port, path)), answer(pod, port, path))[1]

    mesh_probe.remote_synced(api, NAMESPACE, "cluster2")

    assert asked == [("istiod-1", 15014, "/debug/clusterz")]


def test_a_remote_that_istiod_does_not_know_points_at_the_remote_secret() -> None:
    finding = mesh_probe.remote_synced(primary(("cluster1", "synced")), NAMESPACE, "cluster2")

    assert not finding.ready
    assert "istiod knows no cluster cluster2 (it knows cluster1)" in finding.seen
    assert "istio/multiCluster=true" in finding.cause


@pytest.mark.parametrize("status", ["syncing", "timeout"])
def test_a_remote_that_does_not_sync_points_at_its_api_server(status: str) -> None:
    finding = mesh_probe.remote_synced(primary(("cluster2", status)), NAMESPACE, "cluster2")

    assert not finding.ready
    assert status in finding.seen
    assert "cannot reach the API server" in finding.cause


def test_every_replica_of_istiod_has_to_be_synced() -> None:
    api = primary()
    api.objects[PODS] = {"items": [pod("istiod-1"), pod("istiod-2")]}
    states = {"istiod-1": "synced", "istiod-2": "syncing"}
    api.on_ask = lambda name, port, path: json.dumps([{"id": "cluster2", "syncStatus": states[name]}])

    assert not mesh_probe.remote_synced(api, NAMESPACE, "cluster2").ready


def test_without_istiod_nothing_is_synced() -> None:
    api = primary()
    api.objects[PODS] = {"items": [pod("istiod-1", ready=False)]}

    assert "no istiod pod is ready" in mesh_probe.remote_synced(api, NAMESPACE, "cluster2").seen


def with_root(pem: str | None) -> FakeApi:
    api = FakeApi()
    if pem is not None:
        api.objects[ROOT_MAP] = {"data": {"root-cert.pem": pem}}
    return api


@pytest.mark.parametrize(
    ("here", "there", "expected", "ready"),
    [
        ("root\n", "root", "", True),
        ("root", "root", "root", True),
        ("root", "other", "", False),
        ("root", "root", "new root", False),
        ("root", None, "", False),
        (None, "root", "", False),
        (None, "root", "root", True),
    ],
)
def test_the_remote_needs_the_root_of_the_primary(
    here: str | None, there: str | None, expected: str, ready: bool
) -> None:
    finding = mesh_probe.root_distributed(with_root(here), with_root(there), NAMESPACE, expected)

    assert finding.ready is ready


def test_a_missing_root_points_at_the_annotation() -> None:
    finding = mesh_probe.root_distributed(with_root("root"), with_root(None), NAMESPACE)

    assert "topology.istio.io/controlPlaneClusters" in finding.cause


def injected(cluster: str = "cluster2", network: str = "network2", key: str = "containers") -> FakeApi:
    api = FakeApi()
    environment = [
        {"name": "ISTIO_META_CLUSTER_ID", "value": cluster},
        {"name": "ISTIO_META_NETWORK", "value": network},
    ]

    def inject(path: str, body: kube.Object) -> kube.Object:
        spec: kube.Object = {"containers": [], "initContainers": [], **body["spec"]}
        return {**body, "spec": {**spec, key: [*spec[key], {"name": "istio-proxy", "env": environment}]}}

    api.on_create = inject
    return api


@pytest.mark.parametrize("key", ["containers", "initContainers"])
def test_a_dry_run_pod_that_gets_the_right_proxy_opens_the_gate(key: str) -> None:
    api = injected(key=key)

    assert mesh_probe.webhook_injects(api, NAMESPACE, "cluster2", "network2").ready
    ((path, body, query),) = api.created
    assert path == PODS
    assert query == {"dryRun": "All"}
    assert body["metadata"]["labels"] == {"sidecar.istio.io/inject": "true"}


def test_of_a_revision_the_pod_asks_for_its_proxy_and_its_webhook_is_looked_for() -> None:
    api = injected()

    assert mesh_probe.webhook_injects(api, NAMESPACE, "cluster2", "network2", Revision("blue")).ready
    ((_, body, _),) = api.created
    assert body["metadata"]["labels"] == {"sidecar.istio.io/inject": "true", "istio.io/rev": "blue"}
    finding = mesh_probe.webhook_injects(FakeApi(), NAMESPACE, "cluster2", "network2", Revision("blue"))
    assert "look for istio-sidecar-injector-blue in the remote" in finding.cause


def test_of_a_revision_only_its_own_istiod_has_to_have_read_the_remote() -> None:
    api = FakeCluster("cluster1")
    for name in ("blue", "green"):
        api.put(f"{PODS}/istiod-{name}", {**pod("x"), "metadata": {"labels": {"app": "istiod", "istio.io/rev": name}}})
    api.pages["/debug/clusterz"] = json.dumps([{"id": "cluster2", "syncStatus": "synced"}])

    assert mesh_probe.remote_synced(api, NAMESPACE, "cluster2", Revision("blue")).ready
    finding = mesh_probe.remote_synced(api, NAMESPACE, "cluster2", Revision("red"))
    assert "no istiod pod is ready" in finding.seen
    assert "-l app=istiod,istio.io/rev=red" in finding.cause


@pytest.mark.parametrize(
    ("api", "word"),
    [
        (injected(cluster="cluster1"), "ISTIO_META_CLUSTER_ID is cluster1, not cluster2"),
        (injected(network=""), "ISTIO_META_NETWORK is not set, not network2"),
        (FakeApi(), "came back without a proxy"),
    ],
)
def test_a_wrong_or_missing_proxy_says_what_is_wrong(api: FakeApi, word: str) -> None:
    finding = mesh_probe.webhook_injects(api, NAMESPACE, "cluster2", "network2")

    assert not finding.ready
    assert word in finding.seen
    assert finding.cause


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("x509: certificate signed by unknown authority", "caBundle"),
        ("dial tcp 10.0.0.1:15017: connect: connection refused", "15017"),
        ("context deadline exceeded", "cannot reach the primary's east-west gateway"),
        ('service "istiod" not found', "no Service istiod"),
    ],
)
def test_an_error_of_the_webhook_is_explained(message: str, cause: str) -> None:
    api = FakeApi()

    def refuse(path: str, body: kube.Object) -> kube.Object:
        raise kube.KubeError(f'failed calling webhook "sidecar-injector.istio.io": {message}', 500)

    api.on_create = refuse

    finding = mesh_probe.webhook_injects(api, NAMESPACE, "cluster2", "network2")

    assert message in finding.seen
    assert cause in finding.cause


def gateway(*pods: kube.Object, ingress: list[dict[str, str]] | None = None) -> FakeApi:
    api = FakeApi()
    api.objects[SERVICE] = {
        "spec": {"selector": {"istio": "gw"}},
        "status": {"loadBalancer": {"ingress": ingress} if ingress else {}},
    }
    api.objects[PODS] = {"items": list(pods)}
    return api


def test_a_gateway_with_a_ready_pod_runs() -> None:
    assert mesh_probe.gateway_running(gateway(pod("gw-1")), NAMESPACE, "gw").ready


def test_a_gateway_whose_last_pod_ends_has_none() -> None:
    ending = pod("gw-1")
    ending["metadata"]["deletionTimestamp"] = "2026-11-25T17:43:58Z"

    assert mesh_probe.gateway_running(gateway(ending), NAMESPACE, "gw").seen.startswith("no pod matches")


@pytest.mark.parametrize(
    ("api", "seen"),
    [
        (FakeApi(), "no Service"),
        (gateway(), "no pod matches"),
        (gateway(pod("gw-1", containers=[{"name": "istio-proxy", "image": "auto"}])), "it was not injected"),
        (gateway(pod("gw-1", ready=False)), "pod gw-1 is not ready: Ready: not yet"),
    ],
)
def test_a_gateway_that_does_not_run_says_how_far_it_came(api: FakeApi, seen: str) -> None:
    finding = mesh_probe.gateway_running(api, NAMESPACE, "gw")

    assert not finding.ready
    assert seen in finding.seen


@pytest.mark.parametrize(
    ("ingress", "expected", "value"),
    [
        ([{"ip": "10.89.0.128"}], "", "10.89.0.128"),
        ([{"ip": "10.89.0.128"}], "10.89.0.128", "10.89.0.128"),
        ([{"hostname": "lb.example.com"}], "", "lb.example.com"),
        ([{"ip": "10.89.0.129"}], "10.89.0.128", None),
        (None, "", None),
    ],
)
def test_the_address_of_a_gateway(ingress: Any, expected: str, value: str | None) -> None:
    finding = mesh_probe.gateway_address(gateway(ingress=ingress), NAMESPACE, "gw", expected)

    assert finding.ready is (value is not None)
    assert (finding.value.address if finding.value else None) == value


def test_the_addresses_of_a_gateway_are_those_that_its_name_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    api = gateway(ingress=[{"hostname": "lb.example.com"}])
    monkeypatch.setattr(socket, "getaddrinfo", resolver(lb=["10.0.0.2", "10.0.0.1", "fd00::1"]))

    finding = mesh_probe.gateway_ips(api, NAMESPACE, "gw")

    assert (finding.ready, finding.value) == (True, ["10.0.0.1", "10.0.0.2"])


def test_a_name_that_is_not_known_yet_is_a_state_with_its_likely_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    api = gateway(ingress=[{"hostname": "lb.example.com"}])
    monkeypatch.setattr(socket, "getaddrinfo", resolver())

    finding = mesh_probe.gateway_ips(api, NAMESPACE, "gw")

    assert not finding.ready
    assert "this machine does not know where lb.example.com leads" in finding.seen
    assert "getent ahosts lb.example.com" in finding.cause


def behind_nodes(*nodes: kube.Object, **annotations: str) -> FakeApi:
    api = gateway()
    api.objects[SERVICE] |= {
        "metadata": {"annotations": {key.replace("_", "/"): text for key, text in annotations.items()}}
    }
    api.objects[SERVICE]["spec"] |= {"type": "NodePort", "ports": [{"port": 15021, "nodePort": 30021}]}
    api.objects["/api/v1/nodes"] = {"items": list(nodes)}
    return api


def node(*external: str) -> kube.Object:
    internal = {"type": "InternalIP", "address": "192.168.0.1"}
    addresses = [internal, *({"type": "ExternalIP", "address": ip} for ip in external)]
    return {"metadata": {"name": "n"}, "status": {"addresses": addresses}}


def test_a_gateway_behind_nodes_has_their_external_addresses() -> None:
    api = behind_nodes(node("203.0.113.7"), node("203.0.113.5"), **{"traffic.istio.io_nodeSelector": "{}"})

    finding = mesh_probe.gateway_address(api, NAMESPACE, "gw")

    assert (finding.ready, finding.seen) == (True, "address 203.0.113.5")
    assert finding.value.port(15021) == 30021
    assert mesh_probe.gateway_ips(api, NAMESPACE, "gw").value == ["203.0.113.5", "203.0.113.7"]


def test_nodes_without_an_external_address_point_at_the_setting_that_says_one() -> None:
    api = behind_nodes(node(), **{"traffic.istio.io_nodeSelector": "{}"})

    finding = mesh_probe.gateway_address(api, NAMESPACE, "gw")

    assert not finding.ready
    assert "ExternalIP" in finding.cause
    assert "clusters[].exposure.nodeAddresses" in finding.cause


def test_the_health_of_a_gateway_is_asked_at_the_port_of_the_node() -> None:
    asked: list[int] = []

    def fetch(address: str, port: int, path: str, seconds: float) -> int:
        asked.append(port)
        return 200

    health = mesh_probe.GatewayHealth(FakeApi(), NAMESPACE, "gw", fetch=fetch)

    assert health("10.0.0.1", 30021).seen == "10.0.0.1:30021 answers"
    assert asked == [30021]


def test_a_gateway_without_an_address_leads_nowhere() -> None:
    assert mesh_probe.gateway_ips(gateway(), NAMESPACE, "gw") == gate.Finding(ready=False, seen="none", value=[])


def test_an_api_server_that_wants_v1_endpoints_is_told_from_one_that_finds_no_service() -> None:
    assert "v1Endpoints" in mesh_probe.webhook_cause('failed calling webhook "x": endpoints "istiod" not found')
    assert "v1Endpoints" not in mesh_probe.webhook_cause('failed calling webhook "x": service "istiod" not found')


def fetching(outcome: int | OSError) -> Callable[[str, int, str, float], int]:
    def fetch(address: str, port: int, path: str, seconds: float) -> int:
        assert (port, path) == (15021, "/healthz/ready")
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    return fetch


def test_a_gateway_that_answers_this_machine_is_healthy() -> None:
    health = mesh_probe.GatewayHealth(FakeApi(), NAMESPACE, "gw", fetch=fetching(200))

    assert health("10.0.0.1").value == "machine"


def test_a_gateway_that_answers_503_is_not() -> None:
    health = mesh_probe.GatewayHealth(FakeApi(), NAMESPACE, "gw", fetch=fetching(503))

    assert not health("10.0.0.1").ready


def test_silence_is_given_up_soon_at_first_and_later_each_time() -> None:
    outcomes: list[OSError] = [TimeoutError(), ConnectionRefusedError(), *(TimeoutError() for _ in range(4))]
    waited: list[float] = []

    def fetch(address: str, port: int, path: str, seconds: float) -> int:
        waited.append(seconds)
        raise outcomes[len(waited) - 1]

    health = mesh_probe.GatewayHealth(FakeApi(), NAMESPACE, "gw", fetch=fetch)
    assert not any(health("10.0.0.1").ready for _ in outcomes)
    assert waited == [0.25, 0.5, 0.5, 1.0, 2.0, 2.0]


def test_the_way_through_the_api_server_is_the_last_resort() -> None:
    api, clock = FakeApi(), FakeClock()
    api.objects[f"/api/v1/namespaces/{NAMESPACE}/services/http:gw:15021/proxy/healthz/ready"] = {"ok": True}
    health = mesh_probe.GatewayHealth(
        api, NAMESPACE, "gw", fetch=fetching(OSError("no route to host")), clock=clock, patience=20
    )

    early = health("10.0.0.1")
    clock.time += 21
    late = health("10.0.0.1")

    assert not early.ready
    assert "no route to host" in early.seen
    assert (late.ready, late.value) == (True, "api-server")
