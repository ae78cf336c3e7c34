"""An environment on real clusters, driven by the commands that a user types."""

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from tether import parts
from tether.cli.mesh_document import MeshDocument
from toolchain.environment import BACKEND_VARIABLE, variables

PROJECT = Path(__file__).parents[2]
TETHER = PROJECT / ".venv" / "bin" / "tether"
T = TypeVar("T")
COMMAND_SECONDS = 420
NAMESPACE_SECONDS = 60


@dataclass(frozen=True)
class Ran:
    """A command and what came of it."""

    code: int
    stdout: str
    stderr: str

    @property
    def talk(self) -> str:
        """Everything it said."""
        return self.stdout + self.stderr


@dataclass(kw_only=True)
class Environment:
    """One stack of a checkout with a settings file of its own."""

    project: Path = PROJECT
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stack: str = field(default_factory=lambda: f"e2e-{secrets.token_hex(3)}")
    backend: str = ""
    """URL of its state, where that is not the checkout's own."""

    def __post_init__(self) -> None:
        if self.stack_file.is_file() and not self.settings:
            return  # one that stands already, with the words of whoever wrote it
        base = yaml.safe_load((self.project / "stacks" / "Pulumi.kind.yaml").read_text())["config"]
        own = {f"tether:{key}": value for key, value in self.settings.items()}
        self.stack_file.write_text(yaml.safe_dump({"config": {**base, **own}}))

    @property
    def stack_file(self) -> Path:
        """The stack's settings; git ignores it."""
        return self.project / "stacks" / f"Pulumi.{self.stack}.yaml"

    @property
    def variables(self) -> dict[str, str]:
        """What every command runs with."""
        elsewhere = {BACKEND_VARIABLE: self.backend, "PULUMI_BACKEND_URL": self.backend} if self.backend else {}
        return {**os.environ, **variables(self.project), **elsewhere, "PULUMI_STACK": self.stack}

    def run(self, *command: str | Path, environment: Mapping[str, str] | None = None, stdin: str | None = None) -> Ran:
        """Run a command to its end, whatever that is."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.project,
            env={**self.variables, **(environment or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        """Start a command in a process group of its own and leave it running."""
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=self.project,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Bring it up; the result as ``tether up --output json`` gives it."""
        ran = self.run(TETHER, "up", "--output", "json", environment=environment)
        assert ran.code == 0, ran.talk
        MeshDocument.model_validate_json(ran.stdout)
        return json.loads(ran.stdout)

    def pulumi(self, *arguments: str) -> Ran:
        """Run the engine as a user would by hand."""
        return self.run("pulumi", *arguments, "--non-interactive", "--color", "never")

    def output(self, name: str) -> Any:
        """A stack output, secrets shown."""
        ran = self.pulumi("stack", "output", name, "--json", "--show-secrets")
        assert ran.code == 0, ran.talk
        return json.loads(ran.stdout)

    def kubeconfig(self, cluster: str) -> Path:
        """File that ``tether up`` wrote for kubectl."""
        return self.project / ".tether" / "kubeconfigs" / self.stack / cluster

    def kubectl(self, cluster: str, *arguments: str) -> Ran:
        """Run kubectl on one of the clusters."""
        return self.run("kubectl", "--kubeconfig", self.kubeconfig(cluster), *arguments)

    def get(self, cluster: str, *arguments: str) -> dict[str, Any]:
        """Read an object or a list."""
        ran = self.kubectl(cluster, "get", *arguments, "-o", "json")
        assert ran.code == 0, ran.talk
        return json.loads(ran.stdout)

    def staying(self, cluster: str, *arguments: str) -> list[dict[str, Any]]:
        """Read the objects of a list that nobody has deleted: a pod that was replaced is there until it has drained."""
        listed = self.get(cluster, *arguments)["items"]
        return [one for one in listed if not one["metadata"].get("deletionTimestamp")]

    def write_contexts(self, file: Path, clusters: Iterable[str]) -> None:
        """Write a kubeconfig with a context for each cluster, named like it; the first is the current one."""
        whole: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
        for cluster in clusters:
            document = yaml.safe_load(self.kubeconfig(cluster).read_text())
            document["contexts"][0]["name"] = cluster
            whole.setdefault("current-context", cluster)
            for kind in ("clusters", "users", "contexts"):
                whole[kind] += document[kind]
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(whole))

    @property
    def suffix(self) -> str:
        """What makes the environment's names unique on the machine."""
        return suffix_in(self.state())

    def namespaces_of_the_verification(self, cluster: str) -> list[str]:
        """Namespaces that a verification left; a deleted one may still be ending, which is waited for."""
        deadline = time.monotonic() + NAMESPACE_SECONDS
        while True:
            names = [one["metadata"]["name"] for one in self.get(cluster, "namespaces")["items"]]
            left = [name for name in names if name.startswith("tether-verify")]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(1)

    def state(self) -> list[dict[str, Any]]:
        """Resources that the engine has recorded."""
        ran = self.pulumi("stack", "export")
        if ran.code:
            return []
        return cast("list[dict[str, Any]]", json.loads(ran.stdout)["deployment"].get("resources") or [])

    def be_well(self, seconds: float) -> None:
        """Wait for a mesh whose istiod has just started: proxies must find it, and the one before must be gone."""

        def is_well() -> bool:
            istiods = self.get("cluster1", "-n", "istio-system", "pods", "-l", "app=istiod")["items"]
            return len(istiods) == 1 and self.run(TETHER, "doctor", "--fail-on", "warning").code == 0

        until("the mesh is well", is_well, seconds=seconds)

    def remove(self, *command: str) -> None:
        """Take it down, by ``tether down --yes`` or another command, and take its settings file away."""
        ran = self.run(*command) if command else self.run(TETHER, "down", "--yes")
        self.stack_file.unlink(missing_ok=True)
        assert ran.code == 0, ran.talk


@contextlib.contextmanager
def standing(environment: Environment, more: Mapping[str, str] | None = None) -> Generator[dict[str, Any]]:
    """Bring an environment up for the length of a block, with more variables if any; nothing of it is left.

    Yields:
        What ``tether up`` said when it was made.
    """
    suffix = ""
    try:
        result = environment.up(more)
        suffix = environment.suffix
        yield result
    finally:
        environment.remove()
    assert things_of(suffix) == []


def suffix_in(resources: Iterable[Mapping[str, Any]]) -> str:
    """What makes the names of recorded resources unique on the machine; empty where they have none yet."""
    found = (one["outputs"]["hex"] for one in resources if one["type"] == "random:index/randomId:RandomId")
    return str(next(found, ""))


def until(what: str, question: Callable[[], T], *, seconds: float, pause: float = 1.0) -> T:
    """Ask until the answer is yes.

    Args:
        what: is waited for, for the message.
        question: asked again and again.
        seconds: how long.
        pause: seconds between two questions.
    """
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not so in {seconds:g} s: {what}"
        time.sleep(pause)
    return answer


def runtime(*arguments: str) -> list[str]:
    """Lines that the container runtime answers."""
    chosen = parts.read(PROJECT / parts.FILE)
    done = subprocess.run(
        [chosen.container_runtime, *arguments],
        env={**os.environ, **variables(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def address_of(container: str) -> str:
    """A container's IP address on its one network."""
    (address,) = runtime("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)
    return address


def is_open(container: str, address: str, port: int) -> bool:
    """Whether a container can open a TCP connection."""
    ask = f"timeout 5 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null && echo open || echo closed"
    return runtime("exec", container, "bash", "-c", ask) == ["open"]


def things_of(suffix: str) -> list[str]:
    """Containers, networks, volumes and processes on this machine that belong to an environment."""
    found = [
        *runtime("ps", "--all", "--format", "container {{.Names}}"),
        *runtime("network", "ls", "--format", "network {{.Name}}"),
        *runtime("volume", "ls", "--format", "volume {{.Name}} {{.Labels}}"),
        *(f"process {line}" for line in processes()),
    ]
    return [thing for thing in found if suffix in thing]


def processes() -> list[str]:
    """Command lines of all processes of this machine but this one."""
    lines: list[str] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                lines.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return lines
