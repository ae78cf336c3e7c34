"""Meshes as a picture shows them, for tests of what draws them."""

import dataclasses

from tether.report.picture import Cluster, Gateway, Istiod, Picture, RemoteSecret
from tether.topology import GATEWAY_PORTS, Role

ROOT = ":".join(f"{number:02X}" for number in range(0x91, 0x91 + 32))
OTHER_ROOT = ":".join(f"{number:02X}" for number in range(32))
LONG = "arn:aws:eks:eu-central-1:123456789012:cluster/platform-production-with-a-very-long-name"


def mesh(remotes: int = 1) -> Picture:
    """A healthy mesh."""
    return Picture(
        stack="kind",
        mesh_id="mesh1",
        trust_domain="cluster.local",
        root_until="2036-11-20",
        istiod=Istiod(host="istiod.istio-system.svc", version="1.31.1", pods=1, ready=1),
        clusters=(_primary(), *(_remote(number) for number in range(2, remotes + 2))),
    )


def _primary() -> Cluster:
    gateway = Gateway(service="istio-system/istio-eastwestgateway", network="network1", addresses=("10.89.126.128",),
                      ports=GATEWAY_PORTS)  # fmt: skip
    return Cluster(
        name="cluster1", role=Role.PRIMARY, cluster_id="cluster1", network="network1",
        api_server="https://127.0.0.1:40001", kubernetes="v1.34.4", root=ROOT, gateways=(gateway,),
    )  # fmt: skip


def _remote(number: int) -> Cluster:
    name = f"cluster{number}"
    server = f"https://{name}-ba41a77e-control-plane:6443"
    gateway = Gateway(service="istio-system/istio-eastwestgateway", network=f"network{number}",
                      addresses=(f"10.89.126.{128 + 16 * (number - 1) % 128}",), ports=GATEWAY_PORTS)  # fmt: skip
    return Cluster(
        name=name, role=Role.REMOTE, cluster_id=name, network=f"network{number}", api_server=server,
        kubernetes="v1.34.4", root=ROOT, gateways=(gateway,), istiod_addresses=("10.89.126.128",),
        secret=RemoteSecret(name=f"istio-system/istio-remote-secret-{name}", cluster_id=name, server=server,
                            state="synced"),
    )  # fmt: skip


def long_names(remotes: int) -> Picture:
    """A mesh in which every name is as long as clouds make them."""
    long = mesh(remotes)
    host = "a1b2c3d4e5f60718293a4b5c6d7e8f90-1234567890.elb.eu-central-1.amazonaws.com"
    clusters = tuple(
        dataclasses.replace(
            cluster, name=f"{LONG}-{index}", network=f"network-of-the-platform-team-{LONG}-{index}",
            api_server=f"https://{'0123456789ABCDEF' * 4}.gr7.eu-central-1.eks.amazonaws.com",
            gateways=(dataclasses.replace(cluster.gateways[0], addresses=(f"{index}-{host}", "10.0.0.1")),),
            ingress=(Gateway(service="ingress/istio-ingressgateway", addresses=(f"in-{host}",), ports=(80, 443)),),
            secret=cluster.secret and dataclasses.replace(
                cluster.secret, name=f"istio-system/istio-remote-secret-{LONG}-{index}"),
        )
        for index, cluster in enumerate(long.clusters)
    )  # fmt: skip
    return dataclasses.replace(
        long, clusters=clusters, mesh_id=f"mesh-{LONG}", trust_domain=f"trust.{'example-company.' * 8}internal",
        istiod=dataclasses.replace(long.istiod, version="1.31-alpha.0123456789abcdef0123456789abcdef01234567-dirty"),
    )  # fmt: skip


def broken() -> Picture:
    """Four remotes: healthy, with another root, without a way to istiod or a secret, and one that is not there."""
    whole = mesh(4)
    primary, healthy, other, astray, silent = whole.clusters
    assert other.secret is not None
    return dataclasses.replace(
        whole,
        clusters=(
            primary,
            healthy,
            dataclasses.replace(other, root=OTHER_ROOT, secret=dataclasses.replace(other.secret, state="timeout")),
            dataclasses.replace(astray, istiod_addresses=("192.0.2.7",), secret=None, gateways=(
                dataclasses.replace(astray.gateways[0], addresses=()),)),
            Cluster(name=silent.name, role=Role.REMOTE, cluster_id=silent.cluster_id, api_server=silent.api_server,
                    gaps=("API server: https://cluster5:6443 does not answer: Connection refused",)),
        ),
    )  # fmt: skip
