"""Between property values of the engine and plain Python."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc

Properties = dict[str, PropertyValue]

UNKNOWN = PropertyValue(rpc.UNKNOWN)
"""A value that a preview cannot know; the SDK has no constant of its own for marshalling it."""


def is_unknown(value: PropertyValue) -> bool:
    """Whether the value, or anything inside it, is not known yet."""
    inner = value.value
    if isinstance(inner, Computed) or inner == rpc.UNKNOWN:
        return True
    if isinstance(inner, Mapping):
        return any(is_unknown(item) for item in inner.values())
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return any(is_unknown(item) for item in inner)
    return False


def to_python(value: PropertyValue) -> Any:
    """Plain value without secrecy; whole numbers become ``int``, because JSON has one kind of number."""
    inner = value.value
    if isinstance(inner, bool) or inner is None or isinstance(inner, str):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: to_python(item) for key, item in inner.items()}
    if isinstance(inner, Sequence):
        return [to_python(item) for item in inner]
    raise TypeError(f"a property of type {type(inner).__name__} has no meaning here")


def to_map(properties: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Plain values of all properties that are known and not null."""
    return {
        key: to_python(value)
        for key, value in properties.items()
        if not key.startswith("__") and value.value is not None and not is_unknown(value)
    }


def from_python(value: Any, *, secret: bool = False) -> PropertyValue:
    """Property value of plain Python."""
    if value is None or isinstance(value, bool | str | float):
        return PropertyValue(value, is_secret=secret)
    if isinstance(value, int):
        return PropertyValue(float(value), is_secret=secret)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        return PropertyValue({key: from_python(item) for key, item in entries.items()}, is_secret=secret)
    if isinstance(value, Sequence):
        return PropertyValue([from_python(item) for item in cast("Sequence[Any]", value)], is_secret=secret)
    raise TypeError(f"{type(value).__name__} cannot be a property")
