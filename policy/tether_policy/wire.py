"""Reads resources as the engine sends them: which values are secret, and which are not known yet."""

from collections.abc import Mapping
from typing import Any, cast

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key by which a value says what it is (pulumi/pulumi sdk/go/common/resource/properties.go)."""
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, no secret
UNKNOWNS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421", "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58", "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)  # fmt: skip
"""What stands for a value that only the update will know, one for each kind of value
(pulumi/pulumi sdk/go/common/resource/plugin/rpc.go)."""
_NOTHING = object()


def opened(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of a resource, secrets opened, unknown ones left out."""
    return cast("dict[str, Any]", _read(dict(properties), secrets=True))


def without_secrets(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of a resource without those that are secret or unknown."""
    return cast("dict[str, Any]", _read(dict(properties), secrets=False))


def _read(value: Any, *, secrets: bool) -> Any:
    if isinstance(value, list):
        read = (_read(inner, secrets=secrets) for inner in cast("list[Any]", value))
        return [inner for inner in read if inner is not _NOTHING]
    if not isinstance(value, dict):
        whole = isinstance(value, float) and value.is_integer()
        return int(value) if whole else _NOTHING if value in UNKNOWNS else value
    found = cast("dict[str, Any]", value)
    if SIGNATURE in found:
        is_open = found[SIGNATURE] == SECRET and secrets
        return _read(found.get("value"), secrets=secrets) if is_open else _NOTHING
    read = {key: _read(inner, secrets=secrets) for key, inner in found.items()}
    return {key: inner for key, inner in read.items() if inner is not _NOTHING}
