"""The reference page of the stack's outputs, written from the document that holds them.

``python -m tether.cli.outputs_page`` prints it.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

from tether.cli.mesh_document import OUTPUTS, Address, MeshDocument
from tether.document import schema

_INTRODUCTION = """\
# Stack outputs

`pulumi stack output --json` gives them all. `tether up --output json` ([kind `mesh`](output.md)) gives the same without
`kubeconfigs` and `readme`, and `daysLeft` beside them: whole days as of the command, which is why no output holds them.

This page is written from the code (`python -m tether.cli.outputs_page`), and a test holds them equal.

| output | type | what it is |
|---|---|---|
"""

BESIDE: Mapping[str, tuple[str, str]] = {
    "kubeconfigs": ("map of string", "Kubeconfig of every cluster for this machine, by cluster ID; **secret**."),
    "readme": ("string", "A page about the mesh, Markdown; Pulumi Cloud shows it."),
}
"""Outputs that are in no document: their type, and what they are."""
_LIST, _MAP = "list of ", "map of "


def render() -> str:
    """The page as Markdown."""
    whole = schema(MeshDocument)
    outputs = {name: whole["properties"][name] for name in OUTPUTS}
    beside = (f"| `{name}` | {kind} | {told} |\n" for name, (kind, told) in BESIDE.items())
    return "".join([_INTRODUCTION, *_rows(outputs), *beside, *_objects(outputs, whole["$defs"])])


def _objects(outputs: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """A table for every object in an output, under the output's name, and one for what they have in common."""
    named = {name: _type(entry) for name, entry in outputs.items()}
    titles = {kind.removeprefix(_LIST): name + "[]" * kind.startswith(_LIST) for name, kind in named.items()}
    for kind, title in {**titles, Address.__name__: Address.__name__}.items():
        if model := definitions.get(kind):
            yield f"\n## {title}\n\n{model['description']}\n\n| field | type | what it is |\n|---|---|---|\n"
            yield from _rows(model["properties"])


def _rows(properties: Mapping[str, Any]) -> Iterator[str]:
    return (
        f"| `{name}` | {_type(entry)} | {' '.join(entry['description'].split())} |\n"
        for name, entry in properties.items()
    )


def _type(entry: Mapping[str, Any]) -> str:
    """The type of a schema's entry in words; what may be null says so in its description."""
    if "anyOf" in entry:
        return _type(next(choice for choice in entry["anyOf"] if choice.get("type") != "null"))
    if "$ref" in entry:
        return str(entry["$ref"].rpartition("/")[2])
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    inner = entry.get("items") or entry.get("additionalProperties")
    if not isinstance(inner, dict):
        return str(entry["type"])
    return f"{_LIST if entry['type'] == 'array' else _MAP}{_type(cast('dict[str, Any]', inner))}"


if __name__ == "__main__":
    sys.stdout.write(render())
