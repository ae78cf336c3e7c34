"""What is asked of the engine where gateways are entered at ports of nodes."""

import json
from typing import Any

import pytest

from tests.contract.conftest import of_settings, parts, releases
from tests.contract.recording import Recording, Registration
from tether import standing
from tether.errors import SettingsError
from tether.settings import Settings, read

SERVICE = "kubernetes:core/v1:Service"
SLICE = "kubernetes:discovery.k8s.io/v1:EndpointSlice"
ENDPOINTS = "kubernetes:core/v1:Endpoints"
KIND_NODES = ["10.89.7.3", "10.89.7.5"]
STATED = ["192.0.2.1", "192.0.2.2"]
BEHIND = [
    {"name": "tcp-istiod", "port": 30012.0, "protocol": "TCP"},
    {"name": "tcp-webhook", "port": 30017.0, "protocol": "TCP"},
]


def mesh(exposure: Any, *own: dict[str, Any], platform: str = "kind", **more: str) -> Recording:
    clusters: list[dict[str, Any]] = []
    for number, mine in enumerate(own, 1):
        name = f"cluster{number}"
        clusters.append(
            {"name": name, "role": "remote" if number > 1 else "primary", "network": f"n{number}", "platform": platform}
        )
        if platform == "existing":
            clusters[-1] |= {"kubeconfig": kubeconfig(name), "apiServer": f"https://{name}.example.org"}
        clusters[-1] |= mine
    raw = {"exposure": exposure, "clusters": clusters}
    return of_settings({**{f"tether:{key}": json.dumps(value) for key, value in raw.items()}, **more}, [])


def kubeconfig(name: str) -> str:
    return json.dumps(
        {
            "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example.org"}}],
            "users": [{"name": name, "user": {"token": "t"}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        indent=1,
    )


def values(recording: Recording, release: str) -> dict[str, Any]:
    return releases(recording)[release].inputs["values"]


def gates(recording: Recording) -> dict[str, Registration]:
    return {one.name: one for one in recording.all() if one.type == "tether:index:GatewayReady"}


@pytest.fixture(scope="module")
def kind() -> Recording:
    return mesh({"serviceType": "NodePort"}, {}, {})


@pytest.fixture(scope="module")
def existing() -> Recording:
    return mesh(
        {"serviceType": "NodePort", "nodePorts": {"tls": 31443, "xds": 31012}, "nodeSelector": {"edge": "yes"}},
        {},
        {"exposure": {"nodeAddresses": STATED}, "v1Endpoints": True},
        platform="existing",
    )


def test_every_port_of_a_gateway_has_its_port_on_the_nodes(kind: Recording) -> None:
    for name, network in (("cluster1", "n1"), ("cluster2", "n2")):
        found = values(kind, name)
        assert found["service"]["type"] == "NodePort"
        assert {int(port["port"]): int(port["nodePort"]) for port in found["service"]["ports"]} == {
            15021: 30021, 15443: 30043, 15012: 30012, 15017: 30017,
        }  # fmt: skip
        assert "networkGateway" not in found, "with it the chart makes ports of its own, without node ports"
        assert found["labels"] == {"topology.istio.io/network": network}
        assert found["env"] == {"ISTIO_META_REQUESTED_NETWORK_VIEW": network}


def test_istiod_is_told_of_nodes_without_external_addresses_and_looks_for_none_beside_them(kind: Recording) -> None:
    told = values(kind, "cluster1-istiod")["global"]["meshNetworks"]

    assert told == {
        network: {"gateways": [{"address": ip, "port": 30043.0} for ip in KIND_NODES]} for network in ("n1", "n2")
    }
    for name in ("cluster1", "cluster2"):
        annotations = values(kind, name)["service"]["annotations"]
        assert annotations == {"tether.node-addresses": ",".join(KIND_NODES)}


def test_istiod_looks_for_nodes_where_nobody_says_their_addresses(existing: Recording) -> None:
    assert values(existing, "cluster1-istiod")["global"]["meshNetworks"] == {
        "n2": {"gateways": [{"address": ip, "port": 31443.0} for ip in STATED]}
    }
    annotations = {name: values(existing, name)["service"]["annotations"] for name in ("cluster1", "cluster2")}
    assert annotations == {
        "cluster1": {"traffic.istio.io/nodeSelector": '{"edge": "yes"}'},
        "cluster2": {"tether.node-addresses": ",".join(STATED)},
    }


def test_a_remote_s_istiod_leads_to_the_nodes_of_the_primary(kind: Recording) -> None:
    service, made = kind.one(SERVICE, "cluster2-istiod"), kind.one(SLICE, "cluster2-istiod")

    assert service.inputs["metadata"]["name"] == "istiod"
    assert "selector" not in service.inputs["spec"]
    assert [(port["name"], port["port"], port.get("targetPort")) for port in service.inputs["spec"]["ports"]] == [
        ("tcp-istiod", 15012.0, None),
        ("tcp-webhook", 443.0, 15017.0),
    ]
    assert made.inputs["ports"] == BEHIND
    assert [one["addresses"] for one in made.inputs["endpoints"]] == [[ip] for ip in KIND_NODES]
    assert "remotePilotAddress" not in values(kind, "cluster2-istiod")["global"], "the chart would make its own"


def test_the_service_is_there_before_the_webhook_that_calls_it(kind: Recording) -> None:
    webhooks = releases(kind)["cluster2-istiod"]

    assert {kind.one(SERVICE, "cluster2-istiod").urn, kind.one(SLICE, "cluster2-istiod").urn} <= webhooks.dependencies


def test_the_service_of_a_revision_has_its_name() -> None:
    revised = mesh({"serviceType": "NodePort"}, {}, {}, **{"tether:istio": '{"revision": "1-31"}'})

    assert revised.one(SERVICE, "cluster2-istiod").inputs["metadata"]["name"] == "istiod-1-31"
    labels = revised.one(SLICE, "cluster2-istiod").inputs["metadata"]["labels"]
    assert labels["kubernetes.io/service-name"] == "istiod-1-31"


@pytest.mark.parametrize(
    ("family", "node", "gateway", "istiod"),
    [
        ("ipv6", "2001:db8::1", ("SingleStack", ["IPv6"]), ("SingleStack", ["IPv6"])),
        ("dual", "192.0.2.1", ("RequireDualStack", ["IPv4", "IPv6"]), ("SingleStack", ["IPv4"])),
    ],
)
def test_services_at_nodes_are_of_the_family_of_the_mesh(
    family: str, node: str, gateway: tuple[str, list[str]], istiod: tuple[str, list[str]]
) -> None:
    stated = {"exposure": {"nodeAddresses": [node]}}
    made = mesh({"serviceType": "NodePort"}, stated, {}, platform="existing", **{"tether:ipFamily": family})

    for name in ("cluster1", "cluster2"):
        found = values(made, name)["service"]
        assert (found["ipFamilyPolicy"], found["ipFamilies"]) == gateway
    spec = made.one(SERVICE, "cluster2-istiod").inputs["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == istiod
    assert made.one(SLICE, "cluster2-istiod").inputs["addressType"] == istiod[1][0]


def test_addresses_of_kind_nodes_are_known_before_the_gateway_is(kind: Recording) -> None:
    assert not kind.reaches(kind.one(SLICE, "cluster2-istiod"), gates(kind)["cluster1"])


def test_addresses_that_istiod_looks_up_are_those_of_the_gate(existing: Recording) -> None:
    made = existing.one(SLICE, "cluster2-istiod")

    assert existing.reaches(made, gates(existing)["cluster1"])
    assert [port["port"] for port in made.inputs["ports"]] == [31012.0, 30017.0]
    (subset,) = existing.one(ENDPOINTS, "cluster2-istiod").inputs["subsets"]
    assert [port["port"] for port in subset["ports"]] == [31012.0, 30017.0]


def test_a_gate_asks_anew_when_other_nodes_or_ports_lead_to_the_gateway(kind: Recording) -> None:
    assert gates(kind)["cluster1"].inputs["triggers"] == {
        "release": "3",
        "status": "30021",
        "tls": "30043",
        "xds": "30012",
        "webhook": "30017",
        "tether.node-addresses": ",".join(KIND_NODES),
    }


def test_a_kind_cluster_whose_gateway_is_entered_at_nodes_gets_no_load_balancer() -> None:
    mixed = mesh({}, {"exposure": {"serviceType": "NodePort"}}, {})

    assert [one.name for one in mixed.all() if one.type == "tether:index:LoadBalancer"] == ["cluster2"]
    assert "expectedAddress" not in gates(mixed)["cluster1"].inputs
    assert values(mixed, "cluster2")["networkGateway"] == "n2"
    assert list(values(mixed, "cluster1-istiod")["global"]["meshNetworks"]) == ["n1"]
    assert mixed.one(SLICE, "cluster2-istiod").inputs["ports"] == BEHIND


def test_a_primary_with_a_load_balancer_leaves_a_remote_behind_nodes_as_it_is() -> None:
    mixed = mesh({}, {}, {"exposure": {"serviceType": "NodePort"}})

    assert [one for one in mixed.all() if one.type in (SERVICE, SLICE)] == []
    assert "remotePilotAddress" in values(mixed, "cluster2-istiod")["global"]
    assert list(values(mixed, "cluster1-istiod")["global"]["meshNetworks"]) == ["n2"]


def test_a_mesh_behind_load_balancers_is_told_nothing_of_nodes(two_clusters: Recording) -> None:
    assert "meshNetworks" not in values(two_clusters, "cluster1-istiod")["global"]
    assert [one for one in two_clusters.all() if one.type == SERVICE] == []
    assert all(gate.inputs["triggers"] == {"release": "3"} for gate in gates(two_clusters).values())


def test_a_mesh_that_stands_is_known_by_what_was_asked_of_the_engine(kind: Recording) -> None:
    """Another way into the primary is refused, and what stands as it is wanted is not."""
    at_nodes = read({"tether:exposure": '{"serviceType": "NodePort"}'})
    balanced = mesh({}, {}, {})
    for stands, same, other in ((kind, at_nodes, Settings()), (balanced, Settings(), at_nodes)):
        recorded = [{"type": one.type, "urn": one.urn, "inputs": one.inputs} for one in stands.all()]
        standing.refuse(same, recorded, "tether", parts().images.node, way="anew")
        with pytest.raises(SettingsError, match="gateway of cluster1, cluster2 is a"):
            standing.refuse(other, recorded, "tether", parts().images.node, way="anew")
