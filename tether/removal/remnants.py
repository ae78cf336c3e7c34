"""The look after a removal: whatever of the mesh is still there, each with the command that removes it."""

from collections.abc import Iterator

from tether import kube, metadata
from tether.errors import Problem
from tether.removal import holders, traces
from tether.topology import ClusterPlan

_WHY_HOOK = "it calls an istiod that does not serve this cluster any more, and refuses pods (istio/istio#39007)"
_WHY = "it is of a mesh that this cluster is no longer part of"


def in_remote(
    api: kube.Api, name: str, istio_namespace: str, kubectl: str, by_force: str, *, definitions: bool
) -> Iterator[Problem]:
    """What is still in a cluster that stays.

    Args:
        api: The cluster.
        name: What the user calls it.
        istio_namespace: Istio's.
        kubectl: How a user runs kubectl on it.
        by_force: The command that takes off finalizers which hold Istio's namespace.
        definitions: Istio's custom resource definitions were to go too.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    for hook in traces.webhooks(api, istio_namespace):
        yield _problem(name, hook, _WHY_HOOK, kubectl)
    others = [
        *traces.rights(api, istio_namespace),
        *traces.credentials(api, istio_namespace),
        *traces.root_certificates(api),
        *traces.elections(api, istio_namespace),
        *(traces.definitions(api) if definitions else ()),
    ]
    for thing in others:
        yield _problem(name, thing, _WHY, kubectl)
    if namespace := traces.made_namespace(api, istio_namespace):
        yield _namespace(api, name, namespace, kubectl, by_force)


def _problem(cluster: str, thing: traces.Thing, why: str, kubectl: str) -> Problem:
    fix = f"{kubectl} {thing.deletion}"
    return Problem(subject=cluster, shown=str(thing), wrong="is still there", why=why, fix=fix)


def _namespace(api: kube.Api, cluster: str, found: kube.Object, kubectl: str, by_force: str) -> Problem:
    name = metadata.name(found)
    if not metadata.is_ending(found):
        thing = traces.Thing(kind="Namespace", name=name, path="")
        return _problem(cluster, thing, _WHY, kubectl)
    return hanging(api, cluster, name, by_force)


def hanging(api: kube.Api, cluster: str, namespace: str, by_force: str) -> Problem:
    """A namespace that does not end, with the objects that hold it.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    held = list(map(str, holders.holders(api, namespace))) or holders.complaints(api, namespace)
    return Problem(
        subject=cluster,
        shown=f"Namespace {namespace}",
        wrong="does not end: " + ("; ".join(held) or "Kubernetes does not say why"),
        why="who serves these finalizers is gone or slow; a new mesh could not use the namespace",
        fix=by_force,
    )


def in_primary(api: kube.Api, primary: str, istio_namespace: str, remote: ClusterPlan, kubectl: str) -> list[Problem]:
    """The remote secret, if the primary still has it.

    Raises:
        tether.kube.KubeError: the primary does not answer or refuses.
    """
    path = f"/api/v1/namespaces/{istio_namespace}/secrets/{remote.remote_secret_name}"
    if api.find(path) is None:
        return []
    secret = traces.Thing(kind="Secret", name=remote.remote_secret_name, namespace=istio_namespace, path=path)
    return [_problem(primary, secret, "istiod goes on reading a cluster that is no longer its own", kubectl)]
