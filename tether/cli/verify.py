"""``tether verify``: requests between all clusters, proved one way after the other."""

import contextlib
import shlex
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import cast

import yaml
from rich.console import Console

from tether import kube, parts, wait
from tether.cli import project
from tether.cli.delivery import give
from tether.cli.error_document import KILLED_BY
from tether.cli.forms import Output
from tether.cli.progress import Progress
from tether.cli.talk import say, warn
from tether.cli.target import Target, opened
from tether.errors import ExitCode, NotFoundError, Problem, UsageError, count
from tether.mesh import DEFAULT_NAMESPACE, Cluster, Mesh
from tether.topology import DEFAULT_TRUST_DOMAIN
from tether.verify import reaper, rendering
from tether.verify.matrix import Matrix, Proof, document
from tether.verify.proving import Plan, prove
from tether.verify.reaper import CleanupDocument, ClusterPart, RemnantPart, State


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    output: Output = Output.TEXT
    only: Sequence[str] = ()
    image: str = ""
    requests: int = 20
    timeout: float = 60
    keep: bool = False


def verify(target: Target, wish: Wish) -> int:
    """Make the proofs and print what was seen.

    Returns:
        An exit code: that of ExitCode, or of the signal that ended it.

    Raises:
        UsageError: the options do not fit together, or name no proof.
        NotFoundError: the stack has no clusters, or nobody knows the echo application's image.
    """
    if wish.output is Output.MARKDOWN:
        raise UsageError("A verification is text, json or junit. Choose one, for example: tether verify --output json")
    proofs = chosen(wish.only)
    image = wish.image or known_image()
    with opened(target) as mesh:
        plan = Plan(
            image=image, trust_domain=trust_domain(mesh), proofs=proofs, requests=wish.requests,
            timeout=wish.timeout, keep=wish.keep,
        )  # fmt: skip
        with until_signal() as (cancel, seen), Progress() as progress:
            try:
                matrix = prove(mesh, plan, cancel=cancel, on_change=progress.say)
            except wait.WaitCancelledError:
                progress.end()
                say("Interrupted; what was deployed is being removed.")
                return KILLED_BY + seen[0]
        _print(matrix, wish.output)
        if matrix.kept:
            _tell_what_is_kept(matrix, mesh, target)
    return ExitCode.OK if matrix.is_proved else ExitCode.UNHEALTHY


def clean(target: Target, *, dry_run: bool, output: Output = Output.TEXT) -> ExitCode:
    """Remove what verifications left that were killed or told to keep it; never what a live one works in.

    Raises:
        UsageError: the options do not fit together.
        NotFoundError: the stack has no clusters.
    """
    if output not in (Output.TEXT, Output.JSON):
        raise UsageError("What is cleaned is told as text or json. For example: tether verify --clean --output json")
    with opened(target) as mesh:
        done = CleanupDocument(
            dry_run=dry_run, clusters=tuple(_cleaned(cluster, dry_run=dry_run) for cluster in mesh.clusters)
        )
    for cluster in done.clusters:
        if cluster.error:
            warn(f"{cluster.name} was not looked at: {cluster.error}")
        elif not cluster.remnants:
            say(f"{cluster.name}: no verification left anything.")
    if output is Output.JSON:
        give(done)
    else:
        _print_cleaned(done)
    return ExitCode.FAILED if any(cluster.error for cluster in done.clusters) else ExitCode.OK


def _cleaned(cluster: Cluster, *, dry_run: bool) -> ClusterPart:
    try:
        found = reaper.remnants(cluster.api)
        removed = [] if dry_run else reaper.reap(cluster.api, kept=True)
    except kube.KubeError as error:
        return ClusterPart(name=cluster.name, error=str(error), remnants=())
    remnants = (
        RemnantPart(namespace=one.name, state=one.state, why=one.why, removed=one.name in removed) for one in found
    )
    return ClusterPart(name=cluster.name, error="", remnants=tuple(remnants))


def _print_cleaned(done: CleanupDocument) -> None:
    for cluster in done.clusters:
        for one in cluster.remnants:
            word = "left alone" if one.state is State.IN_USE else "would be removed" if done.dry_run else "removed"
            if one.state is State.IN_USE or done.dry_run or one.removed:
                print(f"{cluster.name}  {one.namespace}  {word}: {one.why}")  # noqa: T201 - the result


def chosen(only: Sequence[str]) -> tuple[Proof, ...]:
    """The proofs that are asked for, all by default, in the order in which they are made.

    Raises:
        UsageError: there is no such proof; names every one that is unknown.
    """
    wanted = [name.strip().lower() for part in only for name in part.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in list(Proof)]
    if unknown:
        raise UsageError(
            "No such proof.",
            [Problem(subject="--only", shown=name, wrong="is nothing that tether verify proves",
                     why="nothing would be proved", fix="tether verify --list") for name in unknown],
        )  # fmt: skip
    return tuple(proof for proof in Proof if not wanted or proof in wanted)


def known_image() -> str:
    """The echo application of the parts that this checkout uses.

    Raises:
        NotFoundError: there is no checkout, or its parts were not chosen yet.
    """
    try:
        return parts.read(project.find(Path.cwd()).root / parts.FILE).images.echo
    except (NotFoundError, parts.PartsMissingError):
        raise NotFoundError(
            "Nobody says which image the echo application has, which every cluster must be able to run: this is not "
            "a checkout with tools. Name one of Istio's (app), for example: tether verify --image REGISTRY/app:TAG"
        ) from None


def trust_domain(mesh: Mesh) -> str:
    """Trust domain of the identities: the stack's, else what the primary's mesh configuration says."""
    if mesh.blueprint.stack:
        return mesh.blueprint.trust_domain
    with contextlib.suppress(kube.KubeError, yaml.YAMLError):
        path = f"/api/v1/namespaces/{mesh.namespace}/configmaps/{mesh.revision.mesh_config}"
        found = mesh.primary.api.find(path) or {}
        settings = yaml.safe_load(found.get("data", {}).get("mesh", ""))
        if isinstance(settings, dict):
            return str(cast("kube.Object", settings).get("trustDomain") or DEFAULT_TRUST_DOMAIN)
    return DEFAULT_TRUST_DOMAIN


def _print(matrix: Matrix, output: Output) -> None:
    if output is Output.TEXT:
        rendering.show(matrix, Console(highlight=False))
    elif output is Output.JSON:
        give(document(matrix))
    else:
        print(rendering.junit(matrix))  # noqa: T201 - the result


def _tell_what_is_kept(matrix: Matrix, mesh: Mesh, target: Target) -> None:
    say(f"Namespace {matrix.kept} was left in {count(len(mesh.clusters), 'cluster')}. Look at it, for example with:")
    say(f"  {mesh.primary.member.kubectl} -n {matrix.kept} get pods,peerauthentications,destinationrules")
    say(f"Remove it with: {clean_command(target)}")


def clean_command(target: Target) -> str:
    """The command that removes what is left of verifications of the same mesh."""
    words = ["tether", "verify", "--clean"]
    words += ["--stack", target.stack] if target.stack else []
    words += ["--primary", target.primary] if target.primary else []
    words += [word for remote in target.remotes for word in ("--remote", remote)]
    words += ["--kubeconfig", str(target.kubeconfig)] if target.kubeconfig else []
    words += ["--istio-namespace", target.istio_namespace] if target.istio_namespace != DEFAULT_NAMESPACE else []
    return shlex.join(words)


@contextlib.contextmanager
def until_signal() -> Generator[tuple[threading.Event, list[int]]]:
    """An event that the first Ctrl-C or SIGTERM sets; the second one ends the program at once."""
    cancel, seen = threading.Event(), list[int]()

    def handle(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            sys.exit(KILLED_BY + number)
        cancel.set()

    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, handle) for number in handled}
    try:
        yield cancel, seen
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
