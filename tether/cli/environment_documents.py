"""Environments for programs: what ``tether env`` and its commands give."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from tether.cli import environments
from tether.cli.mesh_document import Endpoint, Mesh, Verification
from tether.cli.pausing import Resumed
from tether.cli.reaping import Case
from tether.cli.summary import Outcome
from tether.document import Document, Kind, Part
from tether.environments import lifetime
from tether.environments.registry import Entry, Phase


class EnvironmentPart(Part):
    """One environment as this machine knows it."""

    name: str
    """Its name."""
    phase: Phase
    """What it is, or what is done with it."""
    user: str
    """Whose it is."""
    host: str
    """Machine that it was made on."""
    process: int | None
    """Process that it must not outlive; null where there is none."""
    process_start: str
    """When that process started, in the words of the machine."""
    worker: int | None
    """Process that works on it; null where nobody does."""
    worker_start: str
    """When that process started."""
    created: str
    """ISO 8601."""
    expires: str | None
    """ISO 8601; null where it stands until somebody takes it down."""
    seconds_left: float | None
    """Until then; negative once it is over."""
    clusters: int
    """How many."""
    folder: str
    """Where its own things lie."""
    checkout: str
    """The checkout whose program it runs."""


class EnvironmentDocument(Document):
    """One environment, and as far as the command learnt it, its mesh; the rest is null."""

    kind: Literal[Kind.ENVIRONMENT] = Kind.ENVIRONMENT
    environment: EnvironmentPart
    """What this machine knows of it."""
    seconds: float | None = None
    """How long making or resuming it took, the proof included."""
    healthy_seconds: float | None = None
    """Of a resume: how long it took until istiod and every gateway were ready again."""
    changes: int | None = None
    """Resources that were created, changed or removed."""
    endpoints: list[Endpoint] | None = None
    """One per cluster."""
    clusters: list[str] | None = None
    """Cluster IDs."""
    mesh: Mesh | None = None
    """The mesh as a whole."""
    verification: Verification | None = None
    """The proof that requests cross."""


class EnvironmentsDocument(Document):
    """Every environment of a user."""

    kind: Literal[Kind.ENVIRONMENTS] = Kind.ENVIRONMENTS
    environments: tuple[EnvironmentPart, ...]
    """Also those that only containers tell of, by their labels."""


class KubeconfigDocument(Document):
    """How kubectl reaches an environment."""

    kind: Literal[Kind.ENVIRONMENT_KUBECONFIG] = Kind.ENVIRONMENT_KUBECONFIG
    kubeconfig: str
    """Path of the file."""
    contexts: tuple[str, ...]
    """Names of the contexts in it, the current one first."""


class EnvironmentRemovalDocument(Document):
    """What the removal of an environment would remove, or removed."""

    kind: Literal[Kind.ENVIRONMENT_REMOVAL] = Kind.ENVIRONMENT_REMOVAL
    dry_run: bool
    """Whether it was only said."""
    name: str
    """Of the environment."""
    things: tuple[str, ...]
    """What there was of it, one line each; empty with `--yes`, where nobody looks first."""


class ReapedPart(Part):
    """One environment that was over."""

    name: str
    """Its name."""
    why: str
    """Why it was over."""
    found_by: Literal["file", "label", "name"]
    """How it was found."""
    outcome: str
    """What became of it."""


class ReapingDocument(Document):
    """Environments that were over."""

    kind: Literal[Kind.REAPING] = Kind.REAPING
    dry_run: bool
    """Whether it was only said."""
    environments: tuple[ReapedPart, ...]
    """One by one."""


class TimerDocument(Document):
    """What has a machine reap by itself."""

    kind: Literal[Kind.TIMER] = Kind.TIMER
    systemd: dict[str, str]
    """Units of a user's systemd, by file name."""
    cron: str
    """A line for crontab."""


def part(entry: Entry) -> EnvironmentPart:
    """An environment as of now."""
    return EnvironmentPart.model_validate({**entry.document(), "secondsLeft": environments.left(entry, lifetime.now())})


def of_entry(entry: Entry, known: Mapping[str, Any] | None = None) -> EnvironmentDocument:
    """An environment with the outputs of its stack, as far as they are known (tether.cli.environments.outputs)."""
    # Unchecked, as those of a mesh: outputs may be those of an earlier version.
    return EnvironmentDocument.model_construct(environment=part(entry), **(known or {}))


def of_run(entry: Entry, outcome: Outcome) -> EnvironmentDocument:
    """An environment that was made or went on."""
    known = {name: outcome.outputs.get(name) for name in ("endpoints", "clusters", "mesh", "verification")}
    return of_entry(entry, {**known, "seconds": round(outcome.seconds, 3), "changes": outcome.changes})


def of_resume(done: Resumed) -> EnvironmentDocument:
    """An environment that was resumed."""
    known = {
        "seconds": round(done.seconds, 1),
        "healthy_seconds": round(done.healthy_seconds, 1),
        "verification": dataclasses.asdict(done.proof),
    }
    return of_entry(done.entry, known)


def reaping(told: Iterable[tuple[Case, str]], *, dry_run: bool) -> ReapingDocument:
    """What became of environments that were over."""
    found = tuple(
        ReapedPart.model_validate({"name": case.entry.name, "why": case.why, "foundBy": case.found_by, "outcome": fate})
        for case, fate in told
    )
    return ReapingDocument(dry_run=dry_run, environments=found)
