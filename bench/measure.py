"""Clocks and memory, read off the machine."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MEMORY = Path("/proc/meminfo")
SAMPLE_SECONDS = 0.5


@dataclass(kw_only=True)
class Reading:
    """What one measured stretch took."""

    seconds: float = 0.0
    peak_mib: float = 0.0
    """Most memory in use on the machine during the stretch, less what was in use before it."""
    steps: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds by step, where the stretch has steps."""


def used_mib(meminfo: Path = MEMORY) -> float:
    """Memory in use on the machine in MiB: total less available (Linux, proc_meminfo)."""
    values = dict(line.split(":") for line in meminfo.read_text().splitlines())
    total, available = (int(values[key].split()[0]) for key in ("MemTotal", "MemAvailable"))
    return (total - available) / 1024


@contextmanager
def reading() -> Generator[Reading]:
    """Measure a block: wall time and the machine's peak memory."""
    result = Reading()
    before = used_mib()
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            result.peak_mib = max(result.peak_mib, used_mib() - before)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    start = time.monotonic()
    try:
        yield result
    finally:
        result.seconds = time.monotonic() - start
        stop.set()
        sampler.join()
