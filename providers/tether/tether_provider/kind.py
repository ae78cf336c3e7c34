"""The kind tool: its configuration, its quirks and what its complaints mean."""

import copy
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from tether import versions
from tether.topology import IpFamily
from tether_provider import audit, containers, kind_runtime, kubeadm_patches, processes
from tether_provider.errors import ProviderError

Config = dict[str, Any]

OWNED = (
    "apiVersion",
    "kind",
    "name",
    "featureGates.KubeletInUserNamespace",
    "networking.disableDefaultCNI",
    "networking.ipFamily",
    "networking.podSubnet",
    "networking.serviceSubnet",
)
"""Keys of kind's configuration that other inputs decide."""

_CAP_SYS_RESOURCE = 24
"""Bit of the capability (Linux, include/uapi/linux/capability.h)."""
_STATUS = Path("/proc/self/status")
_STEP = re.compile(r"^ [•✓✗] (?P<step>.*?)\s*(?:\.\.\.)?\s*$")
_INNER_ERROR = re.compile(r"error(?: execution|:) |\t?\[ERROR ")
"""How kubeadm begins the line that says why it gave up."""
_NOT_TEXT = re.compile(r"[^\x20-\x7e]+")


class KindError(ProviderError):
    """kind could not do it; the text says why in one sentence."""


class NameTakenError(KindError):
    """A cluster of that name was there before."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What kind is asked to make."""

    name: str
    network: str
    image: str
    """Empty: the one that kind was released with."""
    pod_cidr: str
    service_cidr: str
    ip_family: IpFamily = IpFamily.IPV4
    image_has_network: bool
    """The image brings a CNI configuration of its own, and CoreDNS of ours."""
    extra: Mapping[str, Any]


def configuration(plan: Plan, *, restricted: bool) -> Config:
    """Kind's configuration file.

    Args:
        plan: what is asked for.
        restricted: whether nodes lack CAP_SYS_RESOURCE; the kubelet then has to treat
            kernel settings that it may not change as given.
    """
    networking: Config = {
        "disableDefaultCNI": plan.image_has_network,
        "ipFamily": plan.ip_family.value,
        "podSubnet": plan.pod_cidr,
        "serviceSubnet": plan.service_cidr,
    }
    if plan.ip_family is IpFamily.IPV6:
        # kind would publish the API server on [::1], which no rule of a packet filter can lead into a container.
        networking["apiServerAddress"] = "127.0.0.1"
    base: Config = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "networking": networking}
    if plan.image_has_network:
        patches = (_control_plane(), _only_node())
        base["kubeadmConfigPatches"] = [yaml.safe_dump(patch, sort_keys=False) for patch in patches]
    if restricted:
        base["featureGates"] = {"KubeletInUserNamespace": True}
    config = audit.with_audit(merge(base, plan.extra))
    return kubeadm_patches.added_to(config) if plan.image_has_network else config


def _control_plane() -> Config:
    """Patch of kubeadm's configuration (v1beta3) for a node image of ours.

    A test cluster has one control plane and no data to lose, so nothing elects a leader, and
    nothing waits for a rate limit or for the disk.
    """
    alone = {"leader-elect": "false"}
    unlimited = {"kube-api-qps": "300", "kube-api-burst": "600"}
    return {
        "kind": "ClusterConfiguration",
        "featureGates": {"PublicKeysECDSA": True},
        # kubeadm asks for the CoreDNS that Kubernetes was released with; the image holds this one.
        "dns": {"imageTag": f"v{versions.COREDNS.version}"},
        "etcd": {"local": {"extraArgs": {"unsafe-no-fsync": "true", **kubeadm_patches.ETCD_ARGUMENTS}}},
        "controllerManager": {"extraArgs": {**alone, **unlimited}},
        "scheduler": {"extraArgs": alone},
    }


def _only_node() -> Config:
    """Patch of kubeadm's configuration (v1beta3) for a cluster that no node joins.

    Nothing is made for nodes that would join, as is the token that all of kind's clusters have in common, and kubelet
    is not started anew to take its certificate from a file that can be exchanged: it is valid for a year.
    """
    needless = ["bootstrap-token", "show-join-command", "kubelet-finalize"]
    return {"kind": "InitConfiguration", "skipPhases": ["preflight", *needless]}


def merge(base: Mapping[str, Any], extra: Mapping[str, Any]) -> Config:
    """Lay ``extra`` over ``base``: mappings by key, lists one after the other, other values replaced."""
    merged = copy.deepcopy(dict(base))
    for key, value in extra.items():
        present = merged.get(key)
        if isinstance(present, dict) and isinstance(value, Mapping):
            merged[key] = merge(cast("Config", present), cast("Config", value))
        elif isinstance(present, list) and isinstance(value, list):
            merged[key] = [*cast("list[Any]", present), *cast("list[Any]", value)]
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def complaints(extra: Mapping[str, Any], *, image_has_network: bool) -> list[str]:
    """What cannot be accepted in a configuration of the user's own."""
    owned = [key for key in OWNED if _holds(extra, key.split("."))]
    nodes = cast("list[Config]", extra.get("nodes") or [])
    found = [f"sets {key}, which Tether sets itself" for key in owned]
    if any("image" in node for node in nodes):
        found.append("sets nodes.image; nodeImage is the setting for that")
    if image_has_network and len(nodes) > 1:
        found.append(f"asks for {len(nodes)} nodes; the network of this node image spans one node only")
    return found


def _holds(tree: Mapping[str, Any], path: Sequence[str]) -> bool:
    value: Any = tree
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = cast("Mapping[str, Any]", value)[key]
    return True


def is_restricted(status: Path = _STATUS) -> bool:
    """Whether privileged containers of this machine lack CAP_SYS_RESOURCE (bounding set; Linux)."""
    if not status.exists():
        return False
    for line in status.read_text().splitlines():
        if line.startswith("CapBnd:"):
            return not int(line.split()[1], 16) >> _CAP_SYS_RESOURCE & 1
    return False


def create(
    plan: Plan,
    chosen: containers.Runtime,
    kubeconfig: Path,
    *,
    timeout: float,
    cancel: threading.Event,
    on_step: Callable[[str], None],
    on_line: Callable[[str], None],
) -> None:
    """Run ``kind create cluster``; nodes of a failed run are kept for the caller to remove.

    kind writes ``kubeconfig`` only, into a private folder; its lock on a shared one gives up after 150 ms, and
    clusters are made side by side. Its own ``--wait`` is not used: it ends with success
    when the time is over (pkg/cluster/internal/create/actions/waitforready).

    Raises:
        KindError: kind failed.
        NameTakenError: a cluster of that name exists.
        ChildTimeoutError: not done in time.
        CancelledError: ``cancel`` was set.
    """

    def listen(line: str) -> None:
        on_line(line)
        if match := _STEP.match(line):
            on_step(_NOT_TEXT.sub("", match.group("step")).strip())

    image = ["--image", plan.image] if plan.image else []
    arguments = ["kind", "create", "cluster", "--name", plan.name, *image, "--config", "-"]
    done = processes.run(
        [*arguments, "--kubeconfig", str(kubeconfig), "--retain"],
        timeout=timeout,
        cancel=cancel,
        environment={**environment(chosen, plan.network), **kind_runtime.environment(chosen.name, kubeconfig.parent)},
        stdin=yaml.safe_dump(configuration(plan, restricted=is_restricted()), sort_keys=False),
        on_line=listen,
    )
    if done.code != 0:
        raise _explain(plan, done.stderr)


def kubeconfig_of(name: str, chosen: containers.Runtime) -> str:
    """The kubeconfig of an existing cluster, for this machine.

    Raises:
        KindError: kind cannot read it.
    """
    done = processes.run(["kind", "get", "kubeconfig", "--name", name], timeout=60, environment=environment(chosen, ""))
    if done.code != 0:
        raise KindError(f"kind cannot read the kubeconfig of cluster {name}: {_error_line(done.stderr)}")
    return done.stdout


def environment(chosen: containers.Runtime, network: str) -> dict[str, str]:
    """Variables by which kind is told runtime and network."""
    variables = {"KIND_EXPERIMENTAL_PROVIDER": chosen.name}
    if network:
        variables[f"KIND_EXPERIMENTAL_{chosen.name.upper()}_NETWORK"] = network
    return variables


def _explain(plan: Plan, talk: str) -> KindError:
    if "already exist" in talk:
        return NameTakenError(f"name — a kind cluster {plan.name} exists already")
    reasons = {
        "failed to pull image": f"nodeImage — {plan.image} is not on this machine and cannot be pulled — a cluster is "
        "made of it. Build or choose another one; images of this machine are listed by: podman images, docker images",
        "address already in use": "kindConfig — a port of this machine that it asks for is taken. See: ss -ltn",
        "port is already allocated": "kindConfig — a port of this machine that it asks for is taken. See: ss -ltn",
        "could not find a log line": "the node did not boot: often too few inotify watches or instances; see: "
        "sysctl fs.inotify",
        "unknown field": "kindConfig — kind does not know a key of it",
    }
    sentence = next((reason for sign, reason in reasons.items() if sign in talk), "")
    detail = _error_line(talk)
    return KindError(f"{sentence} ({detail})" if sentence else f"kind could not make cluster {plan.name}: {detail}")


def _error_line(talk: str) -> str:
    """Kind's own error, and the last error of the command that it ran in the node, if there was one."""
    lines = [line.strip() for line in talk.splitlines() if line.strip()]
    found = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "it said nothing")
    inner = [line for line in lines if _INNER_ERROR.match(line)]
    parts = [found.removeprefix("ERROR:").strip()[:400], *(line[:300] for line in inner[-1:])]
    return "; ".join(parts)
