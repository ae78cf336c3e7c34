"""What a state says about clusters whose objects do not go with a container of this machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from tether.cli.state import KUBERNETES_PROVIDER, RELEASE, State, part, plain
from tether.removal.by_hand import VERBS, Recorded
from tether.removal.traces import Thing

_KIND_CLUSTER = "tether:index:KindCluster"
_EXISTING_CLUSTER = "tether:index:ExistingCluster"
_PRIMARY = "tether:index:Primary"
_NAMESPACE = "tether:index:IstioNamespace"


@dataclass(frozen=True, kw_only=True)
class ForeignCluster:
    """A cluster that the engine has to empty."""

    name: str
    kubeconfig: str = field(repr=False)
    """Content; empty where it is not known. Secret."""
    is_primary: bool
    stays: bool
    """Somebody else made it."""
    contents: Recorded


def foreign_clusters(state: State) -> list[ForeignCluster]:
    """Those with anything of Istio in them.

    Args:
        state: Exported with secrets shown.
    """
    types = {str(resource["urn"]): str(resource["type"]) for resource in state.resources}
    found: list[ForeignCluster] = []
    for provider in state.resources:
        around = types.get(str(provider.get("parent")), "")
        if provider["type"] != KUBERNETES_PROVIDER or around == _KIND_CLUSTER:
            continue
        name = _name(provider)
        if contents := _contents(state, str(provider["urn"]), name):
            found.append(
                ForeignCluster(
                    name=name,
                    kubeconfig=plain(part(provider, "inputs").get("kubeconfig")) or "",
                    is_primary=any(kind == _PRIMARY and urn.endswith(f"::{name}") for urn, kind in types.items()),
                    stays=around == _EXISTING_CLUSTER,
                    contents=contents,
                )
            )
    return found


def _contents(state: State, provider: str, name: str) -> Recorded | None:
    inside = [one for one in state.resources if str(one.get("provider", "")).rpartition("::")[0] == provider]
    releases = [part(one, "inputs") for one in inside if one["type"] == RELEASE]
    taken = next((one for one in state.resources if one["type"] == _NAMESPACE and _name(one) == name), None)
    outputs = part(taken or {}, "outputs")
    namespace = outputs.get("name") or next((one.get("namespace") for one in releases), None)
    if not namespace:
        return None
    return Recorded(
        istio_namespace=str(namespace),
        namespace_is_made=bool(outputs.get("made", True)),
        marks=_marks(taken) if taken else {},
        releases=tuple(str(one.get("name", "")) for one in releases),
        objects=tuple(_objects(inside)),
    )


def _marks(namespace: Mapping[str, Any]) -> dict[str, dict[str, str | None]]:
    """Ours, with what each was before; None where it was not there."""
    ours, outputs = part(namespace, "inputs"), part(namespace, "outputs")
    before = cast("Mapping[str, Mapping[str, str]]", outputs.get("before") or {})
    marks = {kind: cast("Mapping[str, str]", ours.get(kind) or {}) for kind in VERBS}
    return {kind: {key: before.get(kind, {}).get(key) for key in keys} for kind, keys in marks.items()}


def _objects(inside: list[dict[str, Any]]) -> Iterator[Thing]:
    for one in inside:
        # kubernetes:GROUP/VERSION:KIND; kubectl knows a kind for sure by KIND.GROUP.
        _, api, kind = str(one["type"]).split(":")
        group = api.partition("/")[0]
        found = cast("Mapping[str, Any]", part(one, "outputs").get("metadata") or {})
        if one["type"] != RELEASE and found.get("name"):
            whole = kind if group == "core" else f"{kind}.{group}"
            yield Thing(kind=whole, name=str(found["name"]), namespace=str(found.get("namespace") or ""), path="")


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rpartition("::")[2]
