"""What the engine recorded of a stack, as its file backend keeps it."""

import json
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

BOOKKEEPING = ".pulumi"
"""Folder of the engine's own in a file backend (pulumi/pulumi pkg/backend/diy, backend.go)."""


def state(folder: Path, project: str, stack: str) -> dict[str, Any] | None:
    """A stack's state as ``pulumi stack export`` gives it; None where there is none that can be read.

    Args:
        folder: The engine's own, :data:`BOOKKEEPING` included.
        project: Pulumi's project name.
        stack: The stack's name.
    """
    try:
        content = json.loads((folder / "stacks" / project / f"{stack}.json").read_text())
        return {"version": content["version"], "deployment": content["checkpoint"]["latest"] or {}}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def resources(folder: Path, project: str, stack: str) -> list[dict[str, Any]]:
    """What a stack holds, secrets as the engine encrypted them; empty where there is nothing that can be read.

    Args:
        folder: As for :func:`state`.
        project: The same.
        stack: The same.
    """
    deployment = cast("dict[str, Any]", (state(folder, project, stack) or {}).get("deployment") or {})
    return cast("list[dict[str, Any]]", deployment.get("resources") or [])


def outputs(folder: Path, project: str, stack: str) -> dict[str, Any]:
    """A stack's outputs, in the same way; empty where there are none."""
    own = [one for one in resources(folder, project, stack) if one.get("type") == "pulumi:pulumi:Stack"]
    return cast("dict[str, Any]", own[0].get("outputs") or {}) if own else {}


def folder_of(url: str) -> Path | None:
    """The engine's own folder in a backend; None where that is no folder of this machine.

    Args:
        url: Of the backend, as ``PULUMI_BACKEND_URL`` has it.
    """
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) / BOOKKEEPING if parts.scheme == "file" and not parts.netloc else None
