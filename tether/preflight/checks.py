"""The checks: pure functions over facts, so that each finding can be shown without such a machine."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tether.errors import Problem, count
from tether.preflight.machine import Facts, Port, RuntimeFacts
from tether.settings import ContainerRuntime, Settings
from tether.topology import Platform

GIB = 1024**3
MEMORY_PER_CLUSTER = int(1.2 * GIB)
"""A kind cluster with its share of the mesh takes about 1 GiB idle; the rest is for starting up."""
DISK_PER_CLUSTER = int(1.5 * GIB)
DISK_FOR_TOOLS = 20 * GIB
"""Go's modules and build cache when every part is built from packages."""
DISK_SPARE = GIB
INOTIFY = "fs.inotify.max_user_instances"
INOTIFY_PER_CLUSTER = 35
"""systemd, containerd, kubelet, control plane and mesh of one node: 31 counted on running clusters."""
INOTIFY_LEAST = 20
"""Instances without which a node does not get ready: kubelet ended for want of more."""
INOTIFY_IDLE = 25
"""What a node has once its mesh is idle, counted."""
INOTIFY_COMFORT = 512
"""What kind asks for (its known issue "too many open files")."""
WATCHES_COMFORT = 65536
_CONTROLLERS = frozenset({"cpu", "memory", "pids"})
_NEEDED_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
_DEBIAN_RUNTIME = "apt-get install --yes podman netavark aardvark-dns runc"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing about the machine; with ``fatal`` nothing is started."""

    problem: Problem
    fatal: bool = True


@dataclass(frozen=True, kw_only=True)
class Need:
    """What the mesh will ask of the machine."""

    clusters: int
    """kind clusters that are still to be made."""
    runtime: ContainerRuntime = ContainerRuntime.AUTO
    ports: tuple[Port, ...] = ()
    tools_folder: Path | None = None
    """The cache, when tools must still be built; None when they are there."""
    promised: Mapping[str, int] = field(default_factory=dict[str, int])
    """kind clusters by environment that is coming up beside it, and has not taken yet what it will."""

    @property
    def inotify(self) -> int:
        """How many inotify instances must be free at least."""
        promised = sum(self.promised.values()) * INOTIFY_IDLE
        return self.clusters * INOTIFY_LEAST + promised if self.clusters else 0

    @property
    def is_nothing(self) -> bool:
        """Whether everything is there already, and the machine need not be looked at."""
        return self.clusters == 0 and self.tools_folder is None


def need(
    settings: Settings,
    *,
    made: int = 0,
    tools_folder: Path | None = None,
    project: str = "tether",
    runtime: str = "",
) -> Need:
    """Work out what the settings ask of the machine.

    Args:
        settings: The settings.
        made: How many of the kind clusters run already; their memory, disk and ports are taken by themselves.
        tools_folder: The cache, when tools must still be built.
        project: Namespace of the settings, for messages.
        runtime: The one that the checkout took before, and takes again where the settings name none.
    """
    chosen = settings.container_runtime
    if chosen is ContainerRuntime.AUTO and runtime:
        chosen = ContainerRuntime(runtime)
    kind = [(index, cluster) for index, cluster in enumerate(settings.clusters) if cluster.platform is Platform.KIND]
    missing = max(0, len(kind) - made)
    ports = [port for index, cluster in kind for port in _ports(cluster.name, index, cluster.kind_config, project)]
    return Need(
        clusters=missing,
        runtime=chosen,
        ports=tuple(ports) if missing == len(kind) else (),
        tools_folder=tools_folder,
    )


def _ports(cluster: str, index: int, config: Mapping[str, Any], project: str) -> Iterator[Port]:
    """Ports of this machine that a kind config names; kind chooses free ones for the rest (0 and -1)."""
    setting = f"{project}:clusters[{index}].kindConfig"
    networking = config.get("networking")
    if isinstance(networking, dict):
        values = cast("dict[str, Any]", networking)
        number = values.get("apiServerPort")
        if isinstance(number, int) and number > 0:
            address = str(values.get("apiServerAddress") or "127.0.0.1")
            yield Port(cluster=cluster, setting=f"{setting}.networking.apiServerPort", number=number, address=address)
    for node_index, node in enumerate(_objects(config.get("nodes"))):
        for mapping_index, mapping in enumerate(_objects(node.get("extraPortMappings"))):
            number = mapping.get("hostPort")
            if isinstance(number, int) and number > 0:
                yield Port(
                    cluster=cluster,
                    setting=f"{setting}.nodes[{node_index}].extraPortMappings[{mapping_index}].hostPort",
                    number=number,
                    address=str(mapping.get("listenAddress") or "0.0.0.0"),  # noqa: S104 - kind's own default
                    protocol=str(mapping.get("protocol") or "tcp").lower(),
                )


def _objects(value: Any) -> list[dict[str, Any]]:
    entries = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]


def examine(facts: Facts, wanted: Need) -> list[Finding]:
    """Run every check; the fatal findings come first."""
    findings = [finding for check in CHECKS for finding in check(facts, wanted)]
    return sorted(findings, key=lambda finding: not finding.fatal)


def usable(facts: Facts, wanted: Need) -> tuple[str, RuntimeFacts] | None:
    """The runtime that will be used: docker before podman where both answer, as kind itself chooses."""
    names = ("docker", "podman") if wanted.runtime is ContainerRuntime.AUTO else (wanted.runtime.value,)
    answering = ((name, facts.runtimes[name]) for name in names if name in facts.runtimes)
    return next(((name, runtime) for name, runtime in answering if runtime.answers), None)


def _runtime_answers(facts: Facts, wanted: Need) -> Iterator[Finding]:
    if wanted.clusters == 0 or usable(facts, wanted):
        return
    names = ("docker", "podman") if wanted.runtime is ContainerRuntime.AUTO else (wanted.runtime.value,)
    states: list[str] = []
    for name in names:
        runtime = facts.runtimes.get(name, RuntimeFacts())
        complaint = f" ({runtime.said})" if runtime.said else ""
        states.append(f"{name} does not answer{complaint}" if runtime.installed else f"{name} is not installed")
    installed = [name for name in names if facts.runtimes.get(name, RuntimeFacts()).installed]
    yield Finding(
        problem=Problem(
            subject="container runtime",
            wrong="; ".join(states),
            why="kind clusters are containers",
            fix=_start_or_install(facts, names, installed),
        )
    )


def _start_or_install(facts: Facts, names: tuple[str, ...], installed: list[str]) -> str:
    if facts.system != "Linux":
        return f"start {installed[0]}" if installed else "install Docker Desktop or Podman and start it"
    if names == ("docker",):
        # Another one would not be taken in its place.
        return _as_root(facts, "systemctl start docker" if installed else "apt-get install --yes docker.io")
    if "podman" not in installed and ("debian" in facts.distribution or "ubuntu" in facts.distribution):
        return _as_root(facts, _DEBIAN_RUNTIME)
    if "docker" in installed:
        return _as_root(facts, "systemctl start docker")
    return "podman info  # says what it lacks" if installed else "install podman or docker with your package manager"


def _podman_is_fit(facts: Facts, wanted: Need) -> Iterator[Finding]:
    chosen = usable(facts, wanted)
    if wanted.clusters == 0 or chosen is None or chosen[0] != "podman":
        return
    runtime = chosen[1]
    if runtime.network_backend == "cni":
        yield Finding(
            problem=Problem(
                subject="podman",
                wrong="uses the old CNI networks",
                why="they have no DNS between containers, and clusters find each other's API server by name",
                fix=_as_root(facts, "apt-get install --yes netavark aardvark-dns && podman system reset")
                + "  # removes all of podman's containers and images",
            )
        )
    if runtime.rootless:
        yield Finding(
            problem=Problem(
                subject="podman",
                wrong="runs without root",
                why="load balancer addresses then answer inside the containers' network only, not on this machine",
                fix="sudo make up  # only if this machine itself must reach the gateways",
            ),
            fatal=False,
        )
    if runtime.storage_driver == "vfs":
        yield Finding(
            problem=Problem(
                subject="podman",
                wrong="stores every container as a full copy (driver vfs)",
                why="a node image then costs its size and minutes for every cluster",
                fix=_as_root(facts, "apt-get install --yes fuse-overlayfs"),
            ),
            fatal=False,
        )


def _memory(facts: Facts, wanted: Need) -> Iterator[Finding]:
    needed = wanted.clusters * MEMORY_PER_CLUSTER
    promised = sum(wanted.promised.values()) * MEMORY_PER_CLUSTER
    chosen = usable(facts, wanted)
    elsewhere = chosen[1].memory if chosen else 0
    known = [value for value in (facts.memory_available, elsewhere or None) if value is not None]
    if known and wanted.clusters and min(known) < needed + promised:
        beside = f", beside {_size(promised)} for what is coming up: {', '.join(wanted.promised)}" if promised else ""
        yield Finding(
            problem=Problem(
                subject="memory",
                shown=f"{_size(min(known))} free",
                wrong=f"{count(wanted.clusters, 'kind cluster')} need {_size(needed)}{beside}",
                why="the kernel would kill the API server or istiod half-way",
                fix="tether env list  # take down one that nobody needs; or take fewer clusters"
                if promised
                else "ps --sort=-rss -eo rss,pid,args | head  # end something large, or take fewer clusters",
            )
        )


def _disk(facts: Facts, wanted: Need) -> Iterator[Finding]:
    chosen = usable(facts, wanted)
    demands: dict[str, int] = {}
    if chosen and chosen[1].storage and wanted.clusters:
        demands[chosen[1].storage] = wanted.clusters * DISK_PER_CLUSTER + DISK_SPARE
    if wanted.tools_folder:
        folder = str(wanted.tools_folder)
        demands[folder] = demands.get(folder, 0) + DISK_FOR_TOOLS
    by_device: dict[int, list[str]] = {}
    for folder in demands:
        by_device.setdefault(facts.devices.get(folder, hash(folder)), []).append(folder)
    for folders in by_device.values():
        needed, free = sum(demands[folder] for folder in folders), min(facts.disk_free[folder] for folder in folders)
        if free < needed:
            yield Finding(
                problem=Problem(
                    subject=f"disk at {' and '.join(folders)}",
                    shown=f"{_size(free)} free",
                    wrong=f"{_size(needed)} are needed",
                    why="a full disk makes etcd read-only and leaves half-written images",
                    fix=f"du --human-readable --max-depth=2 {folders[0]} | sort --human-numeric-sort | tail",
                )
            )


def _cgroups(facts: Facts, wanted: Need) -> Iterator[Finding]:
    chosen = usable(facts, wanted)
    if wanted.clusters == 0 or chosen is None:
        return
    name, runtime = chosen
    missing = sorted(_CONTROLLERS - runtime.cgroup_controllers)
    if missing:
        delegate = "[Service]\\nDelegate=cpu cpuset io memory pids\\n"
        yield Finding(
            problem=Problem(
                subject="cgroups",
                wrong=f"{name} cannot use the {_plural('controller', missing)} {', '.join(missing)} "
                f"(cgroup v{runtime.cgroup_version})",
                why="the kubelet in every node refuses to start without them",
                fix=f"sudo mkdir -p /etc/systemd/system/user@.service.d && printf '{delegate}' | "
                "sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload"
                if runtime.rootless
                else "boot with: cgroup_enable=memory swapaccount=1",
            )
        )
    if runtime.rootless and runtime.cgroup_version == 1:
        yield Finding(
            problem=Problem(
                subject="cgroups",
                wrong="are of version 1, and the runtime has no root rights",
                why="without root only cgroup v2 can be handed on to the nodes",
                fix="sudo make up",
            )
        )


def _capabilities(facts: Facts, wanted: Need) -> Iterator[Finding]:
    chosen = usable(facts, wanted)
    if (
        wanted.clusters == 0
        or chosen is None
        or chosen[0] != "podman"
        or chosen[1].rootless
        or facts.capabilities is None
    ):
        return
    missing = [name for name, bit in _NEEDED_CAPABILITIES.items() if not facts.capabilities >> bit & 1]
    if missing:
        yield Finding(
            problem=Problem(
                subject="capabilities",
                wrong=f"this process lacks {', '.join(missing)}",
                why="nodes are privileged containers with networks and mounts of their own",
                fix="run on the machine itself, or start this container with --privileged",
            )
        )


def _inotify(facts: Facts, wanted: Need) -> Iterator[Finding]:
    instances, watches = facts.inotify_instances, facts.inotify_watches
    needed = wanted.clusters * INOTIFY_PER_CLUSTER
    if instances is not None and wanted.clusters and instances < max(needed, INOTIFY_COMFORT):
        yield Finding(
            problem=Problem(
                subject=INOTIFY,
                shown=str(instances),
                wrong=f"{count(wanted.clusters, 'kind cluster')} take about {needed}; kind advises {INOTIFY_COMFORT}",
                why="nodes fail with 'too many open files' when it runs out",
                fix=_as_root(facts, f"sysctl fs.inotify.max_user_instances={INOTIFY_COMFORT}"),
            ),
            fatal=instances < needed,
        )
    free = facts.inotify_free
    if free is not None and free < wanted.inotify and (instances is None or instances >= needed):
        yield Finding(
            problem=Problem(
                subject=INOTIFY,
                shown=f"{free} of {instances} free",
                wrong=f"{count(wanted.clusters, 'kind cluster')} take about {needed} beside what runs already"
                + (f" and what is coming up: {', '.join(wanted.promised)}" if wanted.promised else ""),
                why="kubelet ends with 'too many open files', and no node gets ready",
                fix=_as_root(facts, f"sysctl fs.inotify.max_user_instances={INOTIFY_COMFORT}")
                + "  # or take down an environment: tether env list",
            )
        )
    if watches is not None and wanted.clusters and watches < WATCHES_COMFORT:
        yield Finding(
            problem=Problem(
                subject="fs.inotify.max_user_watches",
                shown=str(watches),
                wrong=f"is less than {WATCHES_COMFORT}",
                why="kubelet and containerd watch many files",
                fix=_as_root(facts, "sysctl fs.inotify.max_user_watches=524288"),
            ),
            fatal=False,
        )


def _free_ports(facts: Facts, wanted: Need) -> Iterator[Finding]:
    seen: dict[tuple[int, str], Port] = {}
    for port in wanted.ports:
        first = seen.setdefault((port.number, port.protocol), port)
        if port in facts.taken_ports:
            wrong, why = "is taken by another program", "the node could not be started"
        elif first is not port and _same_address(first, port):
            wrong, why = f"is wanted by {first.cluster} too", "one of the two nodes could not be started"
        else:
            continue
        yield Finding(
            problem=Problem(
                subject=port.setting,
                shown=f"{port.number}/{port.protocol} on {port.address}",
                wrong=wrong,
                why=why,
                fix=f"pulumi config set --path '{port.setting}' 0  # any free port; who has it: "
                f"ss -{'u' if port.protocol == 'udp' else 't'}lnp 'sport = :{port.number}'",
            )
        )


def _same_address(first: Port, second: Port) -> bool:
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    return first.address == second.address or bool(everywhere & {first.address, second.address})


CHECKS: tuple[Callable[[Facts, Need], Iterator[Finding]], ...] = (
    _runtime_answers,
    _podman_is_fit,
    _memory,
    _disk,
    _cgroups,
    _capabilities,
    _inotify,
    _free_ports,
)


def _as_root(facts: Facts, command: str) -> str:
    return command if facts.root else f"sudo {command}"


def _plural(noun: str, things: list[str]) -> str:
    return noun if len(things) == 1 else f"{noun}s"


def _size(number: int) -> str:
    return f"{number / GIB:.1f} GiB"
