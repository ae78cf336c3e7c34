"""The gates and the verification on a real mesh that is not as it should be."""

import contextlib
import subprocess
from collections.abc import Generator, Iterator
from typing import Any

import grpc
import pytest

from tests.e2e.conftest import Mesh
from tests.provider.provider_harness import Plugin
from tether import parts, topology
from tether.topology import EAST_WEST_GATEWAY

PATIENCE_SECONDS = 12


@pytest.fixture
def plugin(mesh: Mesh) -> Iterator[Plugin]:
    running = Plugin(environment=mesh.environment.variables)
    yield running
    running.close()


def refused(plugin: Plugin, kind: str, inputs: dict[str, Any]) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        plugin.create(kind, inputs, timeout=120)
    error: Any = caught.value
    assert "Traceback" not in error.details()
    return error.details()


def remote_ready(mesh: Mesh, **changed: Any) -> dict[str, Any]:
    return {
        "primaryKubeconfig": mesh.environment.kubeconfig("cluster1").read_text(),
        "remoteKubeconfig": mesh.environment.kubeconfig("cluster2").read_text(),
        "clusterName": "cluster2",
        "network": "network2",
        "istioNamespace": "istio-system",
        "timeoutSeconds": PATIENCE_SECONDS,
        **changed,
    }


def test_the_remote_gate_opens_on_a_healthy_mesh(mesh: Mesh, plugin: Plugin) -> None:
    assert plugin.create("RemoteReady", remote_ready(mesh), timeout=60).id


def test_the_remote_gate_names_the_cluster_that_istiod_does_not_know(mesh: Mesh, plugin: Plugin) -> None:
    said = refused(plugin, "RemoteReady", remote_ready(mesh, clusterName="cluster9"))
    assert "cluster9" in said
    assert "istio/multiCluster=true" in said


def test_the_remote_gate_says_that_the_remote_injects_another_network(mesh: Mesh, plugin: Plugin) -> None:
    said = refused(plugin, "RemoteReady", remote_ready(mesh, network="network9"))
    assert "network9" in said
    assert "network2" in said


def test_the_gateway_gate_says_which_address_it_found(mesh: Mesh, plugin: Plugin) -> None:
    address = mesh.environment.output("endpoints")[1]["eastWestGateway"]["address"]
    said = refused(
        plugin,
        "GatewayReady",
        {
            "kubeconfig": mesh.environment.kubeconfig("cluster2").read_text(),
            "namespace": "istio-system",
            "serviceName": EAST_WEST_GATEWAY,
            "expectedAddress": "10.89.0.1",
            "timeoutSeconds": PATIENCE_SECONDS,
        },
    )
    assert address in said
    assert "10.89.0.1" in said


@contextlib.contextmanager
def without_the_gateway_of_the_remote(mesh: Mesh) -> Generator[None]:
    deployment = ("-n", "istio-system", f"deployment/{EAST_WEST_GATEWAY}")
    try:
        assert mesh.environment.kubectl("cluster2", "scale", *deployment, "--replicas", "0").code == 0
        yield
    finally:
        mesh.environment.kubectl("cluster2", "scale", *deployment, "--replicas", "1")
        assert mesh.environment.kubectl("cluster2", "rollout", "status", *deployment, "--timeout", "60s").code == 0


def verification(mesh: Mesh, **more: Any) -> dict[str, Any]:
    return {
        "clusters": [
            {"name": cluster, "kubeconfig": mesh.environment.kubeconfig(cluster).read_text()}
            for cluster in ("cluster1", "cluster2")
        ],
        "image": parts.read().images.echo,
        "trustDomain": "cluster.local",
        **more,
    }


def assert_no_verification_is_left(mesh: Mesh) -> None:
    for cluster in ("cluster1", "cluster2"):
        left = mesh.environment.namespaces_of_the_verification(cluster)
        assert left == [], "removed also after a failure"


def test_the_verification_names_the_direction_in_which_nothing_crosses(mesh: Mesh, plugin: Plugin) -> None:
    """The primary's requests cannot enter the remote's network once the remote's gateway is gone."""
    with without_the_gateway_of_the_remote(mesh):
        said = refused(plugin, "Verification", verification(mesh, timeoutSeconds=40))
        assert "cluster1" in said
        assert "cluster2" in said
        assert_no_verification_is_left(mesh)


def test_a_verification_that_starts_beside_the_gateways_names_the_one_that_does_not_serve(
    mesh: Mesh, plugin: Plugin
) -> None:
    patience = {"istioNamespace": "istio-system", "gatewayTimeoutSeconds": PATIENCE_SECONDS}
    with without_the_gateway_of_the_remote(mesh):
        said = refused(plugin, "Verification", verification(mesh, **patience))
        assert f"pod of {EAST_WEST_GATEWAY} in cluster2" in said
        assert f"no pod matches Service istio-system/{EAST_WEST_GATEWAY}" in said
        assert_no_verification_is_left(mesh)
    assert plugin.create("Verification", verification(mesh, **patience), timeout=120).id


def test_a_cluster_that_this_stack_did_not_make_is_refused_and_left_alone(mesh: Mesh, plugin: Plugin) -> None:
    taken = topology.kind_cluster_name("cluster2", mesh.environment.suffix)
    said = refused(
        plugin,
        "Cluster",
        {
            "name": taken,
            "network": topology.network_name(mesh.environment.suffix),
            "nodeImage": parts.read().images.node,
            "nodeImageHasNetwork": True,
        },
    )
    assert taken in said
    assert mesh.environment.get("cluster2", "nodes")["items"], "the cluster lives on"


def test_a_cancelled_create_ends_at_once_and_leaves_no_node(mesh: Mesh, plugin: Plugin) -> None:
    creating = plugin.create_future(
        "Cluster",
        {
            "name": f"cancelled-{mesh.environment.suffix}",
            "network": topology.network_name(mesh.environment.suffix),
            "nodeImage": parts.read().images.node,
            "nodeImageHasNetwork": True,
        },
    )
    with pytest.raises(grpc.FutureTimeoutError):
        creating.result(timeout=4)
    assert plugin.cancel() < 1
    with pytest.raises(grpc.RpcError):
        creating.result(timeout=60)
    left = subprocess.run(
        [parts.read().container_runtime, "ps", "--all", "--format", "{{.Names}}"],
        env=mesh.environment.variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "cancelled-" not in left
