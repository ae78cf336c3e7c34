"""What every Kubernetes object says of itself, whatever of it is missing."""

from typing import cast

from tether import kube


def name(item: kube.Object) -> str:
    """Name of an object."""
    return str(item["metadata"]["name"])


def labels(item: kube.Object) -> dict[str, str]:
    """Labels of an object."""
    return cast("dict[str, str]", item["metadata"].get("labels") or {})


def annotations(item: kube.Object) -> dict[str, str]:
    """Annotations of an object."""
    return cast("dict[str, str]", item["metadata"].get("annotations") or {})


def is_ending(item: kube.Object) -> bool:
    """Whether it was deleted and waits for its finalizers."""
    return bool(item["metadata"].get("deletionTimestamp"))


def listed(item: kube.Object, key: str) -> list[kube.Object]:
    """Objects under a key that may be missing or null."""
    return cast("list[kube.Object]", item.get(key) or [])


def conditions(item: kube.Object) -> dict[str, str]:
    """Messages of the conditions that hold, by type."""
    return {
        str(entry.get("type", "")): str(entry.get("message") or entry.get("reason") or "")
        for entry in listed(item.get("status") or {}, "conditions")
        if entry.get("status") == "True"
    }
