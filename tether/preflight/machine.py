"""What the checks look at, collected from the machine in one go."""

import ctypes
import errno
import json
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

RUNTIMES = ("podman", "docker")
_ANSWER_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class RuntimeFacts:
    """What one container runtime answered."""

    installed: bool = False
    answers: bool = False
    said: str = ""
    """Last line of its complaint."""
    version: str = ""
    rootless: bool = False
    network_backend: str = ""
    """``netavark`` or ``cni``; podman only."""
    storage_driver: str = ""
    storage: str = ""
    """Folder of images and containers; empty where the runtime lives on another machine."""
    cgroup_version: int = 0
    cgroup_controllers: frozenset[str] = frozenset()
    memory: int = 0
    """Bytes of the machine that runs the containers."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of this machine that a kind config names."""

    cluster: str
    setting: str
    """Where it is named, for example ``tether:clusters[0].kindConfig.networking.apiServerPort``."""
    number: int
    address: str = "127.0.0.1"
    protocol: str = "tcp"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The machine as it is now."""

    system: str
    """``Linux``, ``Darwin`` …"""
    distribution: str = ""
    """``ID`` and ``ID_LIKE`` of /etc/os-release."""
    root: bool = False
    runtimes: Mapping[str, RuntimeFacts] = field(default_factory=dict[str, RuntimeFacts])
    memory_available: int | None = None
    """Bytes that new processes could take, limits of the own cgroup included; None where it cannot be read."""
    disk_free: Mapping[str, int] = field(default_factory=dict[str, int])
    """Bytes, by folder."""
    devices: Mapping[str, int] = field(default_factory=dict[str, int])
    """File system of each folder; folders on one file system share its space."""
    capabilities: int | None = None
    """Effective capabilities as a bit mask; None where it cannot be read."""
    inotify_instances: int | None = None
    inotify_free: int | None = None
    """How many more of them this user can have, as far as it was tried; None where it cannot be tried."""
    inotify_watches: int | None = None
    taken_ports: frozenset[Port] = frozenset()


def gather(
    ports: Iterable[Port], folders: Iterable[Path], environment: Mapping[str, str], *, inotify: int = 0
) -> Facts:
    """Ask the machine; nothing is changed and nothing can fail, an unknown stays None or empty.

    Args:
        ports: Ports to try.
        folders: Folders whose free space is asked for; they need not exist yet.
        environment: Variables for the runtimes, laid over those of this process.
        inotify: How many inotify instances to try to have at once.
    """
    runtimes = {name: _runtime(name, {**os.environ, **environment}) for name in RUNTIMES}
    places = [*folders, *(Path(runtime.storage) for runtime in runtimes.values() if runtime.storage)]
    return Facts(
        system=platform.system(),
        distribution=_distribution(),
        root=os.geteuid() == 0,
        runtimes=runtimes,
        memory_available=_memory_available(),
        disk_free={str(place): shutil.disk_usage(_existing(place)).free for place in places},
        devices={str(place): _existing(place).stat().st_dev for place in places},
        capabilities=_capabilities(),
        inotify_instances=_number(Path("/proc/sys/fs/inotify/max_user_instances")),
        inotify_free=_inotify_free(inotify),
        inotify_watches=_number(Path("/proc/sys/fs/inotify/max_user_watches")),
        taken_ports=frozenset(port for port in ports if _taken(port)),
    )


def _runtime(name: str, environment: Mapping[str, str]) -> RuntimeFacts:
    if shutil.which(name, path=environment.get("PATH")) is None:
        return RuntimeFacts()
    try:
        # A client without a daemon answers "version" well enough; only "info" asks who would run the containers.
        done = subprocess.run(
            [name, "info", "--format", "json" if name == "podman" else "{{json .}}"],
            capture_output=True, text=True, timeout=_ANSWER_SECONDS, env=dict(environment), check=False,
        )  # fmt: skip
        document: Any = json.loads(done.stdout or "{}")
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        return RuntimeFacts(installed=True, said=type(error).__name__)
    said = (done.stderr.strip().splitlines() or [""])[-1]
    return read_podman(document, said) if name == "podman" else read_docker(document, said)


def read_podman(document: Mapping[str, Any], said: str) -> RuntimeFacts:
    """Read the answer of ``podman info --format json``."""
    host, store = document.get("host"), document.get("store")
    if not host or not store:
        return RuntimeFacts(installed=True, said=said)
    return RuntimeFacts(
        installed=True,
        answers=True,
        version=str(document.get("version", {}).get("Version", "")),
        rootless=bool(host.get("security", {}).get("rootless")),
        network_backend=str(host.get("networkBackend", "")),
        storage_driver=str(store.get("graphDriverName", "")),
        storage="" if host.get("serviceIsRemote") else str(store.get("graphRoot", "")),
        cgroup_version=2 if host.get("cgroupVersion") == "v2" else 1,
        cgroup_controllers=frozenset(cast("list[str]", host.get("cgroupControllers") or [])),
        memory=int(host.get("memTotal", 0)),
    )


def read_docker(document: Mapping[str, Any], said: str) -> RuntimeFacts:
    """Read the answer of ``docker info --format '{{json .}}'``; without a daemon it has no server version."""
    if not document.get("ServerVersion"):
        errors = cast("list[str]", document.get("ServerErrors") or [said])
        return RuntimeFacts(installed=True, said=errors[0])
    limits = {"MemoryLimit": "memory", "CPUShares": "cpu", "CPUSet": "cpuset", "PidsLimit": "pids"}
    root = str(document.get("DockerRootDir", ""))
    return RuntimeFacts(
        installed=True,
        answers=True,
        version=str(document["ServerVersion"]),
        rootless="name=rootless" in cast("list[str]", document.get("SecurityOptions") or []),
        storage_driver=str(document.get("Driver", "")),
        storage=root if Path(root).is_dir() else "",
        cgroup_version=int(document.get("CgroupVersion") or 1),
        cgroup_controllers=frozenset(name for key, name in limits.items() if document.get(key)),
        memory=int(document.get("MemTotal", 0)),
    )


def _distribution() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    return f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".strip()


def _memory_available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    limit, used = _number(Path("/sys/fs/cgroup/memory.max")), _number(Path("/sys/fs/cgroup/memory.current"))
    return available if limit is None or used is None else min(available, limit - used)


def _capabilities() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return None


def _inotify_free(wanted: int) -> int | None:
    """Try it: the kernel tells nobody how many instances a user has, and the same one may stand in several tables."""
    if platform.system() != "Linux":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    taken: list[int] = []
    try:
        while len(taken) < wanted and (descriptor := int(library.inotify_init1(os.O_CLOEXEC))) >= 0:
            taken.append(descriptor)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return len(taken)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _existing(folder: Path) -> Path:
    return next((place for place in (folder, *folder.parents) if place.is_dir()), Path("/"))


def _taken(port: Port) -> bool:
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as probe:
        # As a runtime does it: a port that is merely lingering after its last connection is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.address, port.number))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
