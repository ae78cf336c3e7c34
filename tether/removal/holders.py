"""What keeps a namespace from ending: objects whose finalizers nobody serves any more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from tether import kube, metadata


@dataclass(frozen=True, kw_only=True)
class Holder:
    """An object that is to go and waits for its finalizers."""

    kind: str
    name: str
    finalizers: tuple[str, ...]
    path: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} waits for {', '.join(self.finalizers)}"


def holders(api: kube.Api, namespace: str) -> list[Holder]:
    """Objects of a namespace, itself included, that were deleted and are held by finalizers.

    Asks for every kind that the cluster knows; kinds that nobody answers for are left out.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    own = f"/api/v1/namespaces/{namespace}"
    found = [holder for kind, path in _kinds(api) for holder in _of_kind(api, kind, path, own)]
    if itself := api.find(own):
        found += _held("Namespace", own, itself)
    return found


def _kinds(api: kube.Api) -> Iterator[tuple[str, str]]:
    """Kinds of objects that live in namespaces, with the path of their group (Kubernetes discovery)."""
    versions = [str(group["preferredVersion"]["groupVersion"]) for group in metadata.listed(api.get("/apis"), "groups")]
    for base in ("/api/v1", *(f"/apis/{version}" for version in versions)):
        try:
            known = metadata.listed(api.get(base), "resources")
        except kube.KubeError:
            # An aggregated API whose server is gone.
            continue
        for resource in known:
            verbs = cast("list[str]", resource.get("verbs") or [])
            if resource["namespaced"] and {"list", "delete"} <= set(verbs):
                yield str(resource["kind"]), f"{base}/{{}}/{resource['name']}"


def _of_kind(api: kube.Api, kind: str, path: str, own: str) -> Iterator[Holder]:
    collection = path.format(own.removeprefix("/api/v1/"))
    try:
        listed = kube.items(api.get(collection))
    except kube.KubeError:
        return
    for item in listed:
        yield from _held(kind, f"{collection}/{metadata.name(item)}", item)


def _held(kind: str, path: str, item: kube.Object) -> Iterator[Holder]:
    finalizers = tuple(cast("list[str]", item["metadata"].get("finalizers") or []))
    if metadata.is_ending(item) and finalizers:
        yield Holder(kind=kind, name=metadata.name(item), finalizers=finalizers, path=path)


def let_go(api: kube.Api, holder: Holder) -> None:
    """Take the finalizers off, so that the object ends; what they were to clean up stays.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    api.patch(holder.path, {"metadata": {"finalizers": None}})


def complaints(api: kube.Api, namespace: str) -> list[str]:
    """Why a namespace does not end, in Kubernetes' own words; for what no object holds.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    found = api.find(f"/api/v1/namespaces/{namespace}") or {}
    return list(metadata.conditions(found).values())
