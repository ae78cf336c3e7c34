"""The reference page of the settings, written from the settings themselves.

``python -m tether.settings.page > docs/reference/settings.md``
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from tether import helm_values, kubernetes_labels
from tether.settings.clouds import CLOUDS
from tether.settings.credential import RemoteCredential, RemoteCredentialSettings
from tether.settings.exposure import ClusterExposure, ExposureSettings
from tether.settings.istio import IstioSettings
from tether.settings.models import AuthoritySettings, ClusterSettings, HelmValues, Settings
from tether.settings.node_ports import NodePorts

_INTRODUCTION = """\
# Settings

Keys of the stack file (`stacks/Pulumi.<stack>.yaml`), each with the prefix `tether:`. Set one with
`pulumi config set tether:KEY VALUE`, a nested one with `pulumi config set --path 'tether:KEY.INNER' VALUE`. Unknown
keys are refused, with a suggestion where one is near; all mistakes are told at once, before anything is created.

This page is written from the code (`python -m tether.settings.page`), and a test holds them equal. So is the JSON
schema of the settings, [settings.schema.json](settings.schema.json) (`tether schema`). What is in force, and where each
value comes from, is shown by `tether settings show`.
"""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in sorted(words))


_HELM_VALUES = f"""
Objects are merged, anything else is replaced: a cluster's values over the mesh's over Tether's own. These keys are
refused, with everything below them. Free in clusters of another platform than `kind`:
{_listed(helm_values.ADDRESS_KEYS)}.
"""
_LABELS = f"""
## labels

`labels` maps keys to values as Kubernetes takes them. Refused are the keys that have a meaning already: those of the
domains {_listed(kubernetes_labels.RESERVED_DOMAINS)}
and below them, `istio/…`, and
{_listed(kubernetes_labels.RESERVED_NAMES)}.
What gets the labels and how: [how-to](../how-to/escape-hatches.md).
"""


def render() -> str:
    """The page as Markdown."""
    return "\n".join(
        [
            _INTRODUCTION,
            *_table(Settings),
            "\n## istio\n",
            *_table(IstioSettings),
            "\nWhat follows from it: [how-to](../how-to/use-a-revision.md).",
            "\n## clusters[]\n",
            *_table(ClusterSettings),
            *(line for cloud, model in CLOUDS.items() for line in (f"\n## clusters[].{cloud}\n", *_table(model))),
            "\n## certificateAuthority\n",
            *_table(AuthoritySettings),
            "\n## exposure\n",
            *_table(ExposureSettings),
            "\n## exposure.nodePorts\n",
            *_table(NodePorts),
            "\n## clusters[].exposure\n",
            *_table(ClusterExposure),
            "\n## remoteCredential\n",
            *_table(RemoteCredentialSettings),
            "\n## clusters[].remoteCredential\n",
            *_table(RemoteCredential),
            "\n## helmValues, clusters[].helmValues\n",
            *_table(HelmValues),
            _HELM_VALUES,
            *_owned(),
            _LABELS,
        ]
    )


def _owned() -> list[str]:
    rows = [
        f"| {chart} | {', '.join(f'`{key}`' for key in keys)} | {reason} |"
        for chart, groups in helm_values.OWNED.items()
        for reason, keys in groups.items()
    ]
    return ["| chart | keys | why |", "|---|---|---|", *rows]


def _table(model: type[BaseModel]) -> list[str]:
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    rows = [
        f"| `{key}` | {_type(entry, schema.get('$defs', {}))} | {_default(key, entry, schema)} "
        f"| {entry.get('description', '')} |"
        for key, entry in schema["properties"].items()
    ]
    return ["| key | type | default | what it is |", "|---|---|---|---|", *rows]


def _type(entry: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "anyOf" in entry:
        return _type(next(choice for choice in entry["anyOf"] if choice.get("type") != "null"), definitions)
    if "$ref" in entry:
        return _type(definitions[entry["$ref"].rpartition("/")[2]], definitions)
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    limits = [f"{name} {entry[key]}" for key, name in (("minimum", "from"), ("maximum", "to")) if key in entry]
    return " ".join([entry["type"], *limits])


def _default(key: str, entry: dict[str, Any], schema: dict[str, Any]) -> str:
    if key in schema.get("required", []):
        return "required"
    value = entry.get("default")
    if value is None or isinstance(value, dict | list):
        return "" if not value else "see below"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    sys.stdout.write(render())
