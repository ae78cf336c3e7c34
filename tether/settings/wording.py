"""How settings are named, shown and set in messages."""

import difflib
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

MASK = "[secret]"
_SECRET_KEYS = frozenset({"kubeconfig", "caKey"})
_SECRET_HINTS = ("kubeconfig", "token", "password", "secret", "privatekey", "cakey")
_SHOWN_LIMIT = 60


def subject(path: Iterable[int | str], project: str) -> str:
    """Name a setting as ``pulumi config`` does: ``tether:clusters[1].network``."""
    return f"{project}:{_dotted(path)}"


def _dotted(path: Iterable[int | str]) -> str:
    first, *inner = path
    return str(first) + "".join(map(_step, inner))


def _step(part: int | str) -> str:
    """One step of a path as ``pulumi config --path`` reads it."""
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[-\w]+", part) else '["' + part.replace('"', '\\"') + '"]'


def _quoted(path: Iterable[int | str], project: str) -> str:
    return "'" + subject(path, project).replace("'", "'\"'\"'") + "'"


def fix(path: Sequence[int | str], example: str, project: str) -> str:
    """Give the command that sets a value; secrets come from a file, never from the command line."""
    option = " --path" if len(path) > 1 else ""
    if str(path[-1]) in _SECRET_KEYS:
        return encrypt(path, project)
    return f"pulumi config set{option} {_quoted(path, project)} {shlex.quote(example) if example else 'VALUE'}"


def encrypt(path: Sequence[int | str], project: str) -> str:
    """Give the command that sets a value as a secret, out of a file."""
    option = " --path" if len(path) > 1 else ""
    return f"pulumi config set --secret{option} {_quoted(path, project)} < FILE"


def remove(path: Sequence[int | str], project: str) -> str:
    """Give the command that takes a value out."""
    option = " --path" if len(path) > 1 else ""
    return f"pulumi config rm{option} {_quoted(path, project)}"


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
