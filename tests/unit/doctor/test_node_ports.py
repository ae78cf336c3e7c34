"""A mesh whose gateways are entered at ports of nodes: what is well, and what each check says when it is not."""

from typing import Any

from tests.unit.doctor.fake_mesh import SLICES, SYSTEM, FakeCluster, FakeMesh
from tether import gateway_entry, istiod_endpoints
from tether.doctor.check import Answer
from tether.doctor.handshake import Handshake, Outcome
from tether.gateway_entry import NODE_PORTS

SERVICE = f"{SYSTEM}/services/istio-eastwestgateway"
NODES = {"cluster1": ["192.0.2.1", "192.0.2.2"], "cluster2": ["192.0.2.3"]}
BEHIND = istiod_endpoints.ports(NODE_PORTS["xds"], NODE_PORTS["webhook"])


def enter(cluster: FakeCluster, **annotations: str) -> None:
    """Have a gateway entered at nodes, those that an annotation says."""
    service = cluster.objects[SERVICE]
    service["metadata"]["annotations"] = dict(annotations)
    service["spec"] |= {"type": "NodePort", "ports": gateway_entry.service_ports(NODE_PORTS)}
    service["status"] = {}


def rebuilt(mesh: FakeMesh) -> None:
    """The mesh with nodes in place of its load balancers."""
    for cluster in (mesh.primary, mesh.remote):
        enter(cluster, **{gateway_entry.NODE_ADDRESSES: ",".join(NODES[cluster.name])})
    mesh.remote.put(
        f"{SLICES}/istiod", istiod_endpoints.endpoint_slice("istio-system", NODES["cluster1"], behind=BEHIND)
    )
    told(mesh, NODE_PORTS["tls"])


def told(mesh: FakeMesh, port: int) -> None:
    """Have istiod know the nodes by its mesh networks, which are of no cluster."""
    listed: list[dict[str, Any]] = [
        {"Network": name.replace("cluster", "network"), "Cluster": "", "Addr": address, "Port": port}
        for name, found in NODES.items()
        for address in found
    ]
    mesh.debug("networkz", listed)


def answer(mesh: FakeMesh, check: str, subject: str) -> Answer:
    (found,) = [one.answer for one in mesh.examine().findings if one.check.id == check and one.subject == subject]
    return found


def test_a_mesh_behind_nodes_is_well(mesh: FakeMesh) -> None:
    rebuilt(mesh)

    found = mesh.examine()

    assert found.wrong == found.unknown == ()
    assert answer(mesh, "D38", "cluster2").seen == "192.0.2.3:30043 is open"
    assert "behind 30012 and 30017 istiod proves to be" in answer(mesh, "D20", "cluster1").seen
    assert answer(mesh, "D25", "cluster1").seen == "network1 is entered at 192.0.2.1:30043"


def test_nodes_that_istiod_looks_up_itself_are_as_good(mesh: FakeMesh) -> None:
    rebuilt(mesh)
    for cluster in (mesh.primary, mesh.remote):
        enter(cluster, **{gateway_entry.NODE_SELECTOR: "{}"})
        for number, address in enumerate(NODES[cluster.name]):
            listed = [{"type": "ExternalIP", "address": address}]
            cluster.put(f"/api/v1/nodes/n{number}", {"spec": {}, "status": {"addresses": listed}})

    assert mesh.examine().wrong == ()


def test_nodes_without_an_external_address_lead_nowhere(mesh: FakeMesh) -> None:
    rebuilt(mesh)
    enter(mesh.remote, **{gateway_entry.NODE_SELECTOR: '{"edge": "yes"}'})

    found = answer(mesh, "D07", "cluster2")

    assert "no node has an address for it" in found.seen
    assert "clusters[].exposure.nodeAddresses" in found.cause


def test_a_service_that_istiod_passes_over_is_told_with_its_annotation(mesh: FakeMesh) -> None:
    rebuilt(mesh)
    enter(mesh.remote)

    found = answer(mesh, "D07", "cluster2")

    assert "without annotation traffic.istio.io/nodeSelector" in found.seen
    assert "annotate service istio-eastwestgateway traffic.istio.io/nodeSelector={}" in found.fix


def test_a_slice_with_the_ports_of_a_load_balancer_is_told(mesh: FakeMesh) -> None:
    rebuilt(mesh)
    mesh.remote.put(f"{SLICES}/istiod", istiod_endpoints.endpoint_slice("istio-system", NODES["cluster1"]))

    found = answer(mesh, "D19", "cluster2")

    assert "leads to port 15012 for 15012, but the primary's nodes have it at 30012" in found.seen
    assert '"port": 30017' in found.fix or "port: 30017" in found.fix or '"port":30017' in found.fix


def test_istiod_that_was_told_another_port_is_told(mesh: FakeMesh) -> None:
    rebuilt(mesh)
    told(mesh, 15443)

    assert (
        "takes port 15443 for the gateway into network2, but it is entered at 30043"
        in answer(mesh, "D25", "cluster2").seen
    )


def test_a_firewall_before_the_nodes_is_opened_at_the_port_of_the_nodes(mesh: FakeMesh) -> None:
    rebuilt(mesh)
    mesh.ports["192.0.2.3", 30043] = Handshake(outcome=Outcome.TIMED_OUT, seen="192.0.2.3:30043 does not answer")

    found = answer(mesh, "D38", "cluster2")

    assert "drops TCP 30043" in found.cause
    assert "let TCP 30043 through" in found.fix
