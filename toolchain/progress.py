"""Shows how the builds go: a live table on a terminal, plain lines elsewhere."""

import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

STILL_EVERY_SECONDS = 60.0
"""A plain log says at least this often what is being made; some CI systems end a silent job."""
REFRESHES_PER_SECOND = 4
SHOWN_FINISHED = 5


def listener(to: TextIO | None = None) -> "Progress":
    """The display that fits the stream; standard error if none is given."""
    stream = sys.stderr if to is None else to
    live = stream.isatty() and os.environ.get("TERM", "") != "dumb"
    return LiveTable(stream) if live else PlainLines(stream)


def duration(seconds: float) -> str:
    """``7.2`` → ``7 s``, ``75`` → ``1:15 min``."""
    return f"{int(seconds)} s" if seconds < 60 else f"{int(seconds // 60)}:{int(seconds % 60):02} min"


class Progress(ABC):
    """What is running, since when, and how many are left; subclasses show it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.guard = threading.RLock()
        self.begun: dict[str, float] = {}
        self.blocked: set[str] = set()
        self.ended: list[tuple[str, str]] = []
        """Name and outcome, in the order of their ends."""
        self.left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def planned(self, names: Sequence[str], finished: Sequence[str]) -> None:
        """What is to be made, and what was there already."""
        self.left = len(names)
        if names:
            self.note(f"{len(names)} parts to make, {len(finished)} there already: {', '.join(names)}")

    def started(self, name: str) -> None:
        """The work on ``name`` began."""
        with self.guard:
            self.begun[name] = time.monotonic()

    def waiting(self, name: str) -> None:
        """Another run is making ``name``; this one waits for it."""
        with self.guard:
            self.blocked.add(name)

    def finished(self, name: str) -> None:
        """``name`` is there."""
        self._end(name, "done")

    def failed(self, name: str, error: BaseException) -> None:
        """``name`` could not be made."""
        self._end(name, "failed")

    def _end(self, name: str, outcome: str) -> None:
        with self.guard:
            took = time.monotonic() - self.begun.pop(name, time.monotonic())
            self.blocked.discard(name)
            self.left -= 1
            self.ended.append((name, f"{outcome} in {duration(took)}"))

    @abstractmethod
    def note(self, text: str) -> None:
        """Say something beside the builds."""


class PlainLines(Progress):
    """One line when something begins, ends or takes long."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.stop = threading.Event()
        self.ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self.ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.ticker.join()

    def started(self, name: str) -> None:
        """Say that the work on ``name`` began."""
        super().started(name)
        self.note(f"{name}: begun")

    def waiting(self, name: str) -> None:
        """Say that another run is making ``name``."""
        super().waiting(name)
        self.note(f"{name}: another run is making it; waiting for that one")

    def _end(self, name: str, outcome: str) -> None:
        with self.guard:
            super()._end(name, outcome)
            self.note(f"{name}: {self.ended[-1][1]}, {self.left} left")

    def note(self, text: str) -> None:
        """Say something beside the builds."""
        with self.guard:
            self.stream.write(f"[tools] {text}\n")
            self.stream.flush()

    def _tick(self) -> None:
        while not self.stop.wait(STILL_EVERY_SECONDS):
            self.tell_running()

    def tell_running(self) -> None:
        """Say what is being made, and for how long already."""
        with self.guard:
            now = time.monotonic()
            running = [f"{name} ({duration(now - since)})" for name, since in self.begun.items()]
            if running:
                self.note(f"still at {', '.join(running)}; {self.left} left")


class LiveTable(Progress):
    """A table that is drawn again as things go; NO_COLOR is respected."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.console = Console(file=stream)
        self.live = Live(
            console=self.console, get_renderable=self.table, refresh_per_second=REFRESHES_PER_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        self.live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.__exit__(None, None, None)

    def note(self, text: str) -> None:
        """Say something beside the builds."""
        self.console.print(text, highlight=False, markup=False)

    def table(self) -> RenderableType:
        """The last few that ended, what is running, and how many are left."""
        with self.guard:
            if not self.begun and not self.left:
                return ""
            table = Table(box=None, show_header=False, pad_edge=False)
            for name, outcome in self.ended[-SHOWN_FINISHED:]:
                mark = "[green]✓[/]" if outcome.startswith("done") else "[red]✗[/]"
                table.add_row(mark, escape(name), outcome)
            now = time.monotonic()
            for name, since in self.begun.items():
                state = "waiting for another run" if name in self.blocked else duration(now - since)
                table.add_row("•", escape(name), state)
            table.add_row("", f"{self.left} left", "", style="bold")
            return table
