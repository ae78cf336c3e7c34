"""A stack of this checkout with a state and a stack file of its own, driven as by hand."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
STACK = "bench"


@dataclass(frozen=True)
class Stack:
    """An empty stack, or what was brought up in it."""

    config: Path
    """The stack file."""
    settings: Mapping[str, str]
    """Environment variables of the engine."""

    def pulumi(self, *arguments: str) -> str:
        """Run one command of the engine and return what it printed; that is shown only when it fails.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        command = ["pulumi", *arguments, "--non-interactive"]
        if arguments[0] != "stack":
            command += ["--config-file", str(self.config), "--color", "never"]
        done = subprocess.run(command, cwd=PROJECT, env=self.settings, capture_output=True, text=True, check=False)
        if done.returncode:
            tell(done.stdout + done.stderr)
            raise subprocess.CalledProcessError(done.returncode, command)
        return done.stdout

    def up(self, *options: str) -> None:
        """Bring it to what its stack file says."""
        self.pulumi("up", "--yes", "--skip-preview", *options)

    def destroy(self) -> None:
        """Remove everything in it."""
        self.pulumi("destroy", "--yes", "--skip-preview")

    def resources(self) -> list[dict[str, Any]]:
        """What the engine has recorded."""
        return json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])


@contextlib.contextmanager
def empty(settings: Mapping[str, str], content: str) -> Generator[Stack]:
    """Make a stack for the length of a block.

    Args:
        settings: Environment variables of the engine.
        content: Of the stack file.
    """
    with tempfile.TemporaryDirectory(prefix="tether-bench-") as folder, contextlib.ExitStack() as afterwards:
        config = Path(folder) / f"Pulumi.{STACK}.yaml"
        config.write_text(content)
        own = {**settings, "PULUMI_BACKEND_URL": Path(folder).as_uri(), "PULUMI_STACK": STACK}
        # The engine writes the passphrase's salt there, which fits this checkout alone.
        afterwards.callback((PROJECT / "stacks" / f"Pulumi.{STACK}.yaml").unlink, missing_ok=True)
        made = Stack(config, own)
        made.pulumi("stack", "init", STACK)
        yield made


def tell(line: str) -> None:
    """Talk on standard error; the table alone is the result."""
    sys.stderr.write(f"{line}\n")
