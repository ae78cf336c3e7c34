"""The mesh under test: brought up by Tether, or there already, and commands to it."""

import contextlib
import json
import os
import subprocess
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance import fixture
from toolchain import environment

PROJECT = Path(__file__).resolve().parent.parent
TETHER = PROJECT / ".venv" / "bin" / "tether"
STACK = "conformance"
NAMESPACE = "istio-system"
COMMAND_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster of the mesh."""

    name: str
    network: str
    api_server: str
    """URL under which the other clusters reach it: the name of its node."""
    kubeconfig: Path
    """For this machine; not the one that the tests get."""

    @property
    def node(self) -> str:
        """Name of its only node."""
        return fixture.node_of(self.api_server)


@dataclass(frozen=True, kw_only=True)
class Stand:
    """One mesh that the tests may change."""

    clusters: tuple[Cluster, ...]
    """The primary first."""
    folder: Path
    """Private files of this run: kubeconfigs, hosts, topology."""
    variables: Mapping[str, str]
    """What every command runs with."""

    @property
    def primary(self) -> Cluster:
        """The cluster that runs istiod."""
        return self.clusters[0]

    @property
    def kubeconfigs(self) -> tuple[Path, ...]:
        """The primary first: files that reach the API servers by the name that istiod uses.

        Some tests write remote secrets from their own kubeconfig; with a loopback address in it
        they would break the mesh for all that come after.
        """
        return tuple(self.folder / cluster.name for cluster in self.clusters)

    def run(self, *command: str | Path, stdin: str = "") -> str:
        """Run a command and return what it printed.

        Raises:
            subprocess.CalledProcessError: it failed; its ``stderr`` says why.
        """
        done = subprocess.run(
            [str(part) for part in command],
            cwd=PROJECT,
            env=self.variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=True,
        )
        return done.stdout

    def kubectl(self, cluster: Cluster, *arguments: str | Path, stdin: str = "") -> str:
        """Run kubectl on one of the clusters."""
        return self.run("kubectl", "--kubeconfig", cluster.kubeconfig, *arguments, stdin=stdin)

    def write(self, name: str, text: str) -> Path:
        """Write a private file of this run."""
        place = self.folder / name
        place.touch(mode=0o600)
        place.write_text(text)
        return place

    def write_hosts(self) -> None:
        """Write a hosts file in which the nodes' names resolve on this machine."""
        addresses = {
            cluster.node: self.kubectl(cluster, "get", "node", cluster.node, "--output", _INTERNAL_IP).strip()
            for cluster in self.clusters
        }
        self.write("hosts", fixture.hosts_file(Path("/etc/hosts").read_text(), addresses))


_INTERNAL_IP = 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'


@contextlib.contextmanager
def standing(stack: str | None, folder: Path) -> Generator[Stand]:
    """A mesh for the length of a block: the stack of that name as it is, else one of our own."""
    variables = variables_of(stack or STACK)
    if stack is not None:
        yield of_stack(stack, variables, folder)
        return
    try:
        subprocess.run([TETHER, "up"], cwd=PROJECT, env=variables, stdout=subprocess.DEVNULL, check=True)
        yield of_stack(STACK, variables, folder)
    finally:
        subprocess.run([TETHER, "down", "--yes"], cwd=PROJECT, env=variables, check=True)


def variables_of(stack: str) -> dict[str, str]:
    """What commands about a stack run with."""
    return {**os.environ, **environment.variables(PROJECT), "PULUMI_STACK": stack}


def of_stack(stack: str, variables: Mapping[str, str], folder: Path) -> Stand:
    """The mesh of a stack that is up."""
    bare = Stand(clusters=(), folder=folder, variables=variables)
    endpoints = json.loads(bare.run("pulumi", "stack", "output", "endpoints", "--json"))
    clusters = tuple(
        Cluster(
            name=endpoint["cluster"],
            network=endpoint["network"],
            api_server=endpoint["apiServer"],
            kubeconfig=PROJECT / ".tether" / "kubeconfigs" / stack / endpoint["cluster"],
        )
        for endpoint in sorted(endpoints, key=lambda endpoint: endpoint["role"] != "primary")
    )
    return Stand(clusters=clusters, folder=folder, variables=variables)
