"""A real Podman that makes a node while the one who asked for it is told to stop."""

import random
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tether_provider import processes
from tether_provider.errors import CancelledError

from tests.e2e.environment import PROJECT, runtime
from tether import parts

RUNS = 12
"""Without care one of four leaves something."""
MOMENTS = (0.05, 0.3)
"""Seconds in which an idle machine makes the network of a node."""


@pytest.fixture
def name() -> Iterator[str]:
    made = f"tether-cut-off-{secrets.token_hex(4)}"
    runtime("network", "create", made)
    yield made
    runtime("rm", "--force", "--volumes", "--time", "0", "--ignore", made)
    runtime("network", "rm", "--force", made)


@pytest.mark.parametrize("number", range(RUNS))
def test_a_node_that_is_cancelled_half_way_leaves_no_bridge(name: str, number: int) -> None:
    chosen = parts.read(PROJECT / parts.FILE)
    bridge = Path("/sys/class/net", "".join(runtime("network", "inspect", "--format", "{{.NetworkInterface}}", name)))
    cancel = threading.Event()
    timer = threading.Timer(random.uniform(*MOMENTS), cancel.set)  # noqa: S311 - a moment, no secret
    # As kind does it: Podman is a child of the program that is told to stop.
    node = f"--name {name} --network {name} --publish 127.0.0.1::6443 --entrypoint sleep {chosen.images.node} 1000"
    command = f"{chosen.container_runtime} run --detach {node}; sleep 60"
    timer.start()
    try:
        with pytest.raises(CancelledError):
            processes.run(["sh", "-c", command], timeout=60, cancel=cancel)
    finally:
        timer.cancel()

    runtime("rm", "--force", "--volumes", "--time", "0", "--ignore", name)
    runtime("network", "rm", "--force", name)

    assert not bridge.exists()
