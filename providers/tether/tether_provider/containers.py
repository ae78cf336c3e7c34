"""Docker or Podman: the few things that the provider asks of a container runtime."""

import contextlib
import functools
import json
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, cast

from tether import frozen, topology
from tether.addresses import with_port
from tether_provider import processes
from tether_provider.errors import ProviderError

Name = Literal["podman", "docker"]
Choice = Literal["auto", "podman", "docker"]
NAMES: tuple[Name, ...] = ("docker", "podman")

_QUICK = 30.0
"""Seconds for calls that only look."""
_SLOW = 120.0
"""Seconds for calls that change something on a busy machine."""
_ROLE_LABEL = "io.x-k8s.kind.role"
_CONTROL_PLANE = "control-plane"
_API_PORT = "6443/tcp"


class RuntimeCallError(ProviderError):
    """The runtime refused or failed."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A container of a kind cluster."""

    id: str
    name: str
    role: str
    """``control-plane``, ``worker`` or ``external-load-balancer``."""
    running: bool
    image: str
    addresses: Mapping[str, str]
    """IPv4 address by container network."""
    ipv6_addresses: Mapping[str, str]
    """The same of IPv6, where the network has it."""
    api_port: str
    """``host:port`` of this machine that leads to the API server; empty where it is not published."""

    def address(self, network: str, family: topology.IpFamily) -> str:
        """IP address on a container network, of the first family; empty where there is none."""
        known = self.ipv6_addresses if family is topology.IpFamily.IPV6 else self.addresses
        return known.get(network, "")

    def internal_api_server(self, network: str, family: topology.IpFamily) -> str:
        """URL of the API server for pods of other clusters on a container network, where this container serves it.

        By address with IPv6 alone, if it is a control plane: the certificate of a load balancer holds only names.
        """
        by_address = family is topology.IpFamily.IPV6 and self.role == _CONTROL_PLANE
        address = self.address(network, family) if by_address else ""
        return f"https://{with_port(address or self.name, 6443)}"


@dataclass(frozen=True, kw_only=True)
class Network:
    """A container network."""

    name: str
    subnet: str
    gateway: str
    labels: Mapping[str, str]
    ipv6_subnet: str = ""
    """Empty: it has none."""


class Runtime:
    """One container runtime, spoken to through its own program."""

    def __init__(self, name: Name) -> None:
        self.name: Name = name

    def version(self) -> str | None:
        """Version of the server, None where none answers; a client without a daemon does not count."""
        with contextlib.suppress(ProviderError):
            answer = processes.run([self.name, "version", "--format", "{{json .}}"], timeout=10)
            if answer.code == 0:
                document = cast("dict[str, Any]", json.loads(answer.stdout))
                server: dict[str, Any] = (
                    document.get("Server") or (document.get("Client") if self.name == "podman" else None) or {}
                )
                return cast("str | None", server.get("Version"))
        return None

    def has_image(self, image: str) -> bool:
        """Whether an image lies in the runtime's store."""
        return self._call("image", "inspect", "--format", "{{.Id}}", image, allow=125).code == 0

    def nodes(self, cluster: str) -> list[Node]:
        """Containers of a kind cluster, stopped ones too, by name."""
        listed = self._call(
            "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={topology.KIND_CLUSTER_LABEL}={cluster}"
        )
        return sorted(map(_node, self._inspect(listed.stdout.split())), key=lambda node: node.name)

    def attached(self, network: str) -> dict[str, tuple[str, str]]:
        """Containers on a network: name to ID and kind cluster (empty for none)."""
        label = topology.KIND_CLUSTER_LABEL
        listed = self._call("ps", "--all", "--quiet", "--no-trunc", "--filter", f"network={network}")
        return {
            _name(container): (container["Id"], _labels(container).get(label, ""))
            for container in self._inspect(listed.stdout.split())
        }

    def remove(self, ids: Sequence[str], names: Sequence[str]) -> None:
        """Remove containers at once, with the volumes that kind made for them.

        Args:
            ids: container IDs; absent ones are fine.
            names: node names; kind labels its volumes with them (pkg/cluster/internal/providers/podman/util.go).
        """
        if ids:
            # Killing first avoids the ten seconds that a stop waits for systemd.
            self._call("kill", *ids, allow=125, timeout=_SLOW)
            frozen.thaw(ids)
            done = self._call("rm", "--force", "--volumes", *ids, allow=125, timeout=_SLOW)
            if done.code != 0 and "no such" not in done.talk.lower():
                raise RuntimeCallError(f"{self.name} could not remove the cluster's containers: {done.talk}")
        for name in names:
            volumes = self._call("volume", "ls", "--quiet", "--filter", f"label={name}").stdout.split()
            if volumes:
                self._call("volume", "rm", "--force", *volumes, allow=125, timeout=_SLOW)

    def network(self, name: str) -> Network | None:
        """A network, None where there is none of that name."""
        found = self._call("network", "inspect", name, allow=125)
        if found.code != 0:
            if not any(sign in found.talk.lower() for sign in ("not found", "no such")):
                raise RuntimeCallError(f"{self.name} cannot say whether network {name} exists: {found.talk}")
            return None
        return _network(json.loads(found.stdout)[0])

    def subnets(self) -> list[str]:
        """Subnets of all networks of the runtime, of both families."""
        names = self._call("network", "ls", "--format", "{{.Name}}").stdout.split()
        found = self._call("network", "inspect", *names, allow=125)
        networks = [_network(entry) for entry in json.loads(found.stdout or "[]")]
        return [subnet for network in networks for subnet in (network.subnet, network.ipv6_subnet) if subnet]

    def create_network(self, name: str, subnets: Sequence[str], labels: Mapping[str, str]) -> str:
        """Make a bridge network with names, which gives containers the lower half of each subnet.

        Returns:
            The runtime's complaint, empty on success.
        """
        marks = [part for key, value in sorted(labels.items()) for part in ("--label", f"{key}={value}")]
        arguments = ["network", "create", "--driver", "bridge"]
        for subnet in subnets:
            family = ["--ipv6"] if ":" in subnet else []
            gateway, containers = topology.gateway_address(subnet), topology.container_range(subnet)
            # Docker would not tell the gateway that it chooses itself.
            arguments += [*family, "--subnet", subnet, "--gateway", gateway, "--ip-range", containers]
        done = self._call(*arguments, *marks, name, allow=125, timeout=_SLOW)
        return "" if done.code == 0 else done.talk

    def remove_network(self, name: str) -> str:
        """Remove a network; returns the runtime's complaint, empty on success and where there is none."""
        done = self._call("network", "rm", name, allow=125, timeout=_SLOW)
        gone = any(sign in done.talk.lower() for sign in ("not found", "no such"))
        return "" if done.code == 0 or gone else done.talk

    def _inspect(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        if not ids:
            return []
        # A container that went away in between makes the exit code 125 (podman) or 1 (docker); the rest is printed.
        return json.loads(self._call("inspect", "--type", "container", *ids, allow=125).stdout or "[]")

    def _call(self, *arguments: str, allow: int = 0, timeout: float = _QUICK) -> processes.Finished:
        """Run the runtime's program; exit codes above ``allow`` are errors."""
        done = processes.run([self.name, *arguments], timeout=timeout)
        if done.code > allow or done.code < 0:
            raise RuntimeCallError(f"{self.name} {' '.join(arguments[:2])} failed: {done.talk}")
        return done


_lock = threading.Lock()


def choose(choice: Choice) -> Runtime:
    """The runtime that was asked for, or the one that answers.

    ``auto`` obeys KIND_EXPERIMENTAL_PROVIDER, as kind does, then prefers Docker.

    Raises:
        ProviderError: the one asked for does not answer, or none does.
    """
    with _lock:
        return _choose(choice, os.environ.get("KIND_EXPERIMENTAL_PROVIDER", ""))


@functools.cache
def _choose(choice: Choice, preference: str) -> Runtime:
    if choice == "auto" and preference in NAMES:
        choice = preference
    candidates = [Runtime(name) for name in (NAMES if choice == "auto" else (choice,))]
    with ThreadPoolExecutor(len(candidates)) as pool:
        answers = list(pool.map(Runtime.version, candidates))
    for runtime, version in zip(candidates, answers, strict=True):
        if version:
            return runtime
    asked = " and ".join(runtime.name for runtime in candidates)
    raise ProviderError(
        f"runtime — {asked} does not answer — kind clusters are containers. "
        "Start it, or install Podman (Debian, Ubuntu: apt-get install podman); "
        f"test with: {candidates[-1].name} version"
    )


def _name(container: Mapping[str, Any]) -> str:
    return str(container["Name"]).removeprefix("/")


def _labels(container: Mapping[str, Any]) -> Mapping[str, str]:
    return cast("Mapping[str, str]", container["Config"].get("Labels") or {})


def _node(container: Mapping[str, Any]) -> Node:
    settings: Mapping[str, Any] = container["NetworkSettings"]
    ports = cast("dict[str, list[dict[str, str]] | None]", settings.get("Ports") or {})
    published = ports.get(_API_PORT) or []
    port = next((with_port(entry.get("HostIp") or "127.0.0.1", entry["HostPort"]) for entry in published), "")
    networks = cast("dict[str, dict[str, Any]]", settings.get("Networks") or {})
    return Node(
        id=container["Id"],
        name=_name(container),
        role=_labels(container).get(_ROLE_LABEL, ""),
        running=bool(container["State"]["Running"]),
        image=container["Config"].get("Image") or container.get("ImageName", ""),
        addresses={name: str(entry.get("IPAddress", "")) for name, entry in networks.items()},
        ipv6_addresses={name: ip for name, entry in networks.items() if (ip := entry.get("GlobalIPv6Address"))},
        api_port=port,
    )


def _network(entry: Mapping[str, Any]) -> Network:
    """Podman writes lower case and ``subnets``, Docker upper case and ``IPAM``."""
    if "subnets" in entry or "name" in entry:
        listed = cast("list[dict[str, str]]", entry.get("subnets") or [])
        parts = [(one.get("subnet", ""), one.get("gateway", "")) for one in listed]
        name, labels = entry["name"], entry.get("labels")
    else:
        addressing = cast("dict[str, list[dict[str, str]] | None]", entry.get("IPAM") or {})
        parts = [(one.get("Subnet", ""), one.get("Gateway", "")) for one in addressing.get("Config") or []]
        name, labels = entry["Name"], entry.get("Labels")
    ipv6 = [subnet for subnet, _ in parts if ":" in subnet]
    subnet, gateway = next((part for part in parts if ":" not in part[0]), parts[0] if parts else ("", ""))
    return Network(name=name, subnet=subnet, gateway=gateway, labels=labels or {}, ipv6_subnet=ipv6[0] if ipv6 else "")
