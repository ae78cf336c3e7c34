"""Takes a remote out of the mesh, step by step; what was cut off goes on by the same command."""

from collections.abc import Iterator

from tether import kube, metadata, topology, wait
from tether.cli import clearing, locks, protected, records
from tether.cli.engine import Engine, EngineError, InterruptedRunError
from tether.cli.leaving import Leaving
from tether.cli.state import State
from tether.cli.talk import say, warn
from tether.cli.up import checked_settings, machine_of, outcome, ready_engine, remember, update
from tether.errors import LockedError, NotFoundError, Problem, TetherError, UsageError, count
from tether.removal import holders, reach, remnants, traces

NAMESPACE_SECONDS = 60.0


def remove(leaving: Leaving) -> list[Problem]:
    """Remove the remote from clusters and settings, and look whether it is gone.

    Returns:
        What is still there.

    Raises:
        TetherError: a step failed; the same command goes on from there.
    """
    place, wish = leaving.place, leaving.wish
    with locks.alone(place):
        engine = ready_engine(place, checked_settings(place), {reach.GIVE_UP: "true"} if wish.unreachable else None)
        if leaving.cluster.is_made and (written := place.read_state()) is not None:
            protected.refuse(place, State(written), leaving.again())
        try:
            api = leaving.side.open_api
            hooks = _disarm(leaving, api) if api else []
            try:
                state = _run_engine(leaving, engine)
            except (LockedError, NotFoundError, UsageError, OSError):
                # The engine did not begin, so that nothing must say that it did.
                _take_back(leaving, hooks)
                raise
            if wish.name not in (state.outputs.get("clusters") or [wish.name]):
                outcome(place, engine, state, 0)
            if api and not leaving.cluster.is_made:
                _sweep(leaving, api, state)
            say("looking whether anything is left")
            left = list(_left(leaving, state))
        except kube.KubeError as error:
            raise TetherError(f"A cluster refused: {error}\nGo on with: {leaving.again()}") from None
        if not left and (api or leaving.cluster.is_made):
            leaving.kept.end()
            (place.kubeconfigs / wish.name).unlink(missing_ok=True)
        return left


def _disarm(leaving: Leaving, api: kube.Api) -> list[traces.Thing]:
    """Take the webhooks away while istiod still answers, and free releases that Helm could not remove.

    Returns:
        The webhooks.
    """
    hooks = clearing.disarm(leaving.cluster.name, api, leaving.namespace)
    clearing.free_releases(leaving.cluster.name, api, leaving.namespace)
    # An earlier run left it like that; the engine would wait for it once more.
    if leaving.wish.force and _is_ending(leaving, api):
        _let_go(leaving, api, holders.holders(api, leaving.namespace))
    return hooks


def _namespace(leaving: Leaving) -> str:
    return f"/api/v1/namespaces/{leaving.namespace}"


def _is_ending(leaving: Leaving, api: kube.Api) -> bool:
    found = api.find(_namespace(leaving))
    return found is not None and metadata.is_ending(found)


def _take_back(leaving: Leaving, hooks: list[traces.Thing]) -> None:
    """Leave the remote in the mesh, as it was before this run."""
    if leaving.changed is None:
        return
    if leaving.kept.is_under_way:
        leaving.kept.take_back()
    if api := leaving.side.open_api:
        for hook in hooks:
            traces.put_back(api, hook)
    warn(f"{leaving.cluster.name} and {leaving.place.stack_file.relative_to(leaving.place.root)} are as they were")


def _run_engine(leaving: Leaving, engine: Engine) -> State:
    """Take the cluster out of the stack file and have the engine do the same with everything that it made."""
    place, name = leaving.place, leaving.cluster.name
    if leaving.changed is not None:
        leaving.kept.begin(leaving.side.member.kubeconfig, leaving.changed)
        say(f"{name} is out of {place.stack_file.relative_to(place.root)}; {undo(leaving)}")
    say(f"removing what was made for {name}")
    try:
        if not leaving.cluster.is_kind:
            clearing.forget_releases(engine, name, leaving.side.open_api, leaving.namespace)
        return _update(leaving, engine)
    except InterruptedRunError:
        raise InterruptedRunError(f"Interrupted. What was done is recorded; go on with: {leaving.again()}") from None


def _update(leaving: Leaving, engine: Engine) -> State:
    """Run the engine; once more where finalizers held it up and may be taken off."""
    if leaving.primary.silence:
        warn(f"{leaving.primary.member.name} does not answer, so the rest of the mesh is not brought up to date")
        return _forget(leaving, engine)
    # Whatever else is gone: what is to go shall go all the same.
    options = ("--continue-on-error",) if leaving.wish.unreachable else ()
    try:
        return update(leaving.place, engine, *options)
    except EngineError as error:
        api = None if leaving.cluster.is_kind else leaving.side.open_api
        held = holders.holders(api, leaving.namespace) if api else []
        if api and held and leaving.wish.force:
            _let_go(leaving, api, held)
            return update(leaving.place, engine, *options)
        if api and (held or _is_ending(leaving, api)):
            problem = remnants.hanging(api, leaving.cluster.name, leaving.namespace, leaving.again("--force"))
            raise TetherError(f"{leaving.cluster.name} could not be emptied.", [problem]) from None
        if not leaving.wish.unreachable:
            raise TetherError(f"{error}\nGo on with the removal by: {leaving.again()}") from None
        warn("the engine could not bring the rest of the mesh up to date; going on with the remote alone")
        return _forget(leaving, engine)


def _forget(leaving: Leaving, engine: Engine) -> State:
    """Have the engine remove what it recorded for the remote and nothing else, without a look at the settings.

    An update needs the whole mesh: where the primary is gone it would end before it comes to what is to go.

    Raises:
        TetherError: the engine failed.
    """
    before = remember(leaving.place, engine)
    targets = [f"--target={urn}" for urn in before.of_cluster(leaving.cluster.name)] if before else []
    try:
        if targets:
            engine.destroy("--target-dependents", *targets)
    except EngineError as error:
        raise TetherError(f"{error}\nGo on with the removal by: {leaving.again('--unreachable')}") from None
    after = remember(leaving.place, engine)
    if after is None:
        raise TetherError("The engine left no state behind; look at it with: pulumi stack export")
    return after


def _let_go(leaving: Leaving, api: kube.Api, held: list[holders.Holder]) -> None:
    for holder in held:
        warn(f"{leaving.cluster.name}: {holder}; taking that off")
        holders.let_go(api, holder)


def _sweep(leaving: Leaving, api: kube.Api, state: State) -> None:
    """Remove what the engine does not know of, from a cluster that stays."""
    found = [
        *traces.webhooks(api, leaving.namespace),
        *traces.rights(api, leaving.namespace),
        *traces.credentials(api, leaving.namespace),
        *traces.root_certificates(api),
        *traces.elections(api, leaving.namespace),
        *(traces.definitions(api) if leaving.wish.crds else ()),
    ]
    if found:
        say(f"{leaving.cluster.name}: removing {count(len(found), 'object')} that Istio left")
    for thing in found:
        api.delete(thing.path)
    # The engine gave the cluster up when it did not answer; now it does, and this is what was made there.
    if traces.made_namespace(api, leaving.namespace) and not state.of_cluster(leaving.cluster.name):
        api.delete(_namespace(leaving))
    if not _ends(leaving, api) and leaving.wish.force:
        _let_go(leaving, api, holders.holders(api, leaving.namespace))
        _ends(leaving, api)


def _ends(leaving: Leaving, api: kube.Api) -> bool:
    """Wait until Istio's namespace, if it is being deleted, is gone; False where it takes too long."""

    def ending() -> list[str]:
        is_gone = not _is_ending(leaving, api)
        return [] if is_gone else [f"{leaving.cluster.name}: namespace {leaving.namespace} is ending"]

    try:
        wait.wait(
            ending, ready=lambda left: not left, timeout=NAMESPACE_SECONDS, what=f"the end of {leaving.namespace}",
            describe=lambda left: "".join(left), on_change=say,
        )  # fmt: skip
    except wait.WaitTimeoutError:
        return False
    return True


def _left(leaving: Leaving, state: State) -> Iterator[Problem]:
    """Look everywhere for what should be gone."""
    name, primary = leaving.cluster.name, leaving.primary
    if (api := leaving.side.open_api) and not leaving.cluster.is_made:
        yield from remnants.in_remote(
            api, name, leaving.namespace, leaving.kubectl, leaving.again("--force"), definitions=leaving.wish.crds
        )
    if api := primary.open_api:
        yield from remnants.in_primary(
            api, primary.member.name, leaving.namespace, leaving.cluster, primary.member.kubectl
        )  # fmt: skip
    yield from _on_this_machine(leaving)
    if recorded := state.of_cluster(name):
        yield Problem(
            subject=name,
            shown=recorded[-1],
            wrong=f"is still recorded, one of {count(len(recorded), 'resource')}",
            why="the engine could not remove it, and would try again with every run",
            fix=leaving.again("--unreachable"),
        )


def _on_this_machine(leaving: Leaving) -> Iterator[Problem]:
    if not leaving.cluster.is_kind:
        return
    machine = machine_of(leaving.place)
    for suffix in records.read(leaving.place).suffixes:
        for line in machine.of_cluster(topology.kind_cluster_name(leaving.cluster.name, suffix)).lines():
            yield Problem(
                subject="this machine", shown=line, wrong="is still there",
                why="it is of a cluster that is no longer wanted", fix=leaving.again(),
            )  # fmt: skip


def undo(leaving: Leaving) -> str:
    """How the remote comes back."""
    copy = leaving.kept.before.stack_file.relative_to(leaving.place.root)
    return f"to undo, put its entry back from {copy} and type: tether up --stack {leaving.place.stack}"
