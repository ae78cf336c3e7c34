"""How settings are named, shown and set in messages."""

import difflib
import json
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

MASK = "[secret]"
_SECRET_HINTS = ("kubeconfig", "token", "password", "secret", "privatekey")
_SHOWN_LIMIT = 60


def subject(path: Iterable[int | str], project: str) -> str:
    """Name a setting as ``pulumi config`` does: ``tether:clusters[1].network``."""
    return f"{project}:{_dotted(path)}"


def _dotted(path: Iterable[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def fix(path: Sequence[int | str], example: str, project: str) -> str:
    """Give the command that sets a value; secrets come from a file, never from the command line."""
    option = " --path" if len(path) > 1 else ""
    if str(path[-1]) == "kubeconfig":
        return f"pulumi config set --secret{option} '{subject(path, project)}' < FILE"
    return f"pulumi config set{option} '{subject(path, project)}' {shlex.quote(example) if example else 'VALUE'}"


def remove(path: Sequence[int | str], project: str) -> str:
    """Give the command that takes a value out."""
    option = " --path" if len(path) > 1 else ""
    return f"pulumi config rm{option} '{subject(path, project)}'"


def shown(path: Sequence[int | str], value: Any) -> str:
    """Show a value in a message: short, and never a secret."""
    if isinstance(value, dict | list | tuple):
        return ""
    if is_secret(path, value):
        return MASK
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_LIMIT else f"{text[: _SHOWN_LIMIT - 1]}…"


def is_secret(path: Sequence[int | str], value: Any) -> bool:
    """Whether a value could be a credential, judged by its key and its look."""
    key = str(path[-1]).lower().replace("_", "").replace("-", "")
    near = difflib.get_close_matches(key, _SECRET_HINTS, n=1, cutoff=0.75)
    return bool(near) or any(hint in key for hint in _SECRET_HINTS) or "\n" in str(value)
