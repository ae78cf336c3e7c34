"""Which mesh a command is about: the current stack's, or one named by kubeconfig contexts."""

import contextlib
import json
import os
import shlex
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from tether import kube, mesh, topology
from tether.cli import project
from tether.cli.project import Project
from tether.errors import NotFoundError, Problem, UsageError
from tether.kubeconfig import KubeconfigFileError
from tether.mesh import Blueprint, Member, Mesh

StackOption = Annotated[
    str | None, typer.Option("--stack", "-s", help="Name of the stack; by default $PULUMI_STACK, else kind.")
]
PrimaryOption = Annotated[
    str | None, typer.Option("--primary", help="Kubeconfig context of the primary of a mesh that is not this stack's.")
]
RemoteOption = Annotated[
    list[str] | None, typer.Option("--remote", help="Kubeconfig context of a remote; once for each of them.")
]
KubeconfigOption = Annotated[
    Path | None, typer.Option("--kubeconfig", help="File with those contexts; by default $KUBECONFIG.")
]
NamespaceOption = Annotated[
    str, typer.Option("--istio-namespace", help="Istio's namespace in a mesh that is not this stack's.")
]
PolicyPackOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--policy-pack",
        envvar="TETHER_POLICY_PACK",
        metavar="FOLDER",
        help="Policy pack that must agree, before anything is changed; may be repeated. Tether's own: policy",
    ),
]
PolicyPackConfigOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--policy-pack-config",
        envvar="TETHER_POLICY_PACK_CONFIG",
        metavar="FILE",
        help="JSON file with the levels and options of a pack's policies; one per pack, in the same order.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The mesh as the command line names it."""

    stack: str | None = None
    primary: str | None = None
    remotes: Sequence[str] = ()
    kubeconfig: Path | None = None
    istio_namespace: str = mesh.DEFAULT_NAMESPACE


def named(
    stack: str | None, primary: str | None, remotes: Sequence[str] | None, kubeconfig: Path | None, namespace: str
) -> Target:
    """The mesh that the options of a command name, in the order in which commands take them."""
    return Target(
        stack=stack, primary=primary, remotes=tuple(remotes or ()), kubeconfig=kubeconfig, istio_namespace=namespace
    )


@contextlib.contextmanager
def opened(target: Target) -> Generator[Mesh]:
    """Open the mesh for the length of a block.

    Raises:
        UsageError: the options contradict each other, or a kubeconfig cannot be used.
        NotFoundError: the stack has no clusters.
    """
    blueprint = resolve(target)
    try:
        connection = mesh.connect(blueprint)
        opened_mesh = connection.__enter__()
    except kube.KubeconfigError as error:
        raise UsageError(f"A kubeconfig of {blueprint.stack or 'the mesh'} cannot be used: {error}") from None
    with contextlib.ExitStack() as stack:
        stack.push(connection)
        yield opened_mesh


def resolve(target: Target) -> Blueprint:
    """Find out which clusters are meant, without asking any of them.

    Raises:
        UsageError: the options contradict each other, or a kubeconfig cannot be used.
        NotFoundError: the stack has no clusters.
    """
    if target.primary is None and not target.remotes:
        return of_stack(project.find(Path.cwd(), target.stack))
    if target.primary is None or not target.remotes:
        missing = "--primary" if target.primary is None else "--remote"
        raise UsageError(
            f"{missing} is missing: a mesh that is not a stack's is named by one --primary and at least one --remote. "
            "Contexts are listed by: kubectl config get-contexts -o name"
        )
    source = str(target.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")
    try:
        return mesh.blueprint_of_contexts(
            target.primary, target.remotes, source, istio_namespace=target.istio_namespace
        )
    except KubeconfigFileError as error:
        problem = Problem(
            subject="--kubeconfig",
            shown=source,
            wrong=str(error),
            why="the clusters of the mesh are reached through it",
            fix=f"kubectl --kubeconfig {source} config get-contexts -o name",
        )
        raise UsageError("The mesh cannot be opened.", [problem]) from None


def of_stack(place: Project) -> Blueprint:
    """Describe the mesh of a stack: roles and names from its settings, kubeconfigs from its state.

    Also works when ``up`` ended half-way, as long as the clusters are there.

    Raises:
        NotFoundError: no cluster of the stack is there.
    """
    from tether import settings
    from tether.settings.stack import of_project

    plan = topology.plan(settings.read(of_project(project.written_settings(place), place.name), place.name))
    kubeconfigs = _kubeconfigs(place, [cluster.name for cluster in plan.clusters])
    ordered = [plan.primary, *plan.remotes]
    folder = place.kubeconfigs.relative_to(place.root)
    members = tuple(
        Member(
            name=cluster.name,
            role=cluster.role,
            kubeconfig=kubeconfigs[cluster.name],
            cluster_id=cluster.name,
            network=cluster.network,
            kubectl=f"kubectl --kubeconfig {shlex.quote(str(folder / cluster.name))}",
        )
        for cluster in ordered
        if cluster.name in kubeconfigs
    )
    if not members or members[0].name != plan.primary.name:
        raise NotFoundError(f"Stack {place.stack} has no primary that is up. Make it with: {place.up_command}")
    return Blueprint(
        members=members, istio_namespace=plan.istio_namespace, trust_domain=plan.trust_domain, stack=place.stack,
        revision=plan.revision,
    )  # fmt: skip


def _kubeconfigs(place: Project, names: Sequence[str]) -> Mapping[str, str]:
    """Kubeconfig by cluster: the files that ``up`` wrote, else what the engine recorded."""
    files = {name: place.kubeconfigs / name for name in names}
    if all(file.is_file() for file in files.values()):
        return {name: file.read_text() for name, file in files.items()}
    return _recorded_kubeconfigs(place)


def _recorded_kubeconfigs(place: Project) -> Mapping[str, str]:
    from tether.cli.engine import Engine

    engine = Engine(place, project.full_environment(place))
    recorded = json.loads(engine.ask("stack", "output", "--json", "--show-secrets"))
    return cast("Mapping[str, str]", recorded.get("kubeconfigs") or {})
