"""What an earlier mesh or an interrupted removal left behind."""

import datetime
import re

from tether import metadata
from tether.doctor import fixes, istiod, objects
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, wrong
from tether.doctor.view import ClusterView, MeshView
from tether.errors import count

_STUCK_SECONDS = 30
"""Pods have as long to end; who ends for longer waits for something else."""
_REASONS = ("NamespaceFinalizersRemaining", "NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure")
"""Conditions that say why (k8s.io/api core/v1); finalizers first, because they have a remedy."""
_KIND = re.compile(r"([a-z0-9.-]+?)\.? has \d+ resource instances")


def _ghosts(view: MeshView, primary: ClusterView) -> Answer:
    members = {objects.known_id(view, cluster) for cluster in view.clusters}
    states = istiod.sync_status(view)
    ghosts = [
        (secret.name, key)
        for secret in objects.remote_secrets(primary)
        if secret.is_labelled and secret.namespace == view.namespace
        for key in secret.keys
        if key not in members and states.get(key) != "synced"
    ]
    if ghosts:
        return wrong(
            "; ".join(f"Secret {name} is for cluster {key}, which istiod cannot read" for name, key in ghosts),
            fix="\n".join(fixes.in_system(primary, f"delete secret {name}") for name, _ in ghosts),
        )
    return ok("every remote secret is for a cluster that is there")


def _stuck(view: MeshView, cluster: ClusterView) -> Answer:
    now = datetime.datetime.now(datetime.UTC)
    stuck = [
        item for item in cluster.list("/api/v1/namespaces")
        if (since := item["metadata"].get("deletionTimestamp"))
        and (now - datetime.datetime.fromisoformat(since)).total_seconds() > _STUCK_SECONDS
    ]  # fmt: skip
    if not stuck:
        return ok("no namespace hangs in its removal")
    named = [(str(item["metadata"]["name"]), metadata.conditions(item)) for item in stuck]
    reasons = [conditions[reason] for _, conditions in named for reason in _REASONS if reason in conditions]
    return wrong(
        f"{count(len(stuck), 'namespace')} of {cluster.name} cannot end: {', '.join(name for name, _ in named)}"
        + (f" ({reasons[0]})" if reasons else ""),
        fix="\n".join(_release(cluster, name, conditions) for name, conditions in named),
    )


def _release(cluster: ClusterView, namespace: str, conditions: dict[str, str]) -> str:
    """Commands that take the finalizers off what is left in a namespace, else show what keeps it."""
    inside = cluster.cluster.member.kubectl + f" -n {namespace}"
    kinds = _KIND.findall(conditions.get("NamespaceContentRemaining", ""))
    if "NamespaceFinalizersRemaining" not in conditions or not kinds:
        return f"{inside} get namespace {namespace} -o jsonpath='{{.status.conditions}}'"
    patch = """xargs -n 1 {inside} patch --type merge -p '{{"metadata":{{"finalizers":null}}}}'"""
    return "\n".join(f"{inside} get {kind} -o name | {patch.format(inside=inside)}" for kind in kinds)


CHECKS = (
    Check(
        id="D31", title="No remote secret is left of a cluster that is gone", family=Family.AFTER, scope=Scope.MESH,
        severity=Severity.WARNING, needs=("D32",),
        symptom="istiod starts half a minute late and logs that a remote fails to sync (istio/istio#30838).",
        cause="The cluster was removed without its Secret in the primary.",
        remedy="Delete the Secret.",
        probe=_ghosts,
    ),
    Check(
        id="D36", title="No namespace hangs in its removal", family=Family.AFTER, scope=Scope.CLUSTER,
        severity=Severity.WARNING, needs=("D01",),
        symptom="kubectl delete namespace never ends.", cause="A finalizer that nobody serves.",
        remedy="Take the finalizers off what is left in it.",
        probe=_stuck,
    ),
)  # fmt: skip
