"""Istio's namespace in a cluster that was there already: made where it is absent, else patched and given back."""

import time
from collections.abc import Mapping
from typing import Any

import pydantic

from tether import kube, metadata
from tether.removal import traces
from tether.topology import MADE_ANNOTATION
from tether_provider import reaching
from tether_provider.errors import CancelledError, ProviderError
from tether_provider.resource import REPLACES, SECRET, Found, Operation, Resource, Wire

_GONE_SECONDS = 180.0
_HELD = "NamespaceFinalizersRemaining"
_HELD_SECONDS = 45.0
"""How long objects may wait for their finalizers; who serves one takes seconds."""
_LOOK_SECONDS = 0.5

Marks = dict[str, dict[str, str]]
"""``labels`` and ``annotations`` of the namespace."""
Patch = dict[str, dict[str, str | None]]
"""The same for a merge patch; None takes a key away."""


class NamespaceInputs(Wire):
    """Which namespace, and what Istio reads on it."""

    kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    name: str = pydantic.Field(min_length=1, json_schema_extra=REPLACES)
    labels: dict[str, str] = pydantic.Field(default_factory=dict[str, str])
    annotations: dict[str, str] = pydantic.Field(default_factory=dict[str, str])


class NamespaceOutputs(Wire):
    """What was found."""

    name: str
    made: bool
    """Whether it was absent before."""
    before: Marks = pydantic.Field(default_factory=dict[str, dict[str, str]])
    """What those labels and annotations were that are ours now, as far as they were there."""


class IstioNamespace(Resource[NamespaceInputs, NamespaceOutputs]):
    """A namespace that may be somebody else's: only its own labels and annotations are touched."""

    token = "tether:index:IstioNamespace"  # noqa: S105 - a type token
    description = "Istio's namespace in a cluster that is not Tether's: made, or patched and given back as it was."
    inputs_type = NamespaceInputs
    outputs_type = NamespaceOutputs

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """Its name."""
        return {"name": inputs["name"]} if "name" in inputs else {}

    def create(self, operation: Operation, inputs: NamespaceInputs) -> tuple[str, NamespaceOutputs]:
        """Make it, or remember what is there and patch it."""
        wanted = _wanted(inputs)
        with reaching.reached(inputs.kubeconfig, f"namespace {inputs.name}") as cluster:
            found = cluster.find(_path(inputs.name))
            if found is None:
                annotations = {**wanted["annotations"], MADE_ANNOTATION: "true"}
                body = {"metadata": {"name": inputs.name, "labels": wanted["labels"], "annotations": annotations}}
                cluster.create("/api/v1/namespaces", body)
                return inputs.name, NamespaceOutputs(name=inputs.name, made=True)
            if metadata.is_ending(found):
                raise ProviderError(_ending(inputs.name, found))
            cluster.patch(_path(inputs.name), {"metadata": wanted})
            operation.log.info(f"namespace {inputs.name} was there already; it is patched, and given back at the end")
            before = _within(_marks(found), wanted)
        return inputs.name, NamespaceOutputs(name=inputs.name, made=False, before=before)

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[NamespaceOutputs] | None:
        """See whether it is there, and what of ours it still carries."""
        if not state:
            return None
        found: kube.Object | None = None
        with reaching.left(operation, state["kubeconfig"], f"namespace {resource_id}") as cluster:
            found = cluster.find(_path(resource_id))
        if found is None:
            return None
        left = _within(_marks(found), _ours(state))
        return Found(self.outputs_of(state), {"kubeconfig": state["kubeconfig"], "name": resource_id, **left})

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: NamespaceInputs
    ) -> NamespaceOutputs:
        """Give back what is no longer ours, remember what becomes ours."""
        wanted, ours, outputs = _wanted(inputs), _ours(state), self.outputs_of(state)
        with reaching.reached(inputs.kubeconfig, f"namespace {resource_id}") as cluster:
            found = cluster.find(_path(resource_id))
            if found is None:
                raise ProviderError(f"namespace {resource_id} is gone; make it anew with: pulumi up --refresh")
            patch = _given_back(found, _without(ours, wanted), outputs.before)
            cluster.patch(_path(resource_id), {"metadata": {kind: {**patch[kind], **wanted[kind]} for kind in wanted}})
        if outputs.made:
            return outputs
        kept, fresh = _within(outputs.before, wanted), _within(_marks(found), _without(wanted, ours))
        return outputs.model_copy(update={"before": {kind: {**kept[kind], **fresh[kind]} for kind in wanted}})

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Take away what istiod wrote; remove what was made and wait for its end; give back what was there."""
        with reaching.left(operation, state["kubeconfig"], f"namespace {resource_id}") as cluster:
            self._leave(operation, cluster, resource_id, state)

    def _leave(self, operation: Operation, cluster: kube.Api, name: str, state: Mapping[str, Any]) -> None:
        for thing in (*traces.root_certificates(cluster), *traces.elections(cluster, name)):
            cluster.delete(thing.path)
        outputs, found = self.outputs_of(state), cluster.find(_path(name))
        if found is None:
            return
        if not outputs.made:
            cluster.patch(_path(name), {"metadata": _given_back(found, _ours(state), outputs.before)})
            return
        cluster.delete(_path(name))
        await_end(operation, cluster, name)


def _given_back(found: kube.Object, ours: Marks, before: Marks) -> Patch:
    """What was before, except where somebody has changed ours since."""
    now = _marks(found)
    return {
        kind: {key: before.get(kind, {}).get(key) for key, text in marks.items() if now[kind].get(key) == text}
        for kind, marks in ours.items()
    }


def await_end(operation: Operation, cluster: kube.Api, name: str) -> None:
    """Wait until a namespace is gone; not for ever where finalizers hold it.

    Raises:
        ProviderError: it does not end, and why.
    """
    began, held_since = time.monotonic(), None
    while (found := cluster.find(_path(name))) is not None:
        now = time.monotonic()
        held_since = (held_since or now) if _HELD in metadata.conditions(found) else None
        if now - began > operation.limit(_GONE_SECONDS) or (held_since and now - held_since > _HELD_SECONDS):
            raise ProviderError(_ending(name, found))
        if operation.cancel.wait(_LOOK_SECONDS):
            raise CancelledError(f"namespace {name} is still ending")


def _ending(name: str, found: kube.Object) -> str:
    """Why a namespace does not end, in the API server's own words."""
    held = "; ".join(metadata.conditions(found).values())
    return (
        f"namespace {name} is ending and does not come to its end{f': {held}' if held else ''}. "
        f"What is left in it: kubectl api-resources --verbs=list --namespaced -o name | "
        f"xargs -n 1 kubectl -n {name} get --ignore-not-found --show-kind"
    )


def _path(name: str) -> str:
    return f"/api/v1/namespaces/{name}"


def _wanted(inputs: NamespaceInputs) -> Marks:
    return {"labels": dict(inputs.labels), "annotations": dict(inputs.annotations)}


def _marks(found: kube.Object) -> Marks:
    return {"labels": metadata.labels(found), "annotations": metadata.annotations(found)}


def _ours(state: Mapping[str, Any]) -> Marks:
    return {kind: dict(state.get(kind) or {}) for kind in ("labels", "annotations")}


def _within(marks: Marks, others: Marks) -> Marks:
    """Those whose keys are in the others too."""
    return {kind: {key: text for key, text in marks.get(kind, {}).items() if key in others[kind]} for kind in others}


def _without(marks: Marks, others: Marks) -> Marks:
    """Those whose keys are in none of the others."""
    return {kind: {key: text for key, text in marks[kind].items() if key not in others[kind]} for kind in others}
