"""Lays what Istio's tests expect over a mesh, and takes away what they leave behind."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import fixture
from conformance.stand import NAMESPACE, PROJECT, Cluster, Stand
from tether import kube, parts, topology

GATEWAY_API = "tests/integration/pilot/testdata/gateway-api-crd.yaml"
_ROLLOUT_SECONDS = 300
_TEST_NAMESPACES = "istio-testing=istio-test"
"""The label that the tests' framework gives its namespaces (pkg/test/framework/components/namespace/kube.go)."""
_REMOTE_SECRETS = "istio/multiCluster=true"


def dress(stand: Stand, sources: Path, images: Path, helm: Path) -> None:
    """Write the files that the tests read, load their images, lay Istio's test values over the mesh.

    Args:
        stand: the mesh.
        sources: root of Istio's files (toolchain.istio_tests).
        images: archive of images for the nodes.
        helm: the program, for the egress gateway.
    """
    stand.write_hosts()
    runtime = parts.read(PROJECT / parts.FILE).container_runtime
    for cluster in stand.clusters:
        for rule in keep_inside(service_ranges(stand, cluster)):
            stand.run(runtime, "exec", cluster.node, *rule)
        stand.write(cluster.name, kube.with_server(cluster.kubeconfig.read_text(), cluster.api_server))
        stand.run("kind", "load", "image-archive", images, "--name", cluster.node.removesuffix("-control-plane"))
    # In the primary alone, as Istio's own runs do: the reader may not list all of these kinds, and `istioctl analyze`,
    # which reads remotes as the reader, would wait for ever for those that are there.
    stand.kubectl(stand.primary, "apply", "--server-side", "--force-conflicts", "--filename", sources / GATEWAY_API)
    networks = {cluster.name: cluster.network for cluster in stand.clusters}
    stand.write("topology.json", fixture.topology_file(stand.primary.name, networks))
    for cluster in stand.clusters:
        # istiod reads the primary's; a remote of the documented sequence has none.
        if _mesh_config(stand, cluster):
            _rewrite(stand, cluster, "istio", "mesh", fixture.mesh_config)
        if cluster is stand.primary:
            _rewrite(stand, cluster, "istio-sidecar-injector", "values", fixture.injector_values)
            _patch(stand, cluster, "deployment/istiod", fixture.istiod_patch())
        _patch(stand, cluster, f"service/{topology.INGRESS_GATEWAY}", fixture.ingress_service_patch())
        _install_egress_gateway(stand, cluster, helm)
        for gateway in fixture.GATEWAYS:
            _patch(stand, cluster, f"deployment/{gateway}", fixture.gateway_patch())
    for cluster in stand.clusters:
        for name in (*(("istiod",) if cluster is stand.primary else ()), *fixture.GATEWAYS):
            stand.kubectl(
                cluster, "-n", NAMESPACE, "rollout", "status", f"deployment/{name}", f"--timeout={_ROLLOUT_SECONDS}s"
            )


def service_ranges(stand: Stand, cluster: Cluster) -> list[str]:
    """The ranges (CIDR) that addresses of the cluster's Services are from."""
    asked = ("servicecidrs.networking.k8s.io", "-o", "jsonpath={.items[*].spec.cidrs[*]}")
    return stand.kubectl(cluster, "get", *asked).split()


def keep_inside(ranges: Sequence[str]) -> list[list[str]]:
    """Commands for a node: the address of a Service that it does not know yet is refused, and nobody else is asked.

    A test calls a Service at once after it was made. Before the node has its rules such a request leaves by the node's
    default route; where somebody out there answers, the calling proxy keeps that connection and asks there for ever.
    """
    return [
        ["ip6tables" if ":" in cidr else "iptables", "-A", chain, "-d", cidr, "-j", "REJECT"]
        for cidr in ranges
        for chain in ("FORWARD", "OUTPUT")
    ]


def _rewrite(stand: Stand, cluster: Cluster, config_map: str, key: str, change: Callable[[str], str]) -> None:
    found = json.loads(stand.kubectl(cluster, "-n", NAMESPACE, "get", "configmap", config_map, "-o", "json"))
    _patch(stand, cluster, f"configmap/{config_map}", {"data": {key: change(found["data"][key])}})


def _patch(stand: Stand, cluster: Cluster, what: str, patch: Mapping[str, Any]) -> None:
    stand.kubectl(cluster, "-n", NAMESPACE, "patch", what, "--patch", json.dumps(patch))


def _install_egress_gateway(stand: Stand, cluster: Cluster, helm: Path) -> None:
    chart = PROJECT / parts.read(PROJECT / parts.FILE).charts["gateway"].path
    stand.run(
        helm, "upgrade", "--install", fixture.EGRESS_GATEWAY, chart, "--namespace", NAMESPACE,
        "--kubeconfig", cluster.kubeconfig, "--values", "-",
        stdin=json.dumps(fixture.EGRESS_VALUES),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a cluster looked like before tests ran."""

    objects: Mapping[str, kube.Object]
    """Istio's objects and the remote secrets in Istio's namespace, by ``kind.group/name``."""
    mesh_config: str


def order(stand: Stand) -> dict[str, Order]:
    """Look at every cluster; by name."""
    return {
        cluster.name: Order(objects=_objects(stand, cluster), mesh_config=_mesh_config(stand, cluster))
        for cluster in stand.clusters
    }


def tidy(stand: Stand, before: Mapping[str, Order]) -> list[str]:
    """Take away what tests left that were ended before they could clean up, and put back what they took.

    Some make an object of the same name as the mesh's own, ``cross-network-gateway`` for one, and delete it at the end.

    Returns:
        What that was.
    """
    removed: list[str] = []
    for cluster in stand.clusters:
        known, found = before[cluster.name].objects, _objects(stand, cluster)
        left = sorted(found.keys() - known.keys())
        taken = sorted(known.keys() - found.keys())
        for name in taken:
            stand.kubectl(cluster, "create", "-f", "-", stdin=json.dumps(known[name]))
        spaces = _test_namespaces(stand, cluster)
        if left:
            stand.kubectl(cluster, "-n", NAMESPACE, "delete", "--ignore-not-found", *left)
        if spaces:
            stand.kubectl(cluster, "delete", "--wait=false", "--ignore-not-found", *spaces)
        if _mesh_config(stand, cluster) != before[cluster.name].mesh_config:
            _patch(stand, cluster, "configmap/istio", {"data": {"mesh": before[cluster.name].mesh_config}})
            left.append("configmap/istio")
        removed += [f"{cluster.name}: {thing}" for thing in (*left, *spaces, *(f"{name}, put back" for name in taken))]
    return removed


def _objects(stand: Stand, cluster: Cluster) -> dict[str, kube.Object]:
    # Every kind of Istio's has this category, so that a new kind is found too.
    asked = (("istio-io",), ("secrets", "-l", _REMOTE_SECRETS))
    found = [json.loads(stand.kubectl(cluster, "-n", NAMESPACE, "get", *what, "-o", "json")) for what in asked]
    return {_name(item): _bare(item) for answer in found for item in answer["items"]}


def _name(item: kube.Object) -> str:
    group, slash, _ = item["apiVersion"].partition("/")
    return f"{item['kind'].lower()}{f'.{group}' if slash else ''}/{item['metadata']['name']}"


def _bare(item: kube.Object) -> kube.Object:
    """The object as somebody would create it."""
    kept = {key: value for key, value in item["metadata"].items()
            if key in ("name", "namespace", "labels", "annotations")}  # fmt: skip
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": kept}


def _test_namespaces(stand: Stand, cluster: Cluster) -> list[str]:
    """Those that nobody has deleted: a test that ended well deletes its own, but waits for none to be gone."""
    found = ("--selector", _TEST_NAMESPACES, "--field-selector", "status.phase=Active", "-o", "name")
    return stand.kubectl(cluster, "get", "namespaces", *found).split()


def _mesh_config(stand: Stand, cluster: Cluster) -> str:
    asked = ("configmap", "istio", "--ignore-not-found", "-o", "jsonpath={.data.mesh}")
    return stand.kubectl(cluster, "-n", NAMESPACE, "get", *asked)
