"""Puts labels on every object of a manifest, and on the pods that it will make; everything else stays as it is.

``python -m tether.labelling '{"team": "mesh"}' < manifest`` is what Helm calls after rendering a chart: neither
Istio's charts nor MetalLB's have a value that would reach all of their objects.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

_POD_TEMPLATES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet"), (("spec", "template"),)),
    "CronJob": (("spec", "jobTemplate"), ("spec", "jobTemplate", "spec", "template")),
}
"""By kind: what else has metadata for objects to come."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def labelled(manifest: str, labels: Mapping[str, str]) -> str:
    """Give a manifest's objects labels; those that an object has already stay.

    The text is not written anew but added to, so that no value can change its type or its form on the way.

    Raises:
        yaml.YAMLError: the manifest is no YAML.
    """
    edits: dict[int, tuple[int, str]] = {}
    for document in yaml.compose_all(manifest, Loader=_LOADER):
        for metadata in _all_metadata(document):
            start, end, text = _edit(metadata, labels)
            edits[start] = (end, text)
    result: list[str] = []
    done = 0
    for start, (end, text) in sorted(edits.items()):
        result += [manifest[done:start], text]
        done = end
    return "".join([*result, manifest[done:]])


def _all_metadata(document: Any) -> Iterator[yaml.MappingNode]:
    """Metadata of an object and of the pods that it makes, or of every object of a list."""
    kind = _inner(document, ("kind",))
    name = str(kind.value) if isinstance(kind, yaml.ScalarNode) else ""
    items = _inner(document, ("items",))
    if name.endswith("List") and isinstance(items, yaml.SequenceNode):
        for item in cast("list[Any]", items.value):
            yield from _all_metadata(item)
        return
    for place in ((), *_POD_TEMPLATES.get(name, ())):
        metadata = _inner(document, (*place, "metadata"))
        if isinstance(metadata, yaml.MappingNode) and metadata.value:
            yield metadata


def _inner(node: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for key, value in _entries(node) if key.value == part), None)
    return node


def _entries(node: yaml.MappingNode) -> list[tuple[Any, Any]]:
    return cast("list[tuple[Any, Any]]", node.value)


def _edit(metadata: yaml.MappingNode, labels: Mapping[str, str]) -> tuple[int, int, str]:
    """What to write between which two places of the text."""
    found = _inner(metadata, ("labels",))
    if found is None:
        return _first_in(metadata, {"labels": dict(labels)})
    if not isinstance(found, yaml.MappingNode):
        start: int = found.start_mark.index
        return start, found.end_mark.index, " " + json.dumps(dict(labels))
    present = {key.value for key, _ in _entries(found)}
    return _first_in(found, {key: value for key, value in labels.items() if key not in present})


def _first_in(node: yaml.MappingNode, entries: Mapping[str, Any]) -> tuple[int, int, str]:
    """Write entries in front of those that a mapping has; they are quoted, so their text is the same in both styles."""
    written = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items()]
    if node.flow_style:
        inside: int = node.start_mark.index + 1
        return inside, inside, "".join(f"{entry}, " for entry in written)
    mark = _entries(node)[0][0].start_mark
    return mark.index, mark.index, "".join(f"{entry}\n{' ' * mark.column}" for entry in written)


if __name__ == "__main__":
    sys.stdout.write(labelled(sys.stdin.read(), json.loads(sys.argv[1])))
