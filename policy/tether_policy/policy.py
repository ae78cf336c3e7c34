"""What a policy is: words, options and a pure function over what a program declares."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from tether.errors import Problem
from tether.settings.base import mapping

PROJECT = "tether"
"""Namespace of the settings that messages name; a renamed project takes it too."""


class Level(StrEnum):
    """What a violation does, in Pulumi's own words."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource as the engine is about to make it."""

    type: str
    """Type token."""
    name: str
    urn: str
    inputs: Mapping[str, Any]
    """Plain values, secrets opened; a value that is not known yet is left out."""
    open_inputs: Mapping[str, Any]
    """The same without what is secret."""
    protect: bool = False

    @property
    def stack(self) -> str:
        """Name of the stack that it belongs to."""
        return self.urn.split("::")[0].rpartition(":")[2]


@dataclass(frozen=True, kw_only=True)
class Option:
    """A value that a policy takes from the pack's configuration."""

    name: str
    schema: Mapping[str, Any]
    """JSON schema, with its default."""
    says: str

    @property
    def default(self) -> Any:
        """What holds when the configuration says nothing."""
        return self.schema["default"]


Options = Mapping[str, Any]
Violation = tuple[str, Problem]
"""URN of the resource that it is about, and what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One guardrail. Just one of ``of_resource`` and ``of_stack`` is there."""

    name: str
    title: str
    """What must hold."""
    why: str
    looks_at: str
    """Which resources, in a reader's words."""
    same_rule: Sequence[str] = ()
    """Functions and models that settings are checked with too; none where there is no such setting."""
    level: Level = Level.MANDATORY
    options: Sequence[Option] = field(default=())
    of_resource: Callable[[Declared, Options], Iterator[Problem]] | None = None
    of_stack: Callable[[Sequence[Declared], Options], Iterator[Violation]] | None = None

    def chosen(self, configured: Options | None) -> Options:
        """Every option: as configured, else its default."""
        return {**{option.name: option.default for option in self.options}, **(configured or {})}


def inner(document: Any, *path: str) -> Any:
    """A value inside of objects; None where there is none."""
    for part in path:
        document = mapping(document).get(part)
    return document


def listed(document: Any, key: str) -> list[Any]:
    """A list inside of an object; empty where there is none."""
    found = inner(document, key)
    return cast("list[Any]", found) if isinstance(found, list) else []
