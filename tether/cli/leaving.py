"""One remote that is to leave the mesh of a stack: found by its name, opened, asked."""

import contextlib
import difflib
import shlex
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from tether import kube, settings, topology
from tether.cli import cluster_list, project, target
from tether.cli.kept import Kept
from tether.cli.project import Project
from tether.cli.side import Side, open_side
from tether.errors import PreflightError, Problem, TetherError, UsageError, count
from tether.mesh import Member
from tether.removal import plan
from tether.removal.plan import Plan
from tether.removal.workloads import Workload
from tether.settings.stack import of_project
from tether.topology import ClusterPlan, Role, Topology


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    name: str
    unreachable: bool = False
    """A cluster that does not answer is given up."""
    force: bool = False
    """Workloads may lose their mesh, and finalizers in Istio's namespace the work that they wait for."""
    crds: bool = False
    """Istio's custom resource definitions go too."""


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """The remote with everything that its removal needs."""

    place: Project
    wish: Wish
    kept: Kept
    mesh: Topology
    """The mesh that it is, or was, in."""
    cluster: ClusterPlan
    side: Side
    primary: Side
    changed: str | None
    """The stack file's text without it; None where an earlier run wrote that."""

    @property
    def namespace(self) -> str:
        """Istio's, the same in every cluster."""
        return self.mesh.istio_namespace

    @property
    def kubectl(self) -> str:
        """How a user runs kubectl on it; the file among the others is gone once the engine has forgotten it."""
        if not self.kept.is_under_way:
            return self.side.member.kubectl
        return f"kubectl --kubeconfig {shlex.quote(str(self.kept.kubeconfig.relative_to(self.place.root)))}"

    def again(self, *options: str) -> str:
        """The command that goes on with it."""
        return command(self.place, self.cluster.name, *options)


def command(place: Project, name: str, *options: str) -> str:
    """The command that removes a remote of a stack."""
    return shlex.join(["tether", "remote", "remove", name, *options, "--stack", place.stack])


@contextlib.contextmanager
def opened(place: Project, wish: Wish) -> Generator[Leaving]:
    """Find the remote and open it and the primary for the length of a block; each is asked whether it answers.

    Raises:
        UsageError: there is no such remote, it is the last one, or a kubeconfig cannot be used.
        NotFoundError: the stack has no clusters.
        SettingsError: the stack's settings are wrong, or do not list the remote so that it can be taken out.
    """
    kept = Kept(place, wish.name)
    mesh = _topology(place)
    resumed = kept.is_under_way and wish.name not in [cluster.name for cluster in mesh.clusters]
    if resumed:
        mesh = _topology(kept.before)
    else:
        _check_name(place, mesh, wish.name)
    changed = None if resumed else cluster_list.without(place, wish.name)
    members = {one.name: one for one in target.of_stack(kept.before if resumed else place).members}
    known = None if resumed else members.get(wish.name)
    with contextlib.ExitStack() as stack:
        try:
            primary = open_side(stack, members[mesh.primary.name])
            side = open_side(stack, known or _kept_member(kept))
        except kube.KubeconfigError as error:
            raise UsageError(f"A kubeconfig of {place.stack} cannot be used: {error}") from None
        yield Leaving(
            place=place, wish=wish, kept=kept, mesh=mesh, side=side, primary=primary, changed=changed,
            cluster=next(one for one in mesh.clusters if one.name == wish.name),
        )  # fmt: skip


def _topology(place: Project) -> Topology:
    return topology.plan(settings.read(of_project(project.written_settings(place), place.name), place.name))


def _check_name(place: Project, mesh: Topology, name: str) -> None:
    remotes = [one.name for one in mesh.remotes]
    near = (difflib.get_close_matches(name, remotes, n=1) or remotes)[0]
    whole = f"tether down --stack {shlex.quote(place.stack)}"
    if name == mesh.primary.name:
        wrong, why, fix = "is the primary", "without its istiod no remote is served: the whole mesh would go", whole
    elif name not in remotes:
        wrong, why = f"is no remote of stack {place.stack}; its remotes: {', '.join(remotes)}", "nothing would go"
        fix = command(place, near, "--dry-run")
    elif len(remotes) == 1:
        wrong, why, fix = "is the last remote", "primary-remote is a primary with one remote or more", whole
    else:
        return
    problem = Problem(subject="NAME", shown=name, wrong=wrong, why=why, fix=fix)
    raise UsageError("That remote cannot be removed; nothing was changed.", [problem])


def _kept_member(kept: Kept) -> Member:
    """A remote that the stack has no longer, or not yet again, with the kubeconfig that an earlier run kept if any."""
    kubeconfig = kept.kubeconfig.read_text() if kept.kubeconfig.is_file() else ""
    return Member(name=kept.remote, role=Role.REMOTE, kubeconfig=kubeconfig)


def look(leaving: Leaving, *, dry_run: bool) -> Plan:
    """Find out what would go, and change nothing.

    Args:
        leaving: The remote.
        dry_run: Nothing is to follow, so that workloads which must not lose their mesh are only told.

    Raises:
        PreflightError: carries everything that forbids the removal.
        TetherError: the remote answers, but does not say what is in it.
    """
    wish, api = leaving.wish, leaving.side.open_api
    problems = [] if wish.unreachable else list(_silences(leaving))
    try:
        found = plan.inventory(api, leaving.namespace) if api else plan.expected(leaving.namespace)
    except kube.KubeError as error:
        raise TetherError(f"{wish.name} does not say what is in it, so nothing was changed: {error}") from None
    if not (leaving.cluster.is_made or wish.force or dry_run):
        problems += [_injected(leaving, workload) for workload in found.workloads]
    if problems:
        raise PreflightError(
            f"{wish.name} cannot be removed as it is: {count(len(problems), 'finding')}; nothing was changed.", problems
        )
    steps = plan.steps(leaving.mesh, leaving.cluster, found, definitions=wish.crds)
    return Plan(
        remote=leaving.cluster, stack=leaving.place.stack, kubectl=leaving.kubectl, silence=leaving.side.silence,
        workloads=found.workloads, steps=steps,
    )  # fmt: skip


def _silences(leaving: Leaving) -> Iterator[Problem]:
    whys = {
        leaving.side: "what Istio left in it could not be seen or removed, and workloads in it would lose their mesh",
        leaving.primary: "it holds the remote secret, with which istiod reads the cluster that goes",
    }
    for side, why in whys.items():
        if side.silence:
            yield Problem(
                subject=side.member.name,
                wrong=f"does not answer: {side.silence}",
                why=why,
                fix=f"if it is gone for good: {leaving.again('--unreachable')}",
            )


def _injected(leaving: Leaving, workload: Workload) -> Problem:
    return Problem(
        subject=leaving.cluster.name,
        shown=str(workload),
        wrong="has a proxy, and the cluster stays",
        why="its certificate ends within a day and nobody renews it, then its requests fail; "
        "--force removes the remote nevertheless",
        fix=" && ".join(workload.way_out(leaving.kubectl)),
    )


def blind_spots(leaving: Leaving) -> Iterator[str]:
    """What could not be looked at after the removal."""
    if leaving.side.silence and not leaving.cluster.is_made:
        yield (
            f"{leaving.cluster.name} was not asked, so that Istio may still be in it. "
            f"Should it come back: {leaving.again()}"
        )
    if leaving.primary.silence:
        primary, secret = leaving.primary.member, leaving.cluster.remote_secret_name
        yield (
            f"{primary.name} was not asked, so that it may still have Secret {leaving.namespace}/{secret}. "
            f"Should it come back: {primary.kubectl} -n {leaving.namespace} delete secret {secret}"
        )
