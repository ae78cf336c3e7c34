"""Whether the primary's istiod writes to each remote: root certificates come by that way."""

import datetime
import json

from tether import kube, metadata
from tether.doctor import fixes, objects
from tether.doctor.check import Answer, Check, Family, Scope, ok, unknown, wrong
from tether.doctor.objects import CONTROL_PLANE_ANNOTATION
from tether.doctor.view import ClusterView, MeshView

ELECTION = "istio-namespace-controller-election"
_ELECTION_RECORD = "control-plane.alpha.kubernetes.io/leader"
_LEADER_SECONDS = 50.0
"""istiod's lock lives 30 seconds and is renewed every 7.5, which is also how often others try to get it
(istio/istio pilot/pkg/leaderelection)."""
_VACANT_SECONDS = 15.0
"""Twice as long as whoever wants the lock takes to notice that nobody has it."""
_ENDING_SECONDS = 45.0
"""How long an istiod goes on renewing beside its successor: until that is ready, and 30 seconds of grace."""


def _annotation(view: MeshView, remote: ClusterView) -> Answer:
    primary = objects.cluster_id(view.primary)
    found = remote.find(f"/api/v1/namespaces/{view.namespace}") or {"metadata": {}}
    value = metadata.annotations(found).get(CONTROL_PLANE_ANNOTATION, "")
    named = [part.strip() for part in value.split(",")]
    if primary in named or "*" in named:
        return ok(f"{CONTROL_PLANE_ANNOTATION}={value}")
    annotate = f"annotate namespace {view.namespace} {CONTROL_PLANE_ANNOTATION}={primary} --overwrite"
    return wrong(
        f"namespace {view.namespace} of {remote.name} "
        + (f"is given to {value}, not to {primary}" if value else f"has no annotation {CONTROL_PLANE_ANNOTATION}"),
        fix=fixes.kubectl(remote, annotate) + "\n" + fixes.restart_istiod(view),
    )


def _leads(view: MeshView, remote: ClusterView) -> Answer:
    if objects.istiod_variable(view.primary, "EXTERNAL_ISTIOD") != "true":
        return wrong(
            "istiod runs without EXTERNAL_ISTIOD=true (global.externalIstiod)",
            fix=fixes.in_system(view.primary, f"set env deployment -l {view.revision.selector} EXTERNAL_ISTIOD=true"),
        )
    lock = remote.find(remote.system("configmaps", ELECTION)) or {"metadata": {}}
    record = metadata.annotations(lock).get(_ELECTION_RECORD)
    if not record:
        return _does_not_lead(view, remote, "has never led there")
    leader = json.loads(record)
    holder = str(leader.get("holderIdentity") or "")
    try:
        renewed = datetime.datetime.fromisoformat(str(leader.get("renewTime") or ""))
    except ValueError:
        return unknown(f"the lock {ELECTION} of {remote.name} has no time")
    now = datetime.datetime.now(datetime.UTC)
    age = (now - renewed).total_seconds()
    ours = {str(pod["metadata"]["name"]): pod for pod in objects.istiod_pods(view.primary)}
    is_fresh = age <= _LEADER_SECONDS and bool(holder)
    if age <= _VACANT_SECONDS and not holder:
        # It ends in good order with a remote that is exchanged, and begins with the one that takes its place.
        return ok(f"the lock in {remote.name} was given back {age:.0f} seconds ago, to be taken anew")
    if is_fresh and holder in ours:
        return ok(f"{holder} writes root certificates in {remote.name}")
    if any(_may_follow(pod, renewed, now, is_fresh=is_fresh) for pod in ours.values()):
        return ok(f"an istiod that just started waits for the lock of {holder} in {remote.name}, at most half a minute")
    if not is_fresh:
        return _does_not_lead(view, remote, f"has not led there for {age:.0f} seconds")
    return wrong(
        f"{holder}, which is none of the primary's istiods, leads in {remote.name}",
        cause="another mesh's istiod serves this cluster",
        fix=fixes.restart_istiod(view),
    )


def _may_follow(pod: kube.Object, renewed: datetime.datetime, now: datetime.datetime, *, is_fresh: bool) -> bool:
    """Whether a pod may still wait for a lock of an istiod before it, which it takes once it has seen it end."""
    said = str(pod["metadata"].get("creationTimestamp") or "")
    if not said:
        return False
    began = datetime.datetime.fromisoformat(said)
    is_new = (now - began).total_seconds() < _LEADER_SECONDS
    return is_new or (is_fresh and (renewed - began).total_seconds() < _ENDING_SECONDS)


def _does_not_lead(view: MeshView, remote: ClusterView, said: str) -> Answer:
    return wrong(
        f"istiod may write to {remote.name}, but {said}",
        cause=f"{CONTROL_PLANE_ANNOTATION} was set after istiod had added the cluster; it is read only then "
        "(istio/istio pilot/pkg/serviceregistry/kube/controller/multicluster.go)",
        fix=fixes.restart_istiod(view),
    )


CHECKS = (
    Check(
        id="D16", title="The remote lets the primary's istiod write to it", family=Family.LINK, scope=Scope.REMOTE,
        needs=("D01", "D04", "D32"),
        symptom="Pods of the remote hang in ContainerCreating: configmap istio-ca-root-cert not found.",
        cause="The annotation was never set (needed since Istio 1.15, istio/istio#43320).",
        remedy="Annotate the remote's namespace, then have istiod add the cluster anew: it reads the "
        "annotation only then.",
        probe=_annotation,
    ),
    Check(
        id="D34", title="istiod leads in the remote", family=Family.LINK, scope=Scope.REMOTE, needs=("D16", "D17"),
        symptom="New namespaces of the remote get no istio-ca-root-cert; a changed root never arrives.",
        cause="The annotation came too late.",
        remedy="Restart istiod, which adds every remote anew.",
        probe=_leads,
    ),
)  # fmt: skip
