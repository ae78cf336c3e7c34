"""What is taken out of the engine's way, in a cluster and in the state, before it removes a mesh or a part of it."""

import json

from tether import kube
from tether.cli.engine import Engine
from tether.cli.state import State
from tether.cli.talk import say
from tether.errors import count
from tether.removal import releases, traces


def disarm(name: str, api: kube.Api, istio_namespace: str) -> list[traces.Thing]:
    """Take the webhooks of a cluster away, so that no pod waits for an istiod that goes or is gone.

    Returns:
        The webhooks.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    hooks = traces.webhooks(api, istio_namespace)
    for hook in hooks:
        say(f"{name}: removing {hook}, so that no pod is refused")
        api.delete(hook.path)
    return hooks


def free_releases(name: str, api: kube.Api, istio_namespace: str) -> None:
    """Free the releases of a cluster that Helm left in the middle of something.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    for release in releases.installed(api, istio_namespace):
        if release.is_stuck:
            mended = releases.mend(api, release)
            fate = "its last deployed revision counts again" if mended else "what it made is removed one by one"
            say(f"{name}: {release}; {fate}")


def forget_releases(engine: Engine, name: str, api: kube.Api | None, istio_namespace: str) -> None:
    """Have the engine forget Helm releases of a cluster that it could not uninstall.

    The Kubernetes provider refuses to give up a release of a cluster that does not answer, whatever it is told, and
    fails on one that Helm has no record of (pulumi-kubernetes provider.go, helm_release.go, Delete).

    Args:
        engine: Keeps the state.
        name: The cluster.
        api: It, open; None where it does not answer.
        istio_namespace: Istio's.

    Raises:
        tether.kube.KubeError: the cluster refuses.
        tether.errors.TetherError: the engine refuses.
    """
    exported = engine.export()
    if exported is None:
        return
    state = State(exported)
    there = {release.name for release in releases.installed(api, istio_namespace)} if api else set[str]()
    lost = {urn for urn, release in state.releases_of(name).items() if release not in there}
    if lost:
        say(f"giving up {count(len(lost), 'Helm release')} of {name} that nobody can uninstall")
        engine.ask("stack", "import", stdin=json.dumps(state.without(lost)))
