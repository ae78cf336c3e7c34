"""The provider's schema, for ``pulumi import``, ``pulumi package`` and tools that list resources."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tether_provider.resource import Resource, Wire, wire_names

_PLAIN = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


def render(resources: Iterable[Resource[Any, Any]], version: str) -> str:
    """The schema as JSON, in the engine's own format (Pulumi package schema)."""
    return json.dumps(
        {
            "name": "tether",
            "version": version,
            "description": "kind clusters, CA material, readiness gates and verification of an Istio mesh",
            "resources": {resource.token: _describe(resource) for resource in resources},
        }
    )


def joined(resources: str, components: Mapping[str, Any]) -> str:
    """The schema of resources, and of components beside them."""
    mine = json.loads(resources)
    return json.dumps({**components, **mine, "resources": {**mine["resources"], **components["resources"]}})


def _describe(resource: Resource[Any, Any]) -> dict[str, Any]:
    inputs = _properties(resource.inputs_type)
    return {
        "description": resource.description,
        "inputProperties": inputs,
        "requiredInputs": _required(resource.inputs_type),
        "properties": {**inputs, **_properties(resource.outputs_type)},
        "required": _required(resource.outputs_type),
    }


def _required(model: type[Wire]) -> list[str]:
    return list(model.model_json_schema(by_alias=True).get("required", []))


def _properties(model: type[Wire]) -> dict[str, Any]:
    described = model.model_json_schema(by_alias=True)["properties"]
    secret, replacing = set(wire_names(model, "secret")), set(wire_names(model, "replaces"))
    properties: dict[str, Any] = {}
    for name, field in described.items():
        properties[name] = _type(field)
        if "description" in field:
            properties[name]["description"] = field["description"]
        if name in secret:
            properties[name]["secret"] = True
        if name in replacing:
            properties[name]["willReplaceOnChanges"] = True
    return properties


def _type(field: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    kind = options[0].get("type", "object")
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind == "array":
        return {"type": "array", "items": _type(options[0].get("items", {}))}
    return {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}}
