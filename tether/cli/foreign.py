"""Clusters that do not go with a container of this machine, when the whole mesh goes: who answers, what is left."""

import contextlib
import json
import shlex
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from tether import kube
from tether.cli import clearing, private_file
from tether.cli.engine import Engine
from tether.cli.project import Project
from tether.cli.recorded_clusters import ForeignCluster, foreign_clusters
from tether.cli.side import Side, open_side
from tether.cli.state import State
from tether.cli.talk import warn
from tether.errors import PreflightError, Problem, TetherError, UsageError, count
from tether.mesh import Member
from tether.removal import by_hand, remnants, traces
from tether.topology import Role


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A cluster that the engine has to empty, and whether it answers."""

    recorded: ForeignCluster
    side: Side
    kubeconfig: str
    """Path of its kubeconfig as commands name it, quoted."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.recorded.name

    @property
    def namespace(self) -> str:
        """Istio's."""
        return self.recorded.contents.istio_namespace

    def line(self) -> str:
        """What becomes of it, for people."""
        if self.side.silence:
            return f"cluster {self.name} does not answer, so it is not emptied: {self.side.silence}"
        return f"cluster {self.name}, which is emptied{' and stays' if self.recorded.stays else ''}"


@contextlib.contextmanager
def opened(place: Project, engine: Engine, state: State, *, lenient: bool) -> Generator[tuple[Foreign, ...]]:
    """Open every such cluster for the length of a block; each is asked whether it answers.

    Args:
        place: The checkout and the stack.
        engine: Has their kubeconfigs.
        state: What is recorded.
        lenient: A state that cannot be decrypted any more is a state without such clusters.

    Raises:
        UsageError: the passphrase does not fit.
    """
    with contextlib.ExitStack() as stack:
        yield tuple(_open(stack, place, one) for one in _recorded(engine, state, lenient=lenient))


def _recorded(engine: Engine, state: State, *, lenient: bool) -> Sequence[ForeignCluster]:
    if not state.has_foreign_clusters:
        return ()
    try:
        return foreign_clusters(State(json.loads(engine.ask("stack", "export", "--show-secrets"))))
    except UsageError as error:
        if not lenient:
            raise
        warn(f"no cluster elsewhere is asked: {error.headline}")
        return ()


def _open(stack: contextlib.ExitStack, place: Project, one: ForeignCluster) -> Foreign:
    path = shlex.quote(str((place.kubeconfigs / one.name).relative_to(place.root)))
    role = Role.PRIMARY if one.is_primary else Role.REMOTE
    member = Member(name=one.name, role=role, kubeconfig=one.kubeconfig, kubectl=f"kubectl --kubeconfig {path}")
    try:
        side = open_side(stack, member)
    except kube.KubeconfigError as error:
        side = Side(member=member, api=None, silence=f"its kubeconfig cannot be used: {error}")
    return Foreign(recorded=one, side=side, kubeconfig=path)


def refuse_silent(place: Project, clusters: Sequence[Foreign]) -> None:
    """See that every cluster answers, before anything is removed.

    Raises:
        PreflightError: carries those that do not.
    """
    problems = [
        Problem(
            subject=cluster.name,
            wrong=f"does not answer: {cluster.side.silence}",
            why="what was made in it can neither be removed nor looked for, and would stay should it come back",
            fix="if it is gone for good: " + shlex.join(["tether", "down", "--unreachable", "--stack", place.stack]),
        )
        for cluster in clusters
        if cluster.side.silence
    ]
    if problems:
        raise PreflightError(
            f"Stack {place.stack} cannot be removed as it is: {count(len(problems), 'finding')}; nothing was changed.",
            problems,
        )


def clear(engine: Engine, clusters: Sequence[Foreign]) -> None:
    """Clear the engine's way, and where a cluster is gone take the others' webhooks away: their istiod may be in it.

    Raises:
        TetherError: a cluster or the engine refuses.
    """
    anybody_is_gone = any(cluster.side.silence for cluster in clusters)
    for cluster in clusters:
        api = cluster.side.open_api
        with _told(cluster):
            if api and anybody_is_gone:
                clearing.disarm(cluster.name, api, cluster.namespace)
            if api:
                clearing.free_releases(cluster.name, api, cluster.namespace)
            clearing.forget_releases(engine, cluster.name, api, cluster.namespace)


def left(clusters: Sequence[Foreign]) -> Iterator[Problem]:
    """Take away what istiod wrote while it went, and look into every cluster that stays for whatever is still there.

    Raises:
        TetherError: a cluster refuses.
    """
    for cluster in clusters:
        api = cluster.side.open_api
        if api is None or not cluster.recorded.stays:
            continue
        with _told(cluster):
            for thing in (*traces.root_certificates(api), *traces.elections(api, cluster.namespace)):
                api.delete(thing.path)
            kubectl = cluster.side.member.kubectl
            yield from remnants.in_remote(
                api, cluster.name, cluster.namespace, kubectl,
                f"{kubectl} get namespace {cluster.namespace} -o yaml, then have whoever serves them go on",
                definitions=False,
            )  # fmt: skip


@contextlib.contextmanager
def _told(cluster: Foreign) -> Generator[None]:
    try:
        yield
    except kube.KubeError as error:
        raise TetherError(f"{cluster.name} refused: {error}\nOnce that is mended, go on with: tether down") from None


def keep_way_back(place: Project, clusters: Sequence[Foreign]) -> None:
    """Say how the clusters that did not answer are emptied should they come back, and keep what that needs."""
    for cluster in clusters:
        if not cluster.side.silence:
            continue
        place.kubeconfigs.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_file.write(place.kubeconfigs / cluster.name, cluster.recorded.kubeconfig)
        lines = by_hand.commands(cluster.kubeconfig, cluster.recorded.contents)
        warn(
            f"{cluster.name} was not asked, so that the mesh may still be in it. Should it come back:\n  "
            + "\n  ".join([*lines, f"rm {cluster.kubeconfig}"])
        )
