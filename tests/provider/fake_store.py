"""State that the fake tools share: one JSON file, changed under a lock; every call is recorded."""

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("FAKE_ROOT", "."))


@contextlib.contextmanager
def state(root: Path = ROOT) -> Generator[dict[str, Any]]:
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = root / "state.json"
        content = json.loads(path.read_text()) if path.exists() else empty()
        yield content
        # In one step: a tool that is killed while it writes must not leave half a state to the next.
        draft = root / "state.draft"
        draft.write_text(json.dumps(content))
        draft.replace(path)


def empty() -> dict[str, Any]:
    return {"containers": {}, "networks": {}, "volumes": {}, "images": [], "calls": [], "mood": {}}


def record(program: str) -> None:
    with state() as content:
        variables = {key: value for key, value in os.environ.items() if key.startswith("KIND_EXPERIMENTAL")}
        content["calls"].append({"program": program, "arguments": sys.argv[1:], "environment": variables})


def ipv6_of(address: str) -> str:
    """What a container has beside its IPv4 address."""
    return f"fd74:a0a:a0a::{address.rpartition('.')[2]}"


def container(name: str, identifier: str, cluster: str, network: str, port: int, address: str) -> dict[str, Any]:
    """A node as ``podman inspect`` shows it."""
    labels = {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": "control-plane"} if cluster else {}
    return {
        "Id": identifier,
        "Name": name,
        "State": {"Running": True},
        "Config": {"Labels": labels, "Image": "node:v1"},
        "NetworkSettings": {
            "Ports": {"6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]},
            "Networks": {network: {"IPAddress": address, "GlobalIPv6Address": ipv6_of(address)}},
        },
    }
