"""Pulumi programs of the tests' own, each with a state of its own."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.environment import COMMAND_SECONDS, PROJECT
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

    def forget(self) -> None:
        """Remove the file that the engine made beside it for the stack."""
        (PROGRAMS / self.name / f"Pulumi.{self.stack}.yaml").unlink(missing_ok=True)
