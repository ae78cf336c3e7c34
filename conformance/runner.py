"""Runs one of Istio's test programs against a mesh and hears what it says."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance import catalogue
from conformance.events import Reader, Seen, parse
from conformance.stand import PROJECT, Stand
from tether import parts, versions
from toolchain import istio_tests, programs

GRACE_SECONDS = 60
"""After its own time-out a test program still cleans up."""
PATIENCE_SECONDS = 30
"""How long a call may fail before a test gives up; Istio's own default."""
PRIVATE_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'
"""Inside a mount namespace: the nodes' names resolve for this process alone; the machine's file is not touched."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A test program and everything that it reads."""

    suite: str
    tests: Path
    """Folder of the artefact (toolchain.istio_tests.TESTS)."""
    patience: int = PATIENCE_SECONDS
    """Seconds that a call may fail before a test gives up."""

    @property
    def path(self) -> Path:
        """The executable."""
        return self.tests / f"{self.suite}.test"

    @property
    def sources(self) -> Path:
        """Root of Istio's files."""
        return self.tests / istio_tests.SOURCE

    def listed(self) -> list[str]:
        """Tests in the program's own order (conformance.catalogue.units)."""
        names = catalogue.functions(self.sources / istio_tests.PACKAGES[self.suite])
        return catalogue.units(names, self.sources)


def arguments(program: Program, stand: Stand, tests: Sequence[str], seconds: float) -> list[str]:
    """The whole command line of a run."""
    kubeconfigs = ",".join(str(path) for path in stand.kubeconfigs)
    return [
        *private_hosts(stand.folder / "hosts"),
        str(program.tests / istio_tests.EVENTS), "-t", "-p", program.suite,
        str(program.path), "-test.v=test2json", f"-test.run={pattern(tests)}", f"-test.timeout={seconds:.0f}s",
        f"--istio.test.kube.config={kubeconfigs}",
        f"--istio.test.kube.topology={stand.folder / 'topology.json'}",
        "--istio.test.kube.deploy=false",
        "--istio.test.istio.istiodlessRemotes=true",
        f"--istio.test.hub={programs.ISTIO_HUB}",
        f"--istio.test.tag={versions.ISTIO.version}",
        "--istio.test.pullpolicy=IfNotPresent",
        "--istio.test.skipVM=true",
        f"--istio.test.echo.callTimeout={program.patience}s",
        f"--istio.test.work_dir={stand.folder / 'work'}",
    ]  # fmt: skip


def pattern(tests: Sequence[str]) -> str:
    """What ``-test.run`` takes: one expression for each level of names; sections of one test only go together.

    Raises:
        ValueError: sections of one test beside other tests, of which all would run the sections of that name only.
    """
    levels = [test.split("/") for test in tests]
    if len({len(names) for names in levels}) > 1 or len({tuple(names[:-1]) for names in levels}) > 1:
        raise ValueError(f"cannot be run together: {', '.join(tests)}")
    return "/".join(
        f"^({'|'.join(dict.fromkeys(re.escape(name) for name in level))})$" for level in zip(*levels, strict=True)
    )


def private_hosts(hosts: Path) -> list[str]:
    """Beginning of a command that sees ``hosts`` as /etc/hosts; a user namespace where we are not root."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "--propagation", "private", "sh", "-c", PRIVATE_HOSTS, str(hosts)]


def run(
    program: Program, stand: Stand, tests: Sequence[str], seconds: float, ended: Callable[[Seen], None], log: Path
) -> Reader:
    """Run some of a program's tests; ``ended`` hears of each as it ends.

    The program stops itself after ``seconds``; what it did not get to stays "not run".
    """
    (stand.folder / "work").mkdir(exist_ok=True)
    reader = Reader(sections=frozenset(test for test in tests if "/" in test))
    echo_image = parts.read(PROJECT / parts.FILE).images.echo
    environment = {**stand.variables, "REPO_ROOT": str(program.sources), "ECHO_IMAGE": echo_image}
    package = program.sources / istio_tests.PACKAGES[program.suite]
    with log.open("w") as kept, contextlib.ExitStack() as stack:
        child = stack.enter_context(
            subprocess.Popen(
                arguments(program, stand, tests, seconds),
                cwd=package,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        )
        stack.enter_context(_ended_in_time(child, seconds + GRACE_SECONDS))
        for line in child.stdout or ():
            kept.write(line)
            for event in parse([line]):
                if top := reader.take(event):
                    ended(top)
    reader.stop()
    return reader


@contextlib.contextmanager
def _ended_in_time(child: "subprocess.Popen[str]", seconds: float) -> Generator[None]:
    """End the program with all that it started when the time is over, or when the block is left early."""

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        end()
