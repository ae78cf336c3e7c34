"""Records what a program asks of the engine, on the wire.

Pulumi's mocks see names and inputs only; parents, providers, dependencies, secretness
and ``deletedWith`` are in the raw requests, so those are kept.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.stack import run_pulumi_func

SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key by which a value says what it is (pulumi/pulumi sdk/python/lib/pulumi/runtime/rpc.py)."""
SECRET_KIND = "1b47061264138c4ac30d75fd1eb44270"

ROOT_PEM = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----\n"
TOKEN = "token-of-the-reader"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the engine was asked to register it."""

    type: str
    name: str
    urn: str
    parent: str
    provider: str
    deleted_with: str
    custom: bool
    dependencies: frozenset[str]
    inputs: dict[str, Any]
    secret_outputs: frozenset[str]
    transforms: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    protect: bool = False
    version: str = ""
    """Of the plugin that the engine takes where no provider is named."""

    @property
    def key(self) -> str:
        """Type and name: unique in a mesh, and readable."""
        return f"{self.type} {self.name}"


@dataclass(kw_only=True)
class Recording:
    """Everything that a program registered."""

    by_urn: dict[str, Registration] = field(default_factory=dict[str, Registration])
    outputs_registered: list[str] = field(default_factory=list[str])

    def all(self) -> list[Registration]:
        """In the order of registration."""
        return list(self.by_urn.values())

    def one(self, type_: str, name: str) -> Registration:
        """The resource of that type and name."""
        found = [one for one in self.all() if one.type == type_ and one.name == name]
        assert len(found) == 1, f"{type_} {name}: {len(found)} of {sorted(one.key for one in self.all())}"
        return found[0]

    def is_below(self, one: Registration, top: Registration) -> bool:
        """Whether a resource is ``top`` itself or inside of it."""
        return one.urn == top.urn or (one.parent in self.by_urn and self.is_below(self.by_urn[one.parent], top))

    def reaches(self, start: Registration, goal: Registration) -> bool:
        """Whether ``start`` waits for ``goal``: directly, through others, or because its component does.

        A child is registered after its component, and a component after what it depends on.
        """
        seen: set[str] = set()
        waiting = [start.urn]
        while waiting:
            urn = waiting.pop()
            if urn == goal.urn:
                return True
            if urn not in seen and urn in self.by_urn:
                seen.add(urn)
                waiting.extend([*self.by_urn[urn].dependencies, self.by_urn[urn].parent])
        return False


class _Monitor(pulumi_mocks.MockMonitor):
    def __init__(self, mocks: pulumi_mocks.Mocks, recording: Recording) -> None:
        super().__init__(mocks)
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        urn = self.make_urn(request.parent, request.type, request.name)
        self._recording.by_urn[urn] = Registration(
            type=request.type,
            name=request.name,
            urn=urn,
            parent=request.parent,
            provider=request.provider.split("::")[-2] if "::" in request.provider else request.provider,
            deleted_with=request.deletedWith,
            custom=request.custom,
            dependencies=frozenset(request.dependencies),
            inputs=json_format.MessageToDict(request.object),
            secret_outputs=frozenset(request.additionalSecretOutputs),
            ignored=tuple(request.ignoreChanges),
            protect=request.protect,
            version=request.version,
            transforms=tuple(transform.token for transform in request.transforms),
        )
        return cast(Any, super()).RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        self._recording.outputs_registered.append(request.urn)
        return cast(Any, super()).RegisterResourceOutputs(request)


class _Mocks(pulumi_mocks.Mocks):
    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = OUTPUTS.get(args.typ, {})
        inputs = cast(dict[str, Any], cast(Any, args).inputs)
        return f"{args.name}-id", {**inputs, **outputs}

    def call(self, args: pulumi_mocks.MockCallArgs) -> Any:
        assert args.token in ANSWERS, f"nobody expects a call of {args.token}"
        return ANSWERS[args.token]


_CHAIN = {
    "rootCertificate": ROOT_PEM,
    "intermediateCertificate": "intermediate",
    "intermediateKey": "intermediate-key",
    "certificateChain": "intermediate" + ROOT_PEM,
    "rootFingerprint": "ab" * 32,
    "rootExpiry": "2036-01-01T00:00:00Z",
    "intermediateExpiry": "2031-01-01T00:00:00Z",
}
OUTPUTS: dict[str, dict[str, Any]] = {
    "random:index/randomId:RandomId": {"hex": "0badcafe"},
    "tether:index:ContainerNetwork": {
        "name": "tether-0badcafe",
        "subnet": "10.89.7.0/24",
        "gateway": "10.89.7.1",
        "places": {f"cluster{number}": number - 1 for number in range(1, 5)},
    },
    "tether:index:Cluster": {
        "kubeconfig": "kubeconfig",
        "apiServer": "https://x-control-plane:6443",
        "nodes": [
            {"name": "x-worker", "address": "10.89.7.5", "id": "3"},
            {"name": "x-external-load-balancer", "address": "10.89.7.4", "id": "2"},
            {"name": "x-control-plane", "address": "10.89.7.3", "id": "1"},
        ],
    },
    "tether:index:CertificateChain": {**_CHAIN, "rootKey": "root-key"},
    "tether:index:ProvidedChain": _CHAIN,
    "tether:index:AuthoritySecret": {
        key: value for key, value in _CHAIN.items() if key not in ("intermediateKey", "certificateChain")
    },
    "tether:index:BoundToken": {
        "token": TOKEN,
        "expiry": "2030-01-01T00:00:00+00:00",
        "lifetimeSeconds": 86400,
        "secretName": "reader-bound-1",
        "certificateAuthority": "ca",
    },
    "tether:index:GatewayReady": {"address": "10.89.7.128", "ipAddresses": ["10.89.7.128"]},
    "tether:index:Verification": {
        "answers": {},
        "identities": {},
        "seconds": 1.0,
        "verifiedAt": "2026-01-01T00:00:00Z",
    },
    "kubernetes:helm.sh/v3:Release": {"status": {"revision": 3}},
    "kubernetes:core/v1:Secret": {"data": {"token": "dG9rZW4tb2YtdGhlLXJlYWRlcg==", "ca.crt": "Y2E="}},
    "aws:iam/role:Role": {"name": "role-1a2b3c4", "arn": "arn:aws:iam::1:role/role-1a2b3c4"},
    "aws:eks/cluster:Cluster": {
        "name": "east-1a2b3c4",
        "endpoint": "https://0123456789.eks.amazonaws.test",
        "certificateAuthority": {"data": "Y2E="},
        "vpcConfig": {"clusterSecurityGroupId": "sg-of-the-cluster", "subnetIds": []},
    },
    "gcp:compute/network:Network": {"name": "network-1a2b3c4"},
    "gcp:compute/subnetwork:Subnetwork": {"name": "subnetwork-1a2b3c4"},
    "gcp:compute/router:Router": {"name": "router-1a2b3c4"},
    "gcp:container/cluster:Cluster": {
        "name": "north-1a2b3c4",
        "endpoint": "203.0.113.10",
        "masterAuth": {"clusterCaCertificate": "Y2E="},
        "privateClusterConfig": {"privateEndpoint": "172.16.0.2"},
    },
    "azure:core/resourceGroup:ResourceGroup": {"name": "group1a2b3c4"},
    "azure:network/virtualNetwork:VirtualNetwork": {"name": "network1a2b3c4"},
    "azure:network/networkSecurityGroup:NetworkSecurityGroup": {"name": "guard1a2b3c4"},
    "azure:authorization/userAssignedIdentity:UserAssignedIdentity": {"principalId": "principal"},
    "azure:containerservice/kubernetesCluster:KubernetesCluster": {
        "name": "west1a2b3c4",
        "fqdn": "west-x.azmk8s.test",
        "kubeConfigs": [
            {"clusterCaCertificate": "Y2E=", "clientCertificate": "Y2VydA==", "clientKey": "key-of-the-account"}
        ],
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"id": "zones", "names": ["zone-a", "zone-b", "zone-c"]},
}


def record(declare: Callable[[], object]) -> Recording:
    """Run a program against the recording engine, on an event loop of its own."""
    # And in a thread of its own: a browser's driver has a loop in the main one for as long as the session lasts.
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(_record, declare).result()


def _record(declare: Callable[[], object]) -> Recording:
    recording = Recording()
    mocks = _Mocks()

    def program() -> None:
        declare()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pulumi.runtime.set_mocks(mocks, project="tether", stack="test", monitor=_Monitor(mocks, recording))
        loop.run_until_complete(run_pulumi_func(program))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        pulumi.runtime.settings.reset_options()
    return recording


def is_secret(value: Any) -> bool:
    """Whether a value on the wire is marked secret."""
    return isinstance(value, dict) and cast(dict[str, Any], value).get(SECRET_SIGNATURE) == SECRET_KIND


def plain_text(value: Any) -> str:
    """Everything in a value that is not inside a secret, as one text."""
    if is_secret(value):
        return ""
    if isinstance(value, dict):
        entries = cast(dict[str, Any], value).items()
        return " ".join(f"{key} {plain_text(inner)}" for key, inner in entries)
    if isinstance(value, list):
        return " ".join(plain_text(inner) for inner in cast(list[Any], value))
    return str(value)
