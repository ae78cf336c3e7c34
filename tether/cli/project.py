"""The checkout that the command works on: its folders, its stack, its settings as written."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from tether import recorded
from tether.environments import folder, labels
from tether.errors import NotFoundError, SettingsError, UsageError
from tether.redact import HIDDEN, hide

NAMESPACE = "tether"
DEFAULT_STACK = "kind"
_NO_CHANGES = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True, kw_only=True)
class Project:
    """One checkout and the stack in question."""

    root: Path
    name: str
    """Pulumi's project name."""
    stack: str
    stack_folder: str = ""
    environment: str = ""
    """Name of the environment (``tether env``) whose folder this is; empty for a checkout."""

    @property
    def up_command(self) -> str:
        """What goes on with it."""
        return f"tether env up {self.environment}" if self.environment else "make up"

    @property
    def down_command(self) -> str:
        """What removes it."""
        return f"tether env down {self.environment}" if self.environment else "make down"

    @property
    def private(self) -> Path:
        """Everything that belongs to this checkout alone; git ignores it."""
        return self.root / ".tether"

    @property
    def stack_file(self) -> Path:
        """The stack's settings."""
        return self.root / self.stack_folder / f"Pulumi.{self.stack}.yaml"

    @property
    def shared_state(self) -> str:
        """URL of the state where other machines find it too; empty where it lies in the checkout."""
        from toolchain.environment import shared_state

        return shared_state(self.root)

    @property
    def state(self) -> Path:
        """Folder of Pulumi's file backend in the checkout; of no meaning for a shared state."""
        return self.private / "state" / recorded.BOOKKEEPING

    @property
    def locks(self) -> Path:
        """Where the engine writes who holds the stack (pkg/backend/diy, lock.go)."""
        return self._bookkeeping / "locks" / "organization" / self.name / self.stack

    @property
    def stacks(self) -> Path:
        """Where the engine writes what stacks hold."""
        return self._bookkeeping / "stacks" / self.name

    @property
    def _bookkeeping(self) -> Path:
        return recorded.folder_of(self.shared_state) or self.state

    @property
    def may_have_state(self) -> bool:
        """Whether the engine may know the stack; false if its state would lie in the checkout, and does not."""
        return bool(self.shared_state) or any(self.stacks.glob(f"{self.stack}.json*"))

    def read_state(self) -> dict[str, Any] | None:
        """The stack's state as ``pulumi stack export`` gives it, read from the file itself; None if it is not plain.

        Half a second faster than asking the engine, three times in a run.
        """
        if self.shared_state:
            return None
        return recorded.state(self.state, self.name, self.stack)

    @property
    def history(self) -> Path:
        """What the engine recorded of its runs."""
        return self.state / "history" / self.name / self.stack

    def runs(self) -> list[Path]:
        """The engine's records of its runs, the oldest first."""
        return sorted(self.history.glob("*.history.json"))

    def last_changes(self) -> int:
        """How many resources the last recorded run created, changed or removed."""
        counts = self._last_told_changes() if self.shared_state else self._last_recorded_changes()
        return sum(number for kind, number in counts.items() if kind not in _NO_CHANGES)

    def _last_recorded_changes(self) -> dict[str, int]:
        runs = self.runs()
        return json.loads(runs[-1].read_text()).get("resourceChanges") or {} if runs else {}

    def _last_told_changes(self) -> dict[str, int]:
        """The same as the engine told it while it ran, wherever it keeps its own records."""
        logs = sorted(self.events.glob("*.jsonl"))
        events = [json.loads(line) for line in logs[-1].read_text().splitlines()] if logs else []
        summaries = [event["summaryEvent"] for event in events if "summaryEvent" in event]
        return summaries[-1].get("resourceChanges") or {} if summaries else {}

    @property
    def kubeconfigs(self) -> Path:
        """One file per cluster, for kubectl."""
        return self.private / "kubeconfigs" / self.stack

    @property
    def removals(self) -> Path:
        """What is kept of remotes that were taken out (tether.cli.kept)."""
        return self.private / "removals" / self._known_as

    @property
    def events(self) -> Path:
        """What the engine did, one file per run (tether.cli.event_log)."""
        return self.private / "events" / self._known_as

    @property
    def record(self) -> Path:
        """What the stack left on the machine (tether.cli.records)."""
        return self.private / "environments" / f"{self._known_as}.json"

    @property
    def _known_as(self) -> str:
        """Tells the stack from one of that name in another state; no stack's name holds the sign between."""
        digest = hashlib.sha256(self.shared_state.encode()).hexdigest()[:8]
        return f"{self.stack}@{digest}" if self.shared_state else self.stack

    @property
    def records_elsewhere(self) -> list[Path]:
        """The same of stacks of that name in other states."""
        folder = self.record.parent
        found = [folder / f"{self.stack}.json", *folder.glob(f"{self.stack}@*.json")]
        return [file for file in found if file != self.record and file.is_file()]


def find(start: Path, stack: str | None = None) -> Project:
    """Find the checkout around a folder.

    Args:
        start: Where to begin; parents follow.
        stack: Name of the stack; by default ``$PULUMI_STACK``, else that of the environment whose folder it is,
            else ``kind``.

    Raises:
        NotFoundError: there is no Pulumi.yaml.
        UsageError: the name is none that Pulumi takes.
    """
    root = next((place for place in (start, *start.parents) if (place / "Pulumi.yaml").is_file()), None)
    if root is None:
        raise NotFoundError(f"No Pulumi.yaml in {start} or above. Go to the project's folder first.")
    document = _mapping(yaml.safe_load((root / "Pulumi.yaml").read_text()))
    environment = folder.environment_of(root)
    chosen = stack or os.environ.get("PULUMI_STACK") or environment or DEFAULT_STACK
    if not chosen.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise UsageError(f"{chosen!r} is no stack name: letters, digits, '-', '_' and '.' only. Name one with: --stack")
    return Project(
        root=root,
        name=str(document["name"]),
        stack=chosen,
        stack_folder=str(document.get("stackConfigDir") or ""),
        environment=environment,
    )


def written_settings(project: Project) -> dict[str, str]:
    """Settings as the stack file and Pulumi.yaml say them, in the form in which the engine passes them on.

    Encrypted parts are replaced by a placeholder, encrypted wholes are left out: they can be
    checked by the program only, once the engine has decrypted them.

    Raises:
        NotFoundError: the stack has no file.
        SettingsError: the file is no YAML mapping.
    """
    written = stack_config(project)
    raw = {key: _as_engine_text(value) for key, value in declared_config(project).items() if key not in written}
    for key, value in written.items():
        if not is_encrypted(value):
            raw[key] = _as_engine_text(hide(value, is_encrypted, HIDDEN))
    return raw


def stack_config(project: Project) -> dict[str, Any]:
    """What the stack file sets, encrypted values included, by key with its namespace.

    Raises:
        NotFoundError: the stack has no file.
        SettingsError: the file is no YAML mapping.
    """
    if not project.stack_file.is_file():
        known = sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in _stack_files(project))
        raise NotFoundError(
            f"Stack {project.stack} has no settings: {project.stack_file.relative_to(project.root)} is missing. "
            f"Stacks with settings: {', '.join(known) or 'none'}. Choose one with: tether up --stack NAME"
        )
    try:
        document = _mapping(yaml.safe_load(project.stack_file.read_text()))
    except yaml.YAMLError as error:
        where = project.stack_file.relative_to(project.root)
        raise SettingsError(f"{where} is no valid YAML, so nothing was created: {error}") from None
    return {_with_namespace(project, key): value for key, value in _mapping(document.get("config")).items()}


def declared_config(project: Project) -> dict[str, Any]:
    """The defaults in Pulumi.yaml, which the engine passes on where the stack file says nothing."""
    document = _mapping(yaml.safe_load((project.root / "Pulumi.yaml").read_text()))
    return {
        _with_namespace(project, key): entry["default"]
        for key, entry in _mapping(document.get("config")).items()
        if isinstance(entry, dict) and "default" in entry
    }


def _with_namespace(project: Project, key: str) -> str:
    return key if ":" in key else f"{project.name}:{key}"


def _stack_files(project: Project) -> list[Path]:
    return list(project.stack_file.parent.glob("Pulumi.*.yaml"))


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def is_encrypted(value: Any) -> bool:
    """Whether the engine wrote a value of the stack file as a secret."""
    return isinstance(value, dict) and list(cast("dict[str, Any]", value)) == ["secure"]


def _as_engine_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def environment(project: Project) -> dict[str, str]:
    """Environment for every program that works on the checkout, to be laid over this process's own.

    Raises:
        tether.parts.PartsMissingError: the tools were not chosen yet.
    """
    from toolchain.environment import variables

    found = {**variables(project.root), "PULUMI_STACK": project.stack}
    marks = folder.container_labels(project.root)
    return {**found, labels.VARIABLE: marks} if marks else found


def full_environment(project: Project) -> Mapping[str, str]:
    """The environment of a child process.

    An environment (``tether env``) keeps its passphrase in a file, and not in a variable, which would win: who reaps it
    is a process without the user's variables.
    """
    given = {
        name: value for name, value in os.environ.items() if not (project.environment and name == folder.PASSPHRASE)
    }
    return {**given, **environment(project)}
