"""What every resource of the provider has: typed inputs and outputs, and six verbs."""

import difflib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

import pydantic
from pydantic.alias_generators import to_camel

from tether_provider.log import ResourceLog


class Wire(pydantic.BaseModel):
    """Properties as they travel: snake_case here, camelCase on the wire, nothing unknown.

    A field's ``json_schema_extra`` may say ``secret`` (encrypted in the state) and
    ``replaces`` (a change needs a new resource).
    """

    # Building every validator at import would cost a fifth of a second of each preview.
    model_config = pydantic.ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, defer_build=True
    )

    def to_wire(self) -> dict[str, Any]:
        """Plain values by wire name, without nulls."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


SECRET: dict[str, Any] = {"secret": True}
REPLACES: dict[str, Any] = {"replaces": True}

Inputs = TypeVar("Inputs", bound=Wire)
Outputs = TypeVar("Outputs", bound=Wire)


def wire_names(model: type[Wire], marker: str | None = None) -> list[str]:
    """Wire names of a model's fields; only those with ``marker`` if one is given."""
    return [
        to_camel(name)
        for name, field in model.model_fields.items()
        if marker is None or marker in cast("dict[str, Any]", field.json_schema_extra or {})
    ]


def defaults(model: type[Wire]) -> dict[str, Any]:
    """Plain default values by wire name, without nulls and required fields."""
    values = {
        to_camel(name): field.get_default(call_default_factory=True, validated_data={})
        for name, field in model.model_fields.items()
        if not field.is_required()
    }
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True)
class Failure:
    """One input that cannot be accepted."""

    field: str
    """Wire name."""
    reason: str


@dataclass(frozen=True)
class Operation:
    """What a verb gets besides properties."""

    urn: str
    log: ResourceLog
    cancel: threading.Event
    """Set when the engine asks to stop."""
    timeout: float
    """Seconds that the program gave (``customTimeouts``), 0 if it gave none."""

    def limit(self, seconds: float) -> float:
        """The shorter of the resource's own time limit and the program's."""
        return min(seconds, self.timeout) if self.timeout > 0 else seconds


@dataclass(frozen=True)
class Found(Generic[Outputs]):
    """What a read found."""

    outputs: Outputs
    inputs: dict[str, Any] | None = None
    """Wire inputs that would make it again; for an import only."""


class Resource(ABC, Generic[Inputs, Outputs]):
    """One resource type. Verbs run in threads, so they may block."""

    token: ClassVar[str]
    description: ClassVar[str]
    inputs_type: type[Inputs]
    outputs_type: type[Outputs]
    delete_before_replace: ClassVar[bool] = False

    def check(self, inputs: Mapping[str, Any]) -> Iterable[Failure]:
        """Look at inputs that are valid one by one; unknown ones are absent."""
        del inputs
        return ()

    def same(self, key: str, old: Any, new: Any, state: Mapping[str, Any]) -> bool:
        """Whether a property's new input means what the state already says."""
        del key, state
        return old == new

    def must_replace(self, state: Mapping[str, Any]) -> str | None:
        """Wire name of an input to blame when what the state describes is not fit to be updated."""
        del state
        return None

    def outdated(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
        """Wire name of an input to blame when what lies outside is no longer what the state says of it.

        An input that ``replaces`` has a new resource made, and the old one removed after it.

        Args:
            operation: where it is told why.
            inputs: the known ones, by wire name.
            state: the old state.
        """
        del operation, inputs, state
        return None

    def rehearse(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> None:
        """Find out at a preview what a create or update would fail at, or should be known before it.

        Args:
            operation: where warnings go.
            inputs: the known ones, by wire name.
            state: the old state for an update, None for a create.

        Raises:
            ProviderError: it would fail, and why.
        """
        del operation, inputs, state

    @abstractmethod
    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """Outputs that a preview can promise; all others are shown as unknown.

        Args:
            inputs: the known ones, by wire name.
            state: the old state for an update, None for a create.
        """

    @abstractmethod
    def create(self, operation: Operation, inputs: Inputs) -> tuple[str, Outputs]:
        """Make it; returns its ID and outputs."""

    @abstractmethod
    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[Outputs] | None:
        """Look at it; None if it is gone. ``state`` is empty for an import."""

    @abstractmethod
    def update(self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: Inputs) -> Outputs:
        """Change it in place."""

    @abstractmethod
    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove it; what is gone already is no error."""

    def outputs_of(self, state: Mapping[str, Any]) -> Outputs:
        """Outputs out of a state, which also holds the inputs."""
        names = set(wire_names(self.outputs_type))
        return self.outputs_type.model_validate({key: value for key, value in state.items() if key in names})


def failures_of(model: type[Wire], known: Mapping[str, Any], unknown: set[str]) -> list[Failure]:
    """Everything that is wrong with inputs, field by field.

    Args:
        model: what the inputs must be.
        known: plain values by wire name.
        unknown: wire names of values that a preview cannot know.
    """
    try:
        model.model_validate(dict(known))
    except pydantic.ValidationError as error:
        names = wire_names(model)
        return [
            _failure(dict(item), names)
            for item in error.errors(include_url=False, include_input=False)
            if not (item["type"] == "missing" and item["loc"][0] in unknown)
        ]
    return []


def _failure(item: dict[str, Any], names: list[str]) -> Failure:
    location = ".".join(str(part) for part in item["loc"])
    if item["type"] == "missing":
        return Failure(location, "is missing")
    if item["type"] == "extra_forbidden":
        close = difflib.get_close_matches(location, names, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(names)}"
        return Failure(location, f"is not known{hint}")
    return Failure(location, str(item["msg"]).removeprefix("Value error, "))
