"""Whether a cluster answers, found out in bounded time."""

import queue
import threading

from tether import kube

GIVE_UP = "PULUMI_K8S_DELETE_UNREACHABLE"
"""Environment variable; ``true`` has the Kubernetes provider forget objects of a cluster that does not answer, Helm
releases in a refresh only (pulumi-kubernetes provider.go, Delete and Read), and ours its namespace."""
PATIENCE = 10.0
"""Seconds. The client tries several times and would be at it for a minute."""


def silence(api: kube.Api, patience: float = PATIENCE) -> str:
    """Why a cluster does not answer; empty where it does, even if with a refusal."""
    answers: queue.Queue[str] = queue.Queue()

    def ask() -> None:
        try:
            api.get("/version")
        except kube.KubeError as error:
            answers.put("" if error.status else str(error))
        else:
            answers.put("")

    # A daemon: who waits no longer must be able to end.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=patience)
    except queue.Empty:
        return f"no answer within {patience:.0f} s"
