"""What the engine's state says about an environment (``pulumi stack export``)."""

import contextlib
import copy
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tether import topology
from tether.cli import project
from tether.environments.registry import Entry
from tether.errors import TetherError

AUTHORITY = "tether:index:CertificateChain"
CLUSTER = "tether:index:Cluster"
NETWORK = "tether:index:ContainerNetwork"
RELEASE = "kubernetes:helm.sh/v3:Release"
KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"
_OF_ONE_CLUSTER = frozenset(
    f"tether:index:{noun}"
    for noun in (
        "Cluster", "EastWestGateway", "ExistingCluster", "IngressGateway", "KindCluster", "LoadBalancer", "Primary",
        "Remote", "RemoteReady", "RemoteSecret",
    )
)  # fmt: skip
"""Types that are named after the cluster that they are for."""
_RANDOM_ID = "random:index/randomId:RandomId"
_STACK = "pulumi:pulumi:Stack"
_SUFFIX = re.compile(rf"[0-9a-f]{{{topology.SUFFIX_LENGTH}}}")
_NETWORK_NAME = re.compile(topology.network_name(f"({_SUFFIX.pattern})"))
_SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # noqa: S105 - marks a secret, is none


@dataclass(frozen=True)
class Pending:
    """An operation that was under way when the engine died."""

    kind: str
    """``creating``, ``updating``, ``deleting``, ``reading`` or ``importing``."""
    type: str
    urn: str
    inputs: Mapping[str, Any]
    provider: str
    """Reference ``urn::id`` of its provider."""


class State:
    """One exported state; nothing in it is changed."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        deployment = cast("dict[str, Any]", document.get("deployment") or {})
        self.resources: list[dict[str, Any]] = deployment.get("resources") or []
        operations: list[dict[str, Any]] = deployment.get("pending_operations") or []
        self.pending = [
            Pending(
                kind=operation["type"],
                type=operation["resource"]["type"],
                urn=operation["resource"]["urn"],
                inputs=part(operation["resource"], "inputs"),
                provider=operation["resource"].get("provider", ""),
            )
            for operation in operations
        ]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is recorded, the stack itself aside."""
        return not self.pending and all(resource["type"] == _STACK for resource in self.resources)

    @property
    def has_foreign_clusters(self) -> bool:
        """Whether it holds objects in clusters that Tether did not make; those need the engine to be removed."""
        own = {resource["urn"] for resource in self.resources if resource["type"] == CLUSTER}
        return any(
            resource["type"].startswith("kubernetes:") and resource.get("deletedWith") not in own
            for resource in self.resources
        )

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Stack outputs, secrets as the engine encrypted them."""
        own = [part(resource, "outputs") for resource in self.resources if resource["type"] == _STACK]
        return own[0] if own else {}

    def suffixes(self) -> set[str]:
        """Suffixes of the environments that the state knows, half-made ones included."""
        return {suffix for suffix in self._suffixes() if suffix}

    def _suffixes(self) -> Iterator[str]:
        for resource in self.resources:
            if resource["type"] == _RANDOM_ID:
                value = str(part(resource, "outputs").get("hex", ""))
                yield value if _SUFFIX.fullmatch(value) else ""
        networks = [part(resource, "inputs") for resource in self.resources if resource["type"] == NETWORK]
        networks += [operation.inputs for operation in self.pending if operation.type == NETWORK]
        for inputs in networks:
            match = _NETWORK_NAME.fullmatch(str(inputs.get("name", "")))
            yield match[1] if match else ""

    def clusters(self) -> list[str]:
        """Kind names of the clusters that are there."""
        return [
            str(resource["inputs"]["name"])
            for resource in self.resources
            if resource["type"] == CLUSTER and not resource.get("delete")
        ]

    @property
    def has_root(self) -> bool:
        """Whether Tether has made a root already."""
        return any(resource["type"] == AUTHORITY and not resource.get("delete") for resource in self.resources)

    def of_cluster(self, name: str) -> list[str]:
        """URNs of everything that is there for one cluster, wherever it lives."""
        found: set[str] = set()
        # A parent comes before its children (pulumi/pulumi pkg/resource/deploy/snapshot.go).
        for resource in self.resources:
            urn = str(resource["urn"])
            is_own = resource["type"] in _OF_ONE_CLUSTER and urn.rpartition("::")[2] == name
            if is_own or resource.get("parent") in found:
                found.add(urn)
        return [str(resource["urn"]) for resource in self.resources if resource["urn"] in found]

    def half_made(self, kind: str) -> list[str]:
        """Names of things of one type whose creation was cut off."""
        return [
            str(operation.inputs["name"])
            for operation in self.pending
            if operation.type == kind and operation.kind == "creating" and "name" in operation.inputs
        ]

    def kubeconfig_of(self, provider: str) -> str | None:
        """Kubeconfig of a provider, by its reference; needs a state that was exported with secrets shown."""
        urn = provider.rpartition("::")[0]
        for resource in self.resources:
            if resource["urn"] == urn and resource["type"] == KUBERNETES_PROVIDER:
                return plain(part(resource, "inputs").get("kubeconfig"))
        return None

    def releases_of(self, name: str) -> dict[str, str]:
        """Names of the Helm releases that are there for one cluster, by URN."""
        own = set(self.of_cluster(name))
        return {
            str(resource["urn"]): str(part(resource, "inputs").get("name", ""))
            for resource in self.resources
            if resource["urn"] in own and resource["type"] == RELEASE
        }

    def without(self, urns: Collection[str]) -> dict[str, Any]:
        """The state for ``pulumi stack import``, with some resources forgotten and nothing that refers to them."""
        document = copy.deepcopy(dict(self._document))
        resources: list[dict[str, Any]] = document["deployment"].get("resources") or []
        rest = [resource for resource in resources if resource["urn"] not in urns]
        for resource in rest:
            lists: list[tuple[dict[str, list[str]], str]] = [(resource, "dependencies")]
            by_property: dict[str, list[str]] = resource.get("propertyDependencies") or {}
            lists += [(by_property, key) for key in by_property]
            for holder, key in lists:
                if holder.get(key):
                    holder[key] = [urn for urn in holder[key] if urn not in urns]
            if resource.get("deletedWith") in urns:
                del resource["deletedWith"]
        document["deployment"]["resources"] = rest
        return document

    def without_pending(self) -> dict[str, Any]:
        """The state for ``pulumi stack import``, with what was under way forgotten."""
        document = copy.deepcopy(dict(self._document))
        document["deployment"].pop("pending_operations", None)
        return document


def part(resource: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Inputs or outputs of a resource."""
    return cast("Mapping[str, Any]", resource.get(name) or {})


def plain(value: Any) -> str | None:
    """A text, also a secret one that was exported with secrets shown."""
    if isinstance(value, dict) and _SECRET_SIGNATURE in value:
        text: Any = cast("dict[str, Any]", value).get("plaintext")
        return str(json.loads(text)) if isinstance(text, str) else None
    return value if isinstance(value, str) else None


def of_environment(entry: Entry) -> State | None:
    """The state of an environment; None where there is none, as before its folder has come and after it is gone."""
    with contextlib.suppress(TetherError):
        written = project.find(entry.folder, entry.name).read_state()
        return State(written) if written else None
    return None
