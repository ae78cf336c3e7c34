"""The stack file of an environment: another stack's, with as many remotes as are wanted."""

from collections.abc import Mapping
from typing import Any, cast

import yaml

from tether.topology import POOL_LIMIT

MOST_REMOTES = POOL_LIMIT - 1
"""As many clusters as there are pools of addresses, the primary aside."""
_CLUSTERS = "clusters"


def read(text: str) -> dict[str, Any]:
    """Read a stack file.

    Raises:
        ValueError: it is none; the text says why.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"is no valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict) or not isinstance(cast("dict[str, Any]", document).get("config"), dict):
        raise ValueError("has no mapping config, as a stack file has")  # noqa: TRY004 - of a text, not of a type
    return cast("dict[str, Any]", document)


def has_secrets(text: str) -> bool:
    """Whether parts of it are encrypted, with the passphrase of whoever wrote it."""
    return "encryptionsalt:" in text and "secure:" in text


def with_remotes(document: Mapping[str, Any], remotes: int, *, project: str, declared: object) -> dict[str, Any]:
    """The same stack file with a number of remotes: those that it lists come first, kind clusters after them.

    Args:
        document: what :func:`read` read.
        remotes: how many.
        project: Pulumi's project name, the namespace of the settings.
        declared: the clusters that Pulumi.yaml lists, for a file that lists none.
    """
    config: dict[str, Any] = dict(document["config"])
    key = next((name for name in (f"{project}:{_CLUSTERS}", _CLUSTERS) if name in config), f"{project}:{_CLUSTERS}")
    listed = [dict(one) for one in cast("list[dict[str, Any]]", config.get(key) or declared or [])]
    others = [one for one in listed if one.get("role") != "remote"]
    chosen = [one for one in listed if one.get("role") == "remote"][:remotes]
    for number in range(2, 2 + 2 * MOST_REMOTES):
        if len(chosen) >= remotes:
            break
        name, network = f"cluster{number}", f"network{number}"
        if all(name != one.get("name") and network != one.get("network") for one in [*others, *chosen]):
            chosen.append({"name": name, "role": "remote", "network": network})
    return {**document, "config": {**config, key: [*others, *chosen]}}


def write(document: Mapping[str, Any]) -> str:
    """The text of a stack file."""
    return yaml.safe_dump(dict(document), sort_keys=False)
