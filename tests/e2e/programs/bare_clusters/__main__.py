"""Clusters on one network, as a platform team might have them before it thinks of a mesh; two unless told others."""

import os
from pathlib import Path

import pulumi

from components.kind_environment import KindEnvironment, KindEnvironmentArgs
from tether import parts

PROJECT = Path(__file__).resolve().parents[4]
used = parts.read(PROJECT / parts.FILE)
common: KindEnvironmentArgs = {
    "node_image": used.images.node,
    "node_image_has_network": used.source == "packages",
    "kubernetes_version": used.kubernetes_version,
    "container_runtime": used.container_runtime,
    "create_timeout_seconds": 300,
    "retain_on_failure": False,
    "load_balancer_chart": str(PROJECT / used.charts["metallb"].path),
    "load_balancer_controller_image": used.images.metallb_controller,
    "load_balancer_speaker_image": used.images.metallb_speaker,
    "load_balancer_timeout_seconds": 300,
}
# One control plane signs no requests here. Each signer watches its files with an inotify instance of its own; without
# them five nodes fit into the 128 that Linux gives a user by default.
without_signers = """
kind: ClusterConfiguration
controllerManager:
  extraArgs:
    controllers: "*,bootstrapsigner,tokencleaner,-certificatesigningrequest-signing-controller"
"""
own = {"kind_config": {"kubeadmConfigPatches": [without_signers]}}
names = os.environ.get("BARE_CLUSTERS", "east,west").split(",")
environment = KindEnvironment("bare", common, dict.fromkeys(names, own))
for name, cluster in environment.clusters.items():
    pulumi.export(name, pulumi.Output.secret({"kubeconfig": cluster.kubeconfig, "apiServer": cluster.api_server}))
