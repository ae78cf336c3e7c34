"""Asks the API servers of existing clusters for their version."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tether import kube, kubeconfig
from tether.redact import HIDDEN
from tether.topology import ClusterPlan, Topology

ANSWER_SECONDS = 15.0
"""For all together; a login program in a kubeconfig may wait for ever."""


@dataclass(frozen=True)
class Answers:
    """What came back in time."""

    versions: dict[str, str] = field(default_factory=dict[str, str])
    """Kubernetes version by cluster."""
    silent: dict[str, str] = field(default_factory=dict[str, str])
    """Why there is none, by cluster."""


def ask(plan: Topology, folder: Path, seconds: float = ANSWER_SECONDS) -> Answers:
    """Ask every existing cluster side by side; none of them can make it fail, or last longer.

    A kubeconfig that is still encrypted is passed over: the program asks with it, once the engine has decrypted it.

    Args:
        plan: The mesh.
        folder: Where relative paths begin.
        seconds: How long to wait for all answers.
    """
    wanted = [cluster for cluster in plan.clusters if not cluster.is_made and cluster.kubeconfig != HIDDEN]
    came = Answers()
    # Daemon threads: one that still waits must not keep the process from ending.
    threads = [threading.Thread(target=_ask, args=(cluster, folder, came), daemon=True) for cluster in wanted]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    versions, silent = dict(came.versions), dict(came.silent)
    for cluster in wanted:
        if cluster.name not in versions:
            silent.setdefault(cluster.name, f"no answer within {seconds:g} s")
    return Answers(versions, silent)


def _ask(cluster: ClusterPlan, folder: Path, came: Answers) -> None:
    try:
        content = kubeconfig.load(_place(cluster.kubeconfig or "", folder), cluster.context)
        with kube.connect(content) as api:
            came.versions[cluster.name] = str(api.get("/version").get("gitVersion", ""))
    except Exception as error:  # noqa: BLE001 - a login program in a kubeconfig fails in ways of its own
        came.silent[cluster.name] = str(error)


def _place(path_or_content: str, folder: Path) -> str:
    if not path_or_content or kubeconfig.is_content(path_or_content):
        return path_or_content
    return str(folder / Path(path_or_content).expanduser())
