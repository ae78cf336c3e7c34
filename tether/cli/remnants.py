"""What is left of an environment on this machine, whoever knows of it, and its removal."""

import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tether import frozen, podman_work, topology
from tether.cli import processes, runtime_call
from tether.cli.processes import Process
from tether.cli.project import Project
from tether.errors import TetherError

_SECONDS = 120.0
Run = Callable[[list[str]], subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Remnants:
    """Everything of an environment that was found."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    files: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return any((self.containers, self.networks, self.volumes, self.processes, self.files))

    def lines(self) -> Iterator[str]:
        """One line per thing, for people."""
        for kind, things in vars(self).items():
            noun = "process" if kind == "processes" else kind.removesuffix("s")
            yield from (f"{noun} {thing}" for thing in things)


class Machine:
    """The container runtime and the processes beside it."""

    def __init__(
        self, runtime: str, environment: Mapping[str, str], run: Run | None = None, *, again: str = "make down"
    ) -> None:
        """Take a runtime.

        Args:
            runtime: ``docker`` or ``podman``.
            environment: for it.
            run: runs a command.
            again: the command that goes on with a removal that failed.
        """
        self.runtime = runtime
        self._again = again
        self._environment = environment
        self._run = run or self._execute

    def of_suffixes(self, suffixes: Collection[str]) -> Remnants:
        """Containers, networks, volumes and processes of environments."""
        if not suffixes:
            return Remnants()
        at_work = _at_work([f"-{suffix}" for suffix in suffixes])
        return Remnants(
            containers=tuple(self._names(suffixes, "ps", "--all", "--format", "{{.Names}}")),
            networks=tuple(self._names(suffixes, "network", "ls", "--format", "{{.Name}}")),
            volumes=tuple(self._volumes(suffixes)),
            processes=at_work,
        )

    def of_cluster(self, cluster: str) -> Remnants:
        """What there is of one kind cluster."""
        label = f"label={topology.KIND_CLUSTER_LABEL}={cluster}"
        at_work = _at_work([cluster])
        return Remnants(
            containers=tuple(self._lines("ps", "--all", "--filter", label, "--format", "{{.Names}}")),
            volumes=tuple(self._lines("volume", "ls", "--quiet", "--filter", label)),
            processes=at_work,
        )

    def remove(self, remnants: Remnants) -> None:
        """Remove what was found; what has gone in the meantime is no error.

        Raises:
            TetherError: the runtime refuses.
        """
        # A kind that is still at work would put its node back.
        processes.end(process for process in remnants.processes if process.program != "conmon")
        monitors = [process for process in remnants.processes if process.program == "conmon"]
        ids = [*self._ids(remnants.containers), *filter(None, (process.value("-c") for process in monitors))]
        if remnants.containers:
            # A node's systemd takes ten seconds to stop when asked; there is nothing in it to save.
            self._remove("kill", remnants.containers, tolerate=True)
        frozen.thaw(ids)
        if remnants.containers:
            self._remove("rm", remnants.containers, "--force", "--volumes")
        processes.await_end(monitors)
        if remnants.volumes:
            self._remove(("volume", "rm"), remnants.volumes, "--force")
        for network in remnants.networks:
            self._remove(("network", "rm"), [network])
        for file in remnants.files:
            if file.is_dir():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)

    def _ids(self, containers: Collection[str]) -> list[str]:
        done = self._run([self.runtime, "inspect", "--format", "{{.Id}}", *containers]) if containers else None
        return done.stdout.split() if done else []

    def _names(self, suffixes: Collection[str], *arguments: str) -> Iterator[str]:
        for line in self._lines(*arguments):
            if any(topology.belongs_to(line, suffix) for suffix in suffixes):
                yield line

    def _volumes(self, suffixes: Collection[str]) -> Iterator[str]:
        """Volumes by their labels: kind's have random names and carry the cluster's or the node's name."""
        for line in self._lines("volume", "ls", "--format", "{{.Name}}|{{.Labels}}"):
            name, _, labels = line.partition("|")
            if any(f"-{suffix}" in labels or topology.belongs_to(name, suffix) for suffix in suffixes):
                yield name

    def _lines(self, *arguments: str) -> list[str]:
        done = self._run([self.runtime, *arguments])
        if done.returncode:
            raise TetherError(
                f"{self.runtime} does not say what is there: {done.stderr.strip()}\n"
                f"Look at it with: {self.runtime} info"
            )
        return [line.strip() for line in done.stdout.splitlines() if line.strip()]

    def _remove(self, verb: str | tuple[str, str], names: Iterable[str], *options: str, tolerate: bool = False) -> None:
        words = [verb] if isinstance(verb, str) else [*verb]
        done = self._run([self.runtime, *words, *options, *names])
        gone = ("no such", "not found", "no container with name")
        harmless = all(any(sign in line.lower() for sign in gone) for line in done.stderr.splitlines() if line.strip())
        if done.returncode and not tolerate and not harmless:
            raise TetherError(
                f"{self.runtime} {' '.join(words)} failed: {done.stderr.strip()}\nThen go on with: {self._again}"
            )

    def _execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return runtime_call.answer(command, self._environment, _SECONDS)


def _at_work(marks: Collection[str]) -> tuple[Process, ...]:
    """Who works on an environment, once Podman is not about to put a container there that no list shows yet."""

    def is_about_to() -> bool:
        return any(podman_work.is_half_way(process.arguments) for process in processes.working_on(marks))

    podman_work.await_end(is_about_to)
    return tuple(processes.working_on(marks))


def state_files(project: Project) -> tuple[Path, ...]:
    """Files of a stack beside its state and, where that lies in the checkout, in it, once the stack is removed."""
    logs = project.private / "pulumi" / "logs"
    beside = [
        project.kubeconfigs,
        project.removals,
        project.events,
        *logs.glob(f"organization+{project.name}+{project.stack}-*.log"),
    ]
    return tuple(path for path in (*beside, *_in_checkout(project)) if path.exists())


def _in_checkout(project: Project) -> Iterator[Path]:
    """What the file backend of the checkout has of a stack; of a stack in a shared state it knows only namesakes."""
    if project.shared_state:
        return
    yield project.state / "backups" / project.name / project.stack
    yield project.history
    yield project.locks
    yield from project.stacks.glob(f"{project.stack}.json*")


def other_stacks(project: Project) -> list[str]:
    """Other stacks that the file backend of this checkout holds."""
    stacks = project.state / "stacks"
    names = {path.name.partition(".json")[0] for path in stacks.rglob("*.json*")} if stacks.is_dir() else set[str]()
    return sorted(names - {project.stack})
