"""Ways to break a primary-remote mesh, each as the change of one object. Pure functions."""

import base64
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml

from tether import topology
from tether.topology import Role

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """One change that breaks a mesh."""

    title: str
    """What is wrong afterwards, as a sentence."""
    where: Role
    """Cluster that holds the object."""
    kind: str
    """As kubectl takes it."""
    name: str
    """``{remote}`` stands for the remote's name."""
    change: Callable[[Object], None]
    """Breaks the object in place."""
    namespaced: bool = True


def _data_key(secret: Object) -> None:
    ((_, kubeconfig),) = secret["data"].items()
    secret["data"] = {"cluster9": kubeconfig}


def _kubeconfig(change: Callable[[Object], None]) -> Callable[[Object], None]:
    """Change the kubeconfig inside a remote secret."""

    def inside(secret: Object) -> None:
        ((key, encoded),) = secret["data"].items()
        document = yaml.safe_load(base64.b64decode(encoded))
        change(document)
        secret["data"] = {key: base64.b64encode(yaml.safe_dump(document).encode()).decode()}

    return inside


def _token(document: Object) -> None:
    document["users"][0]["user"]["token"] += "x"


def _loopback(document: Object) -> None:
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:6443"


def _no_label(secret: Object) -> None:
    del secret["metadata"]["labels"]["istio/multiCluster"]


def _no_annotation(namespace: Object) -> None:
    del namespace["metadata"]["annotations"]["topology.istio.io/controlPlaneClusters"]


def _other_network(namespace: Object) -> None:
    namespace["metadata"]["labels"]["topology.istio.io/network"] = "network9"


def _no_endpoint_slices(role: Object) -> None:
    for rule in role["rules"]:
        if "discovery.k8s.io" in rule.get("apiGroups", []):
            rule["resources"] = ["nothing"]


def _other_path(configuration: Object) -> None:
    for webhook in configuration["webhooks"]:
        service = webhook["clientConfig"]["service"]
        service["path"] = "/inject/cluster/cluster9/net/network9"


def _other_address(endpoint_slice: Object) -> None:
    endpoint_slice["endpoints"][0]["addresses"] = ["192.0.2.1"]


def _no_webhook_port(gateway: Object) -> None:
    servers = gateway["spec"]["servers"]
    gateway["spec"]["servers"] = [one for one in servers if one["port"]["number"] != topology.WEBHOOK_PORT]


def _other_gateway(gateway: Object) -> None:
    gateway["spec"]["selector"] = {"istio": "no-such-gateway"}


def _no_pod(deployment: Object) -> None:
    deployment["spec"]["replicas"] = 0


_SECRET: Mapping[str, Any] = {"where": Role.PRIMARY, "kind": "secret", "name": "istio-remote-secret-{remote}"}
_GATEWAY: Mapping[str, Any] = {"where": Role.PRIMARY, "kind": "gateways.networking.istio.io"}
_NAMESPACE: Mapping[str, Any] = {
    "where": Role.REMOTE, "kind": "namespace", "name": "istio-system", "namespaced": False,
}  # fmt: skip

BREAKAGES: Sequence[Breakage] = (
    Breakage(title="the remote secret's data key names another cluster", change=_data_key, **_SECRET),
    Breakage(title="the token in the remote secret is not valid", change=_kubeconfig(_token), **_SECRET),
    Breakage(title="the remote secret leads to a loopback address", change=_kubeconfig(_loopback), **_SECRET),
    Breakage(title="the remote secret has lost its label", change=_no_label, **_SECRET),
    Breakage(title="the remote's namespace does not name its primary", change=_no_annotation, **_NAMESPACE),
    Breakage(title="the remote's namespace names another network", change=_other_network, **_NAMESPACE),
    Breakage(
        title="istiod may not read EndpointSlices in the remote", change=_no_endpoint_slices, where=Role.REMOTE,
        kind="clusterrole", name="istio-reader-clusterrole-istio-system", namespaced=False,
    ),
    Breakage(
        title="the remote's webhook names another cluster", change=_other_path, where=Role.REMOTE,
        kind="mutatingwebhookconfiguration", name="istio-sidecar-injector", namespaced=False,
    ),
    Breakage(
        title="the remote's istiod Service leads to an address where nobody answers", change=_other_address,
        where=Role.REMOTE, kind="endpointslice", name="istiod",
    ),
    Breakage(
        title="the primary's gateway does not pass injection on", change=_no_webhook_port, name="istiod-gateway",
        **_GATEWAY,
    ),
    Breakage(
        title="no gateway opens services to other networks", change=_other_gateway, name="cross-network-gateway",
        **_GATEWAY,
    ),
    Breakage(
        title="the remote's east-west gateway has no pod", change=_no_pod, where=Role.REMOTE, kind="deployment",
        name=topology.EAST_WEST_GATEWAY,
    ),
)  # fmt: skip


def broken(healthy: Object, breakage: Breakage) -> Object:
    """The object as the breakage leaves it.

    Raises:
        ValueError: nothing changed; the breakage does not fit this mesh.
    """
    result = applicable(healthy)
    breakage.change(result)
    if result == applicable(healthy):
        raise ValueError(f"{breakage.title}: the object is as it was")
    return result


def applicable(found: Object) -> Object:
    """A copy that can be put in the place of whatever the object is by then."""
    result = deepcopy(found)
    for key in ("resourceVersion", "uid", "managedFields", "creationTimestamp", "generation"):
        result["metadata"].pop(key, None)
    result.pop("status", None)
    return result
