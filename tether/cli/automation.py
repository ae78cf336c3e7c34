"""Runs the engine of an environment by Pulumi's Automation API, with the time box and the cancel that it lacks.

Pulumi leaves both to whoever calls it (pulumi/pulumi#5296, #5779): its command is replaced by one that runs the engine
as every other command of ours does, so that display, errors and Ctrl-C are the same everywhere.
"""

from collections.abc import Mapping

from pulumi import automation
from pulumi.automation import CommandResult, OnOutput

from tether.cli.engine import Engine

_LONG = ("up", "destroy")


class AutomatedEngine(Engine):
    """The engine on the stack of an environment."""

    def up(self, *options: str) -> None:
        """Update the stack; raises what :meth:`run` does."""
        self._stack(options).up(suppress_outputs=True, show_secrets=False)

    def destroy(self, *options: str) -> None:
        """Remove what the stack made; raises what :meth:`run` does."""
        self._stack(options).destroy(suppress_outputs=True, show_secrets=False)

    def _stack(self, options: tuple[str, ...]) -> automation.Stack:
        workspace = _Workspace(
            work_dir=str(self.project.root), pulumi_command=_Command(self, options), env_vars=self.environment
        )
        return automation.Stack.select(self.project.stack, workspace)


class _Workspace(automation.LocalWorkspace):
    """Leaves out what the Automation API asks an engine for around every command, and nobody here reads.

    Each question starts one, which takes half a second beside API servers that have just been made.
    """

    def select_stack(self, stack_name: str) -> None:
        """Every command of ours names its stack."""

    def stack_outputs(self, stack_name: str) -> automation.OutputMap:
        """They are read from the state."""
        return {}


class _Command(automation.PulumiCommand):
    """What the Automation API starts the engine with."""

    def __init__(self, engine: Engine, options: tuple[str, ...]) -> None:
        # Not the base's: it starts an engine to ask for its version, which the toolchain has chosen to fit.
        self.command = "pulumi"
        self.version = None
        self._engine = engine
        self._options = options
        """Of a long command, beside those that the Automation API has words for."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run a command; what it fails with is told by the errors of the engine's own module.

        Raises:
            InterruptedRunError: it was cancelled from outside.
            TimedOutError: it was cancelled because its time was over.
            TetherError: it failed.
        """
        if args[0] not in _LONG:
            return CommandResult(self._engine.ask(*args), "", 0)
        self._engine.run(*args, *self._options)
        return CommandResult("", "", 0)
