"""An istiod that has just started: older gateways do not know it yet, and that is no fault of the mesh."""

import datetime

from tether import kube, mesh_probe, metadata
from tether.doctor import objects
from tether.doctor.check import Answer, unknown
from tether.doctor.view import ClusterView, MeshView

SECONDS = 30
"""The longest pause before a proxy asks for its configuration again (envoy source/common/config/grpc_stream.h)."""


def softened(view: MeshView, subject: ClusterView, answer: Answer) -> Answer:
    """What is wrong, or an open question where it may pass by itself.

    Args:
        view: the mesh.
        subject: the cluster that the answer is about.
        answer: what is wrong.
    """
    started = max((_ready_since(pod) for pod in objects.istiod_pods(view.primary)), default=None)
    if started is None:
        return answer
    age = (datetime.datetime.now(datetime.UTC) - started).total_seconds()
    gateways = [pod for one in dict.fromkeys((view.primary, subject)) for service in objects.gateways(one)
                for pod in objects.pods_of(one, service)]  # fmt: skip
    if age >= SECONDS or all(_ready_since(pod) >= started for pod in gateways):
        return answer
    return unknown(
        f"{answer.seen}; istiod is ready for only {age:.0f} s, and older proxies come back to a new one within "
        f"{SECONDS} s: examine again then"
    )


def _ready_since(pod: kube.Object) -> datetime.datetime:
    """Since when a pod serves; where it does not say so, long since."""
    if mesh_probe.is_ready(pod):
        for entry in metadata.listed(pod["status"], "conditions"):
            if entry["type"] == "Ready" and entry.get("lastTransitionTime"):
                return datetime.datetime.fromisoformat(entry["lastTransitionTime"])
    return datetime.datetime.min.replace(tzinfo=datetime.UTC)
