"""Removal of what verifications left that were killed."""

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, cast

from tether import kube
from tether.document import Document, Kind, Part
from tether.verify import owner

LABEL = "tether.verification"
"""Label of every namespace of a verification; its value is the namespace's own name."""
KEPT = "tether.verification/kept"
"""Label of a namespace that was left for looking (``--keep``)."""
OWNER = "tether.verification/owner"
"""Annotation that says who works in it."""

_LIFETIME = datetime.timedelta(hours=1)
"""Longer than any verification takes; for namespaces of those that cannot be asked whether they still run."""


class State(StrEnum):
    """What becomes of a namespace."""

    LEFT = "left"
    """Its owner is gone: anybody may remove it."""
    KEPT = "kept"
    """Somebody wanted to look at it: removed on demand only."""
    IN_USE = "in use"
    """Its owner lives, or nobody knows better."""


@dataclass(frozen=True)
class Remnant:
    """A namespace of a verification."""

    name: str
    state: State
    why: str


class RemnantPart(Part):
    """What came of a namespace."""

    namespace: str
    """Its name."""
    state: State
    """`left` where its owner is gone, `kept` where somebody wanted to look at it, `in use` where its owner lives."""
    why: str
    """How that is known."""
    removed: bool
    """Whether it was removed."""


class ClusterPart(Part):
    """What a cluster had."""

    name: str
    """What the user calls it."""
    error: str
    """Why it was not looked at; empty where it was."""
    remnants: tuple[RemnantPart, ...]
    """Namespaces of verifications."""


class CleanupDocument(Document):
    """What killed or kept verifications left, and what became of it."""

    kind: Literal[Kind.CLEANUP] = Kind.CLEANUP
    dry_run: bool
    """Whether nothing was to be removed."""
    clusters: tuple[ClusterPart, ...]
    """Every cluster of the mesh."""


def marks(namespace: str) -> kube.Object:
    """Labels and annotations of a namespace in which this process verifies."""
    return {
        "labels": {LABEL: namespace, "app.kubernetes.io/managed-by": "tether"},
        "annotations": {OWNER: owner.write(owner.this_process(_LIFETIME))},
    }


def keep(api: kube.Api, namespace: str) -> None:
    """Leave a namespace for looking; raises KubeError."""
    api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {KEPT: "true"}}})


def remnants(api: kube.Api) -> list[Remnant]:
    """Namespaces of verifications, those that are ending already left out; raises KubeError."""
    now = datetime.datetime.now(datetime.UTC)
    listed = kube.items(api.get("/api/v1/namespaces", {"labelSelector": LABEL}))
    return list(_judged(listed, now))


def reap(api: kube.Api, *, kept: bool = False) -> list[str]:
    """Remove namespaces whose owners are gone, with ``kept`` also those that were left for looking.

    Returns:
        Their names.

    Raises:
        tether.kube.KubeError: they cannot be listed or removed.
    """
    wanted = {State.LEFT, State.KEPT} if kept else {State.LEFT}
    names = [remnant.name for remnant in remnants(api) if remnant.state in wanted]
    for name in names:
        api.delete(f"/api/v1/namespaces/{name}")
    return names


def remove(api: kube.Api, namespace: str) -> None:
    """Remove one's own namespace and what others left; Kubernetes finishes it, pods end at once.

    A cluster that does not answer has to wait for the next verification.
    """
    with contextlib.suppress(kube.KubeError):
        api.delete(f"/api/v1/namespaces/{namespace}")
        reap(api)


def _judged(listed: list[kube.Object], now: datetime.datetime) -> Iterator[Remnant]:
    for entry in listed:
        meta = cast("kube.Object", entry["metadata"])
        name = str(meta["name"])
        # A label can be copied; only a namespace that names itself was made by a verification.
        if meta.get("deletionTimestamp") or meta.get("labels", {}).get(LABEL) != name:
            continue
        yield Remnant(name, *_state(meta, now))


def _state(meta: kube.Object, now: datetime.datetime) -> tuple[State, str]:
    made = datetime.datetime.fromisoformat(meta["creationTimestamp"])
    known = owner.read(str(meta.get("annotations", {}).get(OWNER, "")))
    if KEPT in meta.get("labels", {}):
        return State.KEPT, "left for looking"
    if known is None:
        old = now - made > _LIFETIME
        return (State.LEFT, "older than an hour") if old else (State.IN_USE, f"made at {made:%H:%M:%S} by nobody known")
    if known.is_gone(now):
        return State.LEFT, f"{known} has ended"
    return State.IN_USE, f"{known} works in it" if known.is_here() else f"{known} may work in it until {known.until}"
