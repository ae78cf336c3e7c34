"""Of istiod, the primary's gateway opens to other clusters what a remote needs, and nothing else."""

import pytest

from tests.e2e.breaking.lab import ISTIO, PRIMARY, REMOTE, Lab
from tests.e2e.conftest import Mesh
from tests.e2e.environment import is_open
from tether.doctor import handshake
from tether.doctor.handshake import Outcome
from tether.topology import CROSS_NETWORK_PORT, GATEWAY_PORTS, WEBHOOK_PORT, XDS_PORT

HOST = f"istiod.{ISTIO}.svc"
WITHOUT_TLS = (15010, 15014, 8080, 9876)
"""istiod's plain discovery, its metrics, its debug interface and ControlZ (istio/istio pilot/cmd/pilot-discovery)."""
SECONDS = 10


def gateway_address(mesh: Mesh) -> str:
    (place,) = [one for one in mesh.result["endpoints"] if one["cluster"] == PRIMARY]
    return place["eastWestGateway"]["address"]


def root(mesh: Mesh) -> str:
    return Lab(mesh.environment).read(REMOTE, "configmap istio-ca-root-cert")["data"]["root-cert.pem"]


@pytest.mark.parametrize("port", [XDS_PORT, WEBHOOK_PORT])
def test_only_the_name_of_this_meshs_istiod_is_passed_through(mesh: Mesh, port: int) -> None:
    address = gateway_address(mesh)
    for name in (f"{HOST}.cluster.local", f"istiod-other.{ISTIO}.svc", "kubernetes.default.svc", "example.com"):
        found = handshake.greet(address, port, name, "", seconds=SECONDS)
        assert found.outcome is Outcome.CLOSED, f"{name}: {found.seen}"

    assert handshake.greet(address, port, HOST, root(mesh), seconds=SECONDS).outcome is Outcome.OK


def test_ports_of_istiod_without_tls_cannot_be_reached_from_the_other_cluster(mesh: Mesh) -> None:
    address, node = gateway_address(mesh), Lab(mesh.environment).node(REMOTE)

    assert [port for port in GATEWAY_PORTS if not is_open(node, address, port)] == []
    assert [port for port in WITHOUT_TLS if is_open(node, address, port)] == []


@pytest.mark.parametrize("port", WITHOUT_TLS)
def test_the_port_between_networks_does_not_lead_to_them_either(mesh: Mesh, port: int) -> None:
    """What names a Service and a port there is passed through, and must speak TLS with whoever answers."""
    name = f"outbound_.{port}_._.istiod.{ISTIO}.svc.cluster.local"

    found = handshake.greet(gateway_address(mesh), CROSS_NETWORK_PORT, name, "", seconds=SECONDS)

    assert found.outcome is not Outcome.OK
