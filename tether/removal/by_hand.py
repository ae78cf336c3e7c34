"""The commands that take a mesh out of a cluster by hand: for one that did not answer when the mesh went."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tether.removal.traces import WRITTEN_EVERYWHERE_LABEL, Thing
from tether.topology import BOUND_TOKEN_LABEL

VERBS: Mapping[str, str] = {"labels": "label", "annotations": "annotate"}
"""What kubectl calls the changing of a namespace's marks."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the engine made in a cluster, as far as it is recorded."""

    istio_namespace: str
    namespace_is_made: bool
    """Whether Istio's namespace came with the mesh."""
    marks: Mapping[str, Mapping[str, str | None]]
    """``labels`` and ``annotations`` that are the mesh's on a namespace that was there before, with what they were."""
    releases: tuple[str, ...]
    """Helm releases in Istio's namespace, in the order in which they were made."""
    objects: tuple[Thing, ...]
    """The other objects, in that order too."""


def commands(kubeconfig: str, found: Recorded) -> Iterator[str]:
    """Commands for a shell, in the order in which they are typed; custom resource definitions stay, as Helm keeps them.

    Args:
        kubeconfig: Path of a kubeconfig of the cluster, quoted.
        found: What is in it.
    """
    kubectl, namespace = f"kubectl --kubeconfig {kubeconfig}", found.istio_namespace
    if found.namespace_is_made:
        objects = [thing for thing in found.objects if thing.namespace != namespace]
    else:
        objects = [*found.objects]
    for thing in reversed(objects):
        if (thing.kind, thing.name) != ("Namespace", namespace):
            yield f"{kubectl} {thing.deletion}"
    if found.releases:
        yield f"helm --kubeconfig {kubeconfig} uninstall -n {namespace} {' '.join(reversed(found.releases))}"
    if found.namespace_is_made:
        yield f"{kubectl} delete namespace {namespace}"
    else:
        yield f"{kubectl} -n {namespace} delete secrets -l {BOUND_TOKEN_LABEL}"
        for kind, marks in found.marks.items():
            words = [f"{key}-" if before is None else f"{key}={before}" for key, before in marks.items()]
            if words:
                yield f"{kubectl} {VERBS[kind]} --overwrite namespace {namespace} {' '.join(words)}"
    yield f"{kubectl} delete configmaps -A -l {WRITTEN_EVERYWHERE_LABEL}"
