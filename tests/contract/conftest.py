import json
from typing import Any

import pulumi
import pytest

from components.from_settings import mesh_args as from_settings
from components.mesh import Mesh, MeshArgs
from tests.contract.recording import Recording, Registration, record
from tether import topology
from tether.helm_values import Chart
from tether.parts import Chart as ChartFolder
from tether.parts import Images, Parts
from tether.settings import read

RELEASE = "kubernetes:helm.sh/v3:Release"
LABELS = {"team": "mesh", "example.com/cost-center": "4711"}
ISTIO: Any = {
    "base_chart": "charts/base",
    "istiod_chart": "charts/istiod",
    "gateway_chart": "charts/gateway",
    "tag": "1.31-test",
    "pilot_image": "registry.test/pilot:1",
    "proxy_image": "registry.test/proxyv2:1",
    "plain_envoy": True,
    "timeout_seconds": 300,
}
KIND: Any = {
    "node_image": "localhost/node:1",
    "node_image_has_network": True,
    "kubernetes_version": "1.34.4",
    "container_runtime": "podman",
    "create_timeout_seconds": 300,
    "retain_on_failure": False,
    "load_balancer_chart": "charts/metallb",
    "load_balancer_controller_image": "registry.test/controller:1",
    "load_balancer_speaker_image": "registry.test/speaker:1",
    "load_balancer_timeout_seconds": 300,
}


PROVIDED: Any = {
    "source": "provided",
    "istio_namespace": "istio-system",
    "ca_cert": "certificate-of-the-user",
    "ca_key": "key-of-the-user",
    "root_cert": "root-of-the-user",
}


def mesh_args(
    *remotes: str, platform: str = "kind", verify: bool = True, ingress: bool = False, authority: Any = None
) -> MeshArgs:
    names = ["cluster1", *remotes]
    own: Any = (
        {} if platform == "kind" else {"kubeconfig": "kubeconfig-of-existing", "api_server": "https://10.0.0.1:6443"}
    )
    args: MeshArgs = {
        "mesh_id": "mesh1",
        "trust_domain": "cluster.local",
        "istio_namespace": "istio-system",
        "clusters": [
            {
                "name": name,
                "role": "primary" if name == "cluster1" else "remote",
                "network": name.replace("cluster", "network"),
                "platform": platform,
                "settings": own,
            }
            for name in names
        ],
        "certificate_authority": authority or {"istio_namespace": "istio-system"},
        "istio": ISTIO,
        "kind": KIND,
        "ingress_gateway": ingress,
    }
    if verify:
        args["verification"] = {"image": "registry.test/app:1", "timeout_seconds": 300}
    return args


def releases(recording: Recording) -> dict[str, Registration]:
    return {one.name: one for one in recording.all() if one.type == RELEASE}


def parts() -> Parts:
    images = Images(
        node="node:1", pilot="pilot:1", proxy="proxy:1", echo="echo:1", metallb_controller="c:1", metallb_speaker="s:1"
    )
    charts = {chart.value: ChartFolder(path=f"charts/{chart}", digest="") for chart in Chart}
    return Parts(
        source="packages", why="", container_runtime="podman", data_plane="envoy", istio_version="1.31",
        envoy_version="1.39", kubernetes_version="1.34.4", images=images, charts=charts, tools={},
    )  # fmt: skip


def of_settings(raw: dict[str, str], secret_keys: list[str]) -> Recording:
    settings = read(raw)

    def program() -> None:
        pulumi.runtime.set_all_config(raw, secret_keys)
        try:
            Mesh("mesh", from_settings(settings, topology.plan(settings), parts()))
        finally:
            pulumi.runtime.set_all_config({})

    return record(program)


def in_clouds(*, exposure: Any = None, gateways: dict[str, Any] | None = None, **own: dict[str, Any]) -> Recording:
    """A mesh of one cluster in each cloud; by platform, exposure of the gateways and more settings of some."""
    platforms = {"east": ("eks", "eu-central-1"), "north": ("gke", "europe-west3"), "west": ("aks", "westeurope")}
    clusters: list[dict[str, Any]] = [
        {
            "name": name, "role": "remote" if index else "primary", "network": f"net-{name}", "platform": platform,
            platform: {"region": region, **own.get(platform, {})}, "exposure": (gateways or {}).get(platform, {}),
        }
        for index, (name, (platform, region)) in enumerate(platforms.items())
    ]  # fmt: skip
    raw: dict[str, Any] = {"clusters": clusters, "exposure": exposure or {}}
    return of_settings({f"tether:{key}": json.dumps(value) for key, value in raw.items()}, [])


@pytest.fixture(scope="session")
def cloud_clusters() -> Recording:
    return in_clouds()


@pytest.fixture(scope="session")
def two_clusters() -> Recording:
    return record(lambda: Mesh("mesh", mesh_args("cluster2")))


@pytest.fixture(scope="session")
def four_clusters() -> Recording:
    return record(lambda: Mesh("mesh", mesh_args("cluster2", "cluster3", "cluster4")))


@pytest.fixture(scope="session")
def existing_clusters() -> Recording:
    return record(lambda: Mesh("mesh", mesh_args("cluster2", platform="existing")))


@pytest.fixture(scope="session")
def ingress_gateways() -> Recording:
    return record(lambda: Mesh("mesh", mesh_args("cluster2", ingress=True)))


@pytest.fixture(scope="session")
def provided_authority() -> Recording:
    return record(lambda: Mesh("mesh", mesh_args("cluster2", authority=PROVIDED)))


@pytest.fixture(scope="session")
def existing_authority() -> Recording:
    authority = {"source": "existing", "istio_namespace": "istio-system"}
    return record(lambda: Mesh("mesh", mesh_args("cluster2", platform="existing", authority=authority)))


@pytest.fixture(scope="session")
def bound_credentials() -> Recording:
    """Of three remotes two have a bound token, one of them with a lifetime of its own."""
    clusters = [
        {"name": "cluster1", "role": "primary", "network": "n1"},
        {"name": "cluster2", "role": "remote", "network": "n2"},
        {"name": "cluster3", "role": "remote", "network": "n3", "remoteCredential": {"lifetimeHours": 24}},
        {"name": "cluster4", "role": "remote", "network": "n4", "remoteCredential": {"kind": "token-secret"}},
    ]
    raw = {"clusters": clusters, "remoteCredential": {"kind": "bound", "lifetimeHours": 48}, "labels": LABELS}
    return of_settings({f"tether:{key}": json.dumps(value) for key, value in raw.items()}, [])
