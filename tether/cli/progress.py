"""Progress of something that takes its time: a line on standard error for each step that is not over at once."""

import threading
import time
from types import TracebackType

from tether.cli.talk import say

PATIENCE = 2.0
"""Seconds; a step that takes no longer is not worth a line."""


class Progress:
    """Says what is being done, once it has been done for a while."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._began = time.monotonic()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def say(self, message: str) -> None:
        """Begin a step."""
        self.end()
        self._timer = threading.Timer(self._patience, self._print, [message])
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """End the step."""
        if self._timer is not None:
            self._timer.cancel()

    def _print(self, message: str) -> None:
        say(f"[{time.monotonic() - self._began:3.0f} s] {message}")
