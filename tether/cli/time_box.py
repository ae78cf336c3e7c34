"""Ends an engine whose time is over, in good order as long as it lets itself be ended so."""

import contextlib
import os
import signal
import subprocess
import time

from tether.cli.talk import warn

PATIENCE = (60.0, 20.0)
"""Seconds that the engine gets after the first SIGINT (cancel and record) and after the second (stop at once)."""


def wait(
    child: subprocess.Popen[str], deadline: float | None, patience: tuple[float, ...] = PATIENCE
) -> tuple[int, bool]:
    """Wait for the engine; cancel it once its time is over.

    It has no time-out of its own. The first SIGINT has it cancel what its plugins do and record that, the second has
    it stop and leave operations pending, which the next run mends (tether.cli.recovery).

    Args:
        child: the engine.
        deadline: moment of the monotonic clock; None: it may take for ever.
        patience: seconds after each SIGINT; after the last it is killed.

    Returns:
        Its exit code, and whether its time was over.
    """
    if deadline is None:
        return child.wait(), False
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(max(0.0, deadline - time.monotonic())), False
    for asked, seconds in enumerate(patience):
        warn("its time is over; cancelling" if asked == 0 else "it does not end; stopping it at once")
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(seconds), True
    child.kill()
    return child.wait(), True
