"""Makes artefacts in the order of their needs, as many at a time as is really faster."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol

from toolchain import golang, shell
from toolchain.store import Artefact, Store

WORKERS = 4
WAKE_SECONDS = 0.5
LANES: Mapping[str, int] = {
    # A link is one thread for up to a minute; a second build fills the other core meanwhile.
    golang.LANE: max(2, (os.cpu_count() or 2) // 2),
    # Waits for the network and the disk, hardly for the processor.
    "debian": 2,
}


class Listener(Protocol):
    """Hears how the work goes; called from several threads."""

    def planned(self, names: Sequence[str], finished: Sequence[str]) -> None:
        """What is to be made, and what was there already."""
        ...

    def started(self, name: str) -> None:
        """The build of ``name`` began."""
        ...

    def waiting(self, name: str) -> None:
        """Another run is building ``name``; this one waits for it."""
        ...

    def finished(self, name: str) -> None:
        """``name`` is there."""
        ...

    def failed(self, name: str, error: BaseException) -> None:
        """``name`` could not be made."""
        ...


class BuildError(Exception):
    """An artefact could not be made."""

    def __init__(self, name: str, cause: BaseException) -> None:
        super().__init__(
            f"{name}: could not be built — {cause}\n"
            "Everything finished so far is kept; once the cause is mended, go on with: make tools"
        )
        self.name = name


def realise(wanted: Iterable[Artefact], store: Store, listener: Listener) -> dict[str, Path]:
    """Make everything wanted and what it needs; the first wanted begins first.

    Returns:
        Folder by artefact name.

    Raises:
        BuildError: one of them failed; what was running beside it is ended.
    """
    order = list(closure(wanted))
    missing = [artefact for artefact in order if not store.has(artefact)]
    listener.planned([each.name for each in missing], [each.name for each in order if each not in missing])
    if missing:
        _Run(store, listener, missing).work()
    return {artefact.name: store.path(artefact) for artefact in order}


def closure(wanted: Iterable[Artefact]) -> Iterator[Artefact]:
    """What is wanted and all that it needs, needs first, each once."""
    seen: set[Artefact] = set()

    def visit(artefact: Artefact) -> Iterator[Artefact]:
        if artefact in seen:
            return
        seen.add(artefact)
        for need in artefact.needs:
            yield from visit(need)
        yield artefact

    for artefact in wanted:
        yield from visit(artefact)


class _Run:
    """One pass over the missing artefacts."""

    def __init__(self, store: Store, listener: Listener, missing: list[Artefact]) -> None:
        self.store, self.listener = store, listener
        self.waiting = missing
        self.running: dict[Future[Path], Artefact] = {}

    def work(self) -> None:
        try:
            with ThreadPoolExecutor(WORKERS) as pool:
                self._work(pool)
        finally:
            shell.resume()

    def _work(self, pool: ThreadPoolExecutor) -> None:
        try:
            while self.waiting or self.running:
                self._start_ready(pool)
                # With a time-out: a signal that comes just before an endless wait begins would not end it.
                done, _ = wait(self.running, timeout=WAKE_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(future)
        except BaseException:
            # Also Ctrl-C: without this the pool would wait for minutes of compiling.
            shell.stop_all()
            raise

    def _start_ready(self, pool: ThreadPoolExecutor) -> None:
        unfinished = {*self.waiting, *self.running.values()}
        for artefact in list(self.waiting):
            if len(self.running) >= WORKERS:
                return
            lane = [each for each in self.running.values() if each.lane == artefact.lane]
            full = bool(artefact.lane) and len(lane) >= LANES[artefact.lane]
            if not full and not unfinished.intersection(artefact.needs):
                self.waiting.remove(artefact)
                self.running[pool.submit(self._make, artefact)] = artefact

    def _make(self, artefact: Artefact) -> Path:
        self.listener.started(artefact.name)
        return self.store.obtain(artefact, lambda: self.listener.waiting(artefact.name))

    def _settle(self, future: Future[Path]) -> None:
        artefact = self.running.pop(future)
        error = future.exception()
        if error:
            self.listener.failed(artefact.name, error)
            raise BuildError(artefact.name, error)
        self.listener.finished(artefact.name)
