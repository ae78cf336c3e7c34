"""The removal of a remote for programs: what would go, or went, and what is left."""

from collections.abc import Sequence
from typing import Literal

from tether.document import Document, Kind, Part
from tether.errors import Problem
from tether.removal.plan import Plan, Step
from tether.removal.workloads import Workload
from tether.topology import Platform


class WorkloadPart(Part):
    """Injected pods with one owner."""

    namespace: str
    """Where they are."""
    kind: str
    """Of the owner."""
    name: str
    """Of the owner."""
    pods: tuple[str, ...]
    """Their names."""
    commands: tuple[str, ...]
    """Take them out of the mesh."""


class RemoteRemovalDocument(Document):
    """What the removal of a remote would do, or did."""

    kind: Literal[Kind.REMOTE_REMOVAL] = Kind.REMOTE_REMOVAL
    dry_run: bool
    """Whether it was only said."""
    stack: str
    """Name of the stack."""
    remote: str
    """The remote, as the settings call it."""
    platform: Platform
    """Where its cluster comes from; one that Tether made goes with it."""
    asked: bool
    """Whether the remote answered; if not, the steps are what Tether makes."""
    workloads: tuple[WorkloadPart, ...]
    """What has a proxy in it."""
    steps: tuple[Step, ...]
    """In the order of the removal."""
    remnants: tuple[Problem, ...]
    """What could not be removed; empty in a dry run."""


def removal(plan: Plan, *, dry_run: bool, remnants: Sequence[Problem] = ()) -> RemoteRemovalDocument:
    """Tell the plan, and what came of it."""
    return RemoteRemovalDocument(
        dry_run=dry_run,
        stack=plan.stack,
        remote=plan.remote.name,
        platform=plan.remote.platform,
        asked=not plan.silence,
        workloads=tuple(_workload(one, plan.kubectl) for one in plan.workloads),
        steps=plan.steps,
        remnants=tuple(remnants),
    )


def _workload(workload: Workload, kubectl: str) -> WorkloadPart:
    return WorkloadPart(
        namespace=workload.namespace,
        kind=workload.kind,
        name=workload.name,
        pods=workload.pods,
        commands=workload.way_out(kubectl),
    )
