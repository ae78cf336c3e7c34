"""Errors that leave the provider."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tether_provider.resource import Wire


class ProviderError(Exception):
    """An expected failure; its text is the whole message that the user reads."""


class CancelledError(ProviderError):
    """The engine asked to stop."""


class PartialError(ProviderError):
    """A create failed, and what it made was kept on purpose; the engine keeps it in the state.

    Attributes:
        resource_id: ID of what exists.
        outputs: what is known of it.
    """

    def __init__(self, message: str, resource_id: str, outputs: "Wire") -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.outputs = outputs
