"""When the nodes of a cluster that was just made can be used."""

import threading
import time
from collections.abc import Collection
from typing import cast

from tether import kube, rollout, wait
from tether_provider.errors import ProviderError


def wait_for(api: kube.Api, cluster: str, expected: Collection[str], deadline: float, cancel: threading.Event) -> None:
    """Wait until nodes are ready and lead to Services.

    A pod that starts before kube-proxy has written its rules does not reach the API server. Some end then, as MetalLB
    does, and kubelet waits ten seconds before it starts them for the third time.

    Args:
        api: of the cluster.
        cluster: its name, for messages.
        expected: names of its nodes.
        deadline: moment of the monotonic clock, seconds.
        cancel: ends the wait.

    Raises:
        WaitTimeoutError: they are not in time; says which, and why.
        WaitCancelledError: ``cancel`` was set.
    """

    def missing() -> dict[str, str]:
        try:
            states = {node["metadata"]["name"]: _not_ready(node) for node in nodes(api)}
            proxy = rollout.followed(api, "kube-system", "kube-proxy", "DaemonSet")
        except kube.KubeError as error:
            return {"the API server": str(error)}
        waiting = {name: states.get(name, "not registered") for name in expected if states.get(name, "-")}
        return waiting or ({} if proxy.ready else {"Services": proxy.seen})

    wait.wait(
        missing,
        ready=lambda states: not states,
        timeout=max(0.0, deadline - time.monotonic()),
        what=f"cluster {cluster}",
        describe=lambda states: "; ".join(f"{name}: {state}" for name, state in sorted(states.items())),
        cancel=cancel,
    )


def nodes(api: kube.Api) -> list[kube.Object]:
    """Nodes as the API server has them; raises KubeError."""
    return kube.items(api.get("/api/v1/nodes"))


def check_version(api: kube.Api, wanted: str) -> None:
    """Raise ProviderError where a node runs another Kubernetes than the ``wanted`` version or minor version."""
    for node in nodes(api):
        found = str(node["status"]["nodeInfo"]["kubeletVersion"]).removeprefix("v")
        if found != wanted and not found.startswith(f"{wanted}."):
            raise ProviderError(
                f"kubernetesVersion — node {node['metadata']['name']} runs Kubernetes {found}, not {wanted} — the node "
                "image decides the version. Choose an image of that version, or leave kubernetesVersion out"
            )


def _not_ready(node: kube.Object) -> str:
    """Why a node is not ready; empty if it is."""
    for condition in cast("list[dict[str, str]]", node["status"].get("conditions") or []):
        if condition["type"] == "Ready":
            return "" if condition["status"] == "True" else condition.get("message") or "not ready"
    return "no condition yet"
