"""What containers, networks and volumes of an environment say of themselves, so that losing its file loses nothing.

kind sets no labels of its user's. The provider reads them from a variable of its environment and sees to it that the
container runtime gets them (``tether_provider.labelled``).
"""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from tether.environments.owner import Owner
from tether.environments.registry import NAME, Entry, Phase

VARIABLE = "TETHER_CONTAINER_LABELS"
"""A JSON object of labels, for the provider."""
PREFIX = "tether-env."
NAME_LABEL = f"{PREFIX}name"
_NEVER = "never"


def of(entry: Entry) -> dict[str, str]:
    """Labels of an environment as it is when it is made; what changes later stands in its file alone."""
    fields = {
        "name": entry.name,
        "user": entry.owner.user,
        "host": entry.owner.host,
        "process": str(entry.owner.process or ""),
        "process-start": entry.owner.started,
        "created": entry.created.isoformat(),
        "expires": entry.expires.isoformat() if entry.expires else _NEVER,
        "folder": str(entry.folder),
        "checkout": str(entry.checkout),
    }
    return {f"{PREFIX}{key}": value for key, value in fields.items()}


def read(labels: Mapping[str, str]) -> Entry | None:
    """The environment that labels tell of; None where they tell of none."""
    said = {key.removeprefix(PREFIX): value for key, value in labels.items() if key.startswith(PREFIX)}
    try:
        process = int(said["process"]) if said.get("process") else None
        owner = Owner(
            user=said["user"], host=said["host"], process=process, started=said.get("process-start", "")
        )  # fmt: skip
        expires = None if said["expires"] == _NEVER else datetime.datetime.fromisoformat(said["expires"])
        if not NAME.fullmatch(said["name"]):
            return None
        return Entry(
            name=said["name"], owner=owner, created=datetime.datetime.fromisoformat(said["created"]), expires=expires,
            folder=Path(said["folder"]), checkout=Path(said["checkout"]), phase=Phase.LOST,
        )  # fmt: skip
    except (KeyError, ValueError):
        return None


def encode(labels: Mapping[str, str]) -> str:
    """Labels as the value of the variable."""
    return json.dumps(dict(labels), sort_keys=True)


def decode(value: str) -> dict[str, str]:
    """Labels out of the value of the variable; an empty one holds none.

    Raises:
        ValueError: it is no JSON object of texts.
    """
    if not value.strip():
        return {}
    labels: object = json.loads(value)
    if not isinstance(labels, dict):
        raise ValueError(f"{VARIABLE} is no JSON object")  # noqa: TRY004 - of a text, not of a type
    return {str(key): str(text) for key, text in cast("dict[object, object]", labels).items()}
