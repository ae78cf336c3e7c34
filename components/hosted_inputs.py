"""What is wrong with the inputs of a component that a program in another language gave, all of it at once."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.output import Unknown

from tether.errors import SettingsError
from tether.settings import read
from tether.settings.stack import NAMESPACE
from tether.topology import Platform

_MESH = "tether:index:Mesh"
_LATER = "https://known.later:6443"
"""Stands for the URL of an API server that only the engine will know."""
_OWN = "#/types/"
_WANTED: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
    "array": (list, "a list"),
    "object": (dict, "an object"),
}


def misfits(token: str, inputs: Mapping[str, Any], schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Paths of what the schema and, of a mesh, the rules of the settings refuse, and why; never a value.

    Args:
        token: of the component.
        inputs: by name on the wire; what is known later only is an output.
        schema: of the package.
    """
    component = schema["resources"][token]
    shape = _Shape(component["inputProperties"], component["requiredInputs"], schema["types"])
    found = [*shape.misfits(inputs, "")]
    return found or ([*_of_mesh(inputs)] if token == _MESH else [])


def whole_numbers(value: Any) -> Any:
    """Make whole numbers of what travels as the one kind of number that JSON has."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole_numbers(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [whole_numbers(inner) for inner in cast("list[Any]", value)]
    return value


@dataclass(frozen=True)
class _Shape:
    """What an object has to look like."""

    properties: Mapping[str, Any]
    required: list[str]
    types: Mapping[str, Any]

    def misfits(self, given: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
        """Paths, and what is wrong there.

        Args:
            given: by name on the wire.
            above: path of the object, with a full stop behind.
        """
        for name in self.required:
            if given.get(name) is None:
                yield above + name, "is missing"
        for name, value in given.items():
            if name not in self.properties:
                close = difflib.get_close_matches(name, self.properties, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(self.properties)}"
                yield above + name, f"is not known; {hint}"
            elif value is not None:
                yield from self._of_value(value, self.properties[name], above + name)

    def _of_value(self, value: Any, described: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
        reference = str(described.get("$ref", ""))
        if reference and not reference.startswith(_OWN):
            return
        kind = described.get("type", "object")
        if isinstance(value, pulumi.Output | Unknown):
            # The SDK turns whole numbers into int before they are known (provider/experimental/component.py).
            if reference or described.get("plain") or kind == "integer":
                yield path, "is known later only; the program needs it now, to tell which resources there are"
            return
        wanted, name = _WANTED[kind]
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
            yield path, f"is not {name}"
        elif reference:
            model = self.types[reference.removeprefix(_OWN)]
            shape = _Shape(model["properties"], model.get("required", []), self.types)
            yield from shape.misfits(cast("dict[str, Any]", value), f"{path}.")
        elif kind == "array":
            for index, item in enumerate(cast("list[Any]", value)):
                yield from self._of_value(item, described["items"], f"{path}[{index}]")
        elif kind == "object":
            for key, inner in cast("dict[str, Any]", value).items():
                yield from self._of_value(inner, described["additionalProperties"], f"{path}.{key}")


def _of_mesh(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same rules as for settings, of what they have in common."""
    document: dict[str, Any] = {key: inputs[key] for key in ("meshId", "trustDomain", "istioNamespace")}
    document["clusters"] = [_cluster(index, cluster) for index, cluster in enumerate(inputs["clusters"])]
    raw = {key: value if isinstance(value, str) else json.dumps(value) for key, value in document.items()}
    try:
        read({f"{NAMESPACE}:{key}": value for key, value in raw.items()})
    except SettingsError as error:
        for problem in error.problems:
            yield problem.subject.removeprefix(f"{NAMESPACE}:"), f"{problem.wrong}; {problem.why}"
    for index, cluster in enumerate(inputs["clusters"]):
        if cluster["platform"] == Platform.EXISTING and "kubeconfig" not in cluster.get("settings", {}):
            yield f"clusters[{index}].settings.kubeconfig", "is missing; a cluster that exists is reached with it"
    if inputs.get("kind") is None and any(cluster["platform"] == Platform.KIND for cluster in inputs["clusters"]):
        yield "kind", "is missing; clusters of platform kind are made with it"


def _cluster(index: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """A cluster as settings write it."""
    own, platform = given.get("settings", {}), given["platform"]
    written = {key: given[key] for key in ("name", "role", "network", "platform")}
    known = {key: value for key, value in own.items() if not isinstance(value, pulumi.Output | Unknown)}
    if platform == Platform.KIND:
        return written | {key: known[key] for key in ("podCidr", "serviceCidr", "nodeImage") if key in known}
    if platform == Platform.EXISTING:
        address = {"apiServer": known.get("apiServer", _LATER)} if "apiServer" in own else {}
        return written | address | {"kubeconfig": f"of clusters[{index}], known later"}
    return written | {platform: own}
