"""Which namespaces istiod looks at: the mesh configuration may choose them by label (``discoverySelectors``)."""

from typing import Any, cast

import yaml

from tether import kube, metadata
from tether.doctor import objects
from tether.doctor.view import MeshView


def selectors(view: MeshView) -> list[kube.Object]:
    """Label selectors of which a namespace must match one; empty: istiod looks at every namespace.

    Those of the primary count in every cluster (istio/istio pkg/kube/multicluster/cluster.go).
    """
    found = view.primary.find(view.primary.system("configmaps", view.revision.mesh_config))
    document: Any = yaml.safe_load(objects.data(found).get("mesh", "")) or {}
    return metadata.listed(cast("kube.Object", document), "discoverySelectors")


def looks_at(view: MeshView, namespace: kube.Object) -> bool:
    """Whether istiod reads what is in a namespace of any cluster."""
    wanted = selectors(view)
    return not wanted or any(_matches(selector, metadata.labels(namespace)) for selector in wanted)


def label(view: MeshView) -> str:
    """Labels, as kubectl takes them, that make istiod look at a namespace; empty where no selector has labels only."""
    for selector in selectors(view):
        wanted = cast("dict[str, str]", selector.get("matchLabels") or {})
        if wanted and not selector.get("matchExpressions"):
            return " ".join(f"{key}={value}" for key, value in wanted.items())
    return ""


def _matches(selector: kube.Object, labels: dict[str, str]) -> bool:
    """Whether labels fit a Kubernetes label selector: every part of it must hold."""
    exact = cast("dict[str, str]", selector.get("matchLabels") or {})
    return exact.items() <= labels.items() and all(
        _holds(expression, labels) for expression in metadata.listed(selector, "matchExpressions")
    )


def _holds(expression: kube.Object, labels: dict[str, str]) -> bool:
    key, values = str(expression["key"]), cast("list[str]", expression.get("values") or [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
