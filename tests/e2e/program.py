"""Pulumi programs of the tests' own, each with a state of its own."""

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.environment import COMMAND_SECONDS, PROJECT, suffix_in, things_of
from toolchain.environment import variables

PROGRAMS = PROJECT / "tests" / "e2e" / "programs"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program with one stack."""

    name: str
    """Its folder."""
    stack: str
    state: Path
    """Folder of the file backend."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables that it reads."""

    def pulumi(self, *arguments: str) -> str:
        """Run the engine on it; returns what it printed."""
        own = {"PULUMI_BACKEND_URL": self.state.as_uri(), "PULUMI_STACK": self.stack, **self.settings}
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=PROGRAMS / self.name, env={**os.environ, **variables(PROJECT), **own}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def suffix(self) -> str:
        """What makes the names of what it made unique on the machine."""
        return suffix_in(json.loads(self.pulumi("stack", "export"))["deployment"]["resources"])

    def forget(self) -> None:
        """Remove the file that the engine made beside it for the stack."""
        (PROGRAMS / self.name / f"Pulumi.{self.stack}.yaml").unlink(missing_ok=True)


@contextlib.contextmanager
def bare_clusters(state: Path, names: Iterable[str]) -> Generator[Program]:
    """Clusters of somebody else's, for the length of a block.

    Args:
        state: folder for the engine's records, which is there.
        names: of the clusters.
    """
    clusters = Program(
        name="bare_clusters", stack=f"bare-{secrets.token_hex(3)}", state=state,
        settings={"BARE_CLUSTERS": ",".join(names)},
    )  # fmt: skip
    clusters.pulumi("stack", "init", clusters.stack)
    suffix = ""
    try:
        clusters.pulumi("up", "--yes", "--skip-preview")
        suffix = clusters.suffix
        yield clusters
    finally:
        clusters.pulumi("destroy", "--yes", "--skip-preview")
        clusters.forget()
    assert things_of(suffix) == []
