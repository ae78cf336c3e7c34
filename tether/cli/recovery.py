"""Makes a state fit to go on with after the engine was killed in the middle of something.

An engine that is asked to stop records what it did. One that is killed leaves operations
marked as under way: a half-made cluster whose name the provider would refuse to take over,
or a Helm release that Helm takes for being installed by somebody else.
"""

import json
from collections.abc import Callable

from tether import kube
from tether.cli.engine import Engine
from tether.cli.remnants import Machine, Remnants
from tether.cli.state import CLUSTER, NETWORK, RELEASE, State
from tether.errors import count
from tether.kube import Api

Say = Callable[[str], None]
_HELM_STATES = "pending-install,pending-upgrade,pending-rollback"


def recover(state: State, engine: Engine, machine: Machine, say: Say, *, to_go_on: bool = True) -> State:
    """Remove what was half-made and forget the operations that were cut off.

    The state says that this stack was making these things, so they are nobody else's. Helm
    releases are only freed: the next run installs them again over what is there.

    Args:
        state: The state as exported.
        engine: To store the mended state.
        machine: The container runtime.
        say: Tells the user.
        to_go_on: Things are to be made again; otherwise they are about to be removed, and Helm is left alone.

    Returns:
        The state without operations under way.

    Raises:
        tether.errors.TetherError: the runtime or the engine refuses.
    """
    if not state.pending:
        return state
    say(f"an earlier run was cut off during {count(len(state.pending), 'operation')}; mending that first")
    for cluster in state.half_made(CLUSTER):
        say(f"removing the half-made cluster {cluster}")
        machine.remove(machine.of_cluster(cluster))
    for network in state.half_made(NETWORK):
        machine.remove(Remnants(networks=(network,)))
    if to_go_on and any(operation.type == RELEASE for operation in state.pending):
        _free_releases(State(json.loads(engine.ask("stack", "export", "--show-secrets"))), say)
    mended = state.without_pending()
    engine.ask("stack", "import", stdin=json.dumps(mended))
    return State(mended)


def _free_releases(state: State, say: Say) -> None:
    for operation in state.pending:
        kubeconfig = state.kubeconfig_of(operation.provider) if operation.type == RELEASE else None
        name, namespace = operation.inputs.get("name"), operation.inputs.get("namespace")
        if kubeconfig is None or not name or not namespace:
            continue
        try:
            with kube.connect(kubeconfig) as api:
                free_release(api, str(namespace), str(name), unknown=operation.kind == "creating", say=say)
        except kube.KubeError as error:
            say(f"the cluster with the unfinished Helm release {name} does not answer: {error}")


def free_release(api: Api, namespace: str, name: str, *, unknown: bool, say: Say) -> None:
    """Remove Helm's records of a release that would make it refuse every further try.

    The objects of the release stay, and carry its name, so that Helm takes them over.

    Args:
        api: The cluster.
        namespace: Namespace of the release.
        name: Its name.
        unknown: The engine does not know the release, however far Helm came: every record goes.
            Otherwise only those of unfinished work go, and the last finished one counts again.
        say: Tells the user.
    """
    selector = f"owner=helm,name={name}" + ("" if unknown else f",status in ({_HELM_STATES})")
    records = f"/api/v1/namespaces/{namespace}/secrets"
    for record in kube.items(api.get(records, {"labelSelector": selector})):
        say(f"freeing the unfinished Helm release {namespace}/{name}")
        api.delete(f"{records}/{record['metadata']['name']}")
