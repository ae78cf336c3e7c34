"""A mesh of the documented sequence, step by step with Istio's own charts and istioctl, of the same images.

What fails on Tether's mesh is run here too: where it fails in the same way, the way of installing is not the cause.
"""

import contextlib
import os
import secrets
from collections.abc import Generator
from pathlib import Path

from bench.peer import CLUSTERS, Peer
from conformance.stand import PROJECT, Cluster, Stand
from tether import parts, topology
from toolchain import environment


@contextlib.contextmanager
def peer_standing(helm: Path, folder: Path) -> Generator[Stand]:
    """The peer's mesh for the length of a block, with an ingress gateway in every cluster.

    Args:
        helm: the program.
        folder: for the private files of this run.
    """
    variables = {**os.environ, **environment.variables(PROJECT)}
    peer = Peer(parts=parts.read(PROJECT / parts.FILE), environment=variables, helm=helm, suffix=secrets.token_hex(4))
    # The charts' paths in the parts file are relative to the project.
    with contextlib.chdir(PROJECT):
        try:
            for _, step in peer.steps():
                step()
            for name in CLUSTERS:
                _install_ingress_gateway(peer, name)
            yield Stand(clusters=tuple(_cluster(peer, name) for name in CLUSTERS), folder=folder, variables=variables)
        finally:
            peer.remove()


def _install_ingress_gateway(peer: Peer, name: str) -> None:
    gateway = topology.INGRESS_GATEWAY
    values = {"name": gateway, "imagePullPolicy": "IfNotPresent", "autoscaling.enabled": False}
    peer.helm_install(name, gateway, "gateway", values)


def _cluster(peer: Peer, name: str) -> Cluster:
    return Cluster(
        name=name,
        network=CLUSTERS[name],
        api_server=topology.internal_api_server(peer.cluster(name)),
        kubeconfig=peer.kubeconfig(name),
    )
