"""Istio's objects as the checks read them: secrets, webhooks, gateways, each found in one place."""

import base64
import binascii
import http
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from tether import addresses, gateway_entry, istiod_endpoints, kube, metadata, topology
from tether.authority import forms
from tether.doctor.view import ClusterView, MeshView
from tether.gateway_entry import GatewayEntry

NETWORK_LABEL = gateway_entry.NETWORK_LABEL
CONTROL_PLANE_ANNOTATION = "topology.istio.io/controlPlaneClusters"
REMOTE_SECRET_LABEL = "istio/multiCluster"  # noqa: S105 - a label, no secret
INJECTION_PATH = re.compile(r"/inject(?:/cluster/(?P<cluster>[^/?]+))?(?:/net/(?P<network>[^/?]+))?")


def data(item: kube.Object | None) -> dict[str, str]:
    """Data of a Secret or ConfigMap; empty where it is not there."""
    return cast("dict[str, str]", (item or {}).get("data") or {})


@dataclass(frozen=True, kw_only=True)
class RemoteSecret:
    """One Secret that istiod takes for the kubeconfig of a cluster."""

    name: str
    namespace: str
    keys: tuple[str, ...]
    """Data keys: istiod takes each for a cluster ID (istio/istio pkg/kube/multicluster/secretcontroller.go)."""
    is_labelled: bool
    kubeconfigs: tuple[str, ...] = field(repr=False)
    """Contents, in the order of the keys. Secret."""
    has_own_authority: bool = False
    """Whether somebody chose the CA in it, so that it need not be the cluster's own."""


def remote_secrets(primary: ClusterView) -> list[RemoteSecret]:
    """Every Secret in the primary that is, or by its name was meant to be, a remote secret.

    Who may read those of Istio's namespace only is not told of one that lies elsewhere.
    """
    try:
        items = primary.list("/api/v1/secrets")
    except kube.KubeError as error:
        if error.status != http.HTTPStatus.FORBIDDEN:
            raise
        items = primary.list(primary.system("secrets"))
    found = [_remote_secret(item) for item in items]
    return [secret for secret in found if secret]


def _remote_secret(item: kube.Object) -> RemoteSecret | None:
    meta = item["metadata"]
    labelled = metadata.labels(item).get(REMOTE_SECRET_LABEL) == "true"
    meant = str(meta["name"]).startswith("istio-remote-secret-")
    if not labelled and not meant:
        return None
    entries = data(item)
    return RemoteSecret(
        name=meta["name"], namespace=meta["namespace"], keys=tuple(entries), is_labelled=labelled,
        kubeconfigs=tuple(decoded(value) for value in entries.values()),
        has_own_authority=topology.OWN_AUTHORITY in metadata.annotations(item),
    )  # fmt: skip


def decoded(value: str) -> str:
    """Text of a base64 value; empty where it is none."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def authority(secret: kube.Object | None) -> dict[str, str]:
    """Texts of Secret ``cacerts`` by istiod's own keys, also where cert-manager wrote it; empty if it is not there."""
    return forms.in_istiods_form({key: decoded(value) for key, value in data(secret).items()})


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a remote secret's kubeconfig says about the way to its API server."""

    server: str
    authority: str
    """CA certificate, PEM; empty where there is none."""
    refused: tuple[str, ...]
    """Fields for which istiod refuses the kubeconfig (istio/istio pkg/kube/util.go, sanitizeKubeConfig)."""
    token: str = field(repr=False)
    """Secret; empty where it proves itself otherwise."""


def credential(kubeconfig: str) -> Credential | None:
    """Look into a kubeconfig; None where it is none or its current context leads nowhere."""
    try:
        document: Any = yaml.safe_load(kubeconfig)
        context = _named(document, "contexts", document["current-context"])["context"]
        cluster = _named(document, "clusters", context["cluster"])["cluster"]
        user = _named(document, "users", context["user"])["user"]
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        return None
    refused = [f"{key}" for key in ("exec", "auth-provider", "tokenFile", "client-key", "client-certificate")
               if user.get(key)]  # fmt: skip
    refused += [key for key in ("certificate-authority", "insecure-skip-tls-verify") if cluster.get(key)]
    return Credential(
        server=str(cluster.get("server") or ""),
        authority=decoded(str(cluster.get("certificate-authority-data") or "")),
        refused=tuple(refused),
        token=str(user.get("token") or ""),
    )


def _named(document: Any, kind: str, name: str) -> Any:
    return next(entry for entry in document[kind] if entry["name"] == name)


def secret_of(view: MeshView, remote: ClusterView) -> tuple[RemoteSecret, str, str] | None:
    """The remote secret that leads to a cluster, with the key and the kubeconfig in it.

    A Secret belongs to a remote by its key; where none has the key, by the CA in its
    kubeconfig, which is the remote's own (ConfigMap kube-root-ca.crt), or by its name.
    """
    expected = cluster_id(remote)
    entries = [(secret, key, content) for secret in remote_secrets(view.primary)
               for key, content in zip(secret.keys, secret.kubeconfigs, strict=True)]  # fmt: skip
    usable = [entry for entry in entries if entry[0].is_labelled and entry[0].namespace == view.namespace]
    authority = api_authority(remote)
    by_authority = [entry for entry in usable if _authority(entry[2]) == authority] if authority else []
    by_key = [entry for entry in usable if entry[1] == expected]
    by_name = [entry for entry in usable if entry[0].name == f"istio-remote-secret-{expected}"]
    for candidates in (by_key, by_authority, by_name):
        if candidates:
            return candidates[0]
    return None


def known_secret_of(view: MeshView, remote: ClusterView) -> tuple[RemoteSecret, str, str]:
    """The remote secret of a cluster that has one, as ``secret_of`` finds it.

    Raises:
        tether.kube.KubeError: there is none, which is for D11 to tell.
    """
    found = secret_of(view, remote)
    if found is None:
        raise kube.KubeError(f"there is no remote secret of {remote.name} (D11)")
    return found


def _authority(kubeconfig: str) -> str:
    found = credential(kubeconfig)
    return found.authority.strip() if found else ""


def api_authority(cluster: ClusterView) -> str:
    """PEM of the CA that signed a cluster's API server certificate; Kubernetes writes it to every namespace."""
    found = cluster.find("/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt")
    return data(found).get("ca.crt", "").strip()


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One webhook of a configuration."""

    configuration: str
    name: str
    index: int
    kind: str
    """``mutating`` or ``validating``."""
    bundle: str
    """PEM of the CA that the API server trusts."""
    service: str
    """``namespace/name`` of the Service that is called; empty where a URL is."""
    path: str
    """Of the Service or the URL."""
    policy: str
    """``Fail`` or ``Ignore``."""


def webhooks(cluster: ClusterView) -> list[Webhook]:
    """Every webhook of Istio's: those that call an istiod."""
    found: list[Webhook] = []
    for kind in ("mutating", "validating"):
        for item in cluster.list(f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"):
            for index, entry in enumerate(metadata.listed(item, "webhooks")):
                if str(entry["name"]).endswith(".istio.io"):
                    found.append(_webhook(kind, item["metadata"]["name"], index, entry))
    return found


def _webhook(kind: str, configuration: str, index: int, entry: kube.Object) -> Webhook:
    client = cast("kube.Object", entry["clientConfig"])
    service = cast("kube.Object", client.get("service") or {})
    return Webhook(
        configuration=configuration, name=entry["name"], index=index, kind=kind,
        bundle=decoded(client.get("caBundle") or ""),
        service=f"{service['namespace']}/{service['name']}" if service else "",
        path=str(service.get("path") or client.get("url") or ""),
        policy=str(entry.get("failurePolicy") or ""),
    )  # fmt: skip


def injectors(cluster: ClusterView) -> list[Webhook]:
    """The webhooks that give proxies to pods, without leftovers that call a Service which is not there."""
    found = [hook for hook in webhooks(cluster) if hook.kind == "mutating" and "sidecar-injector" in hook.name]
    return [hook for hook in found if not hook.service or exists(cluster, hook.service)]


def exists(cluster: ClusterView, service: str) -> bool:
    """Whether a Service ``namespace/name`` is there."""
    namespace, name = service.split("/")
    return cluster.find(f"/api/v1/namespaces/{namespace}/services/{name}") is not None


def injected_identity(cluster: ClusterView) -> tuple[str, str]:
    """Cluster ID and network that an injected proxy is told; empty where the path does not say."""
    for hook in injectors(cluster):
        match = INJECTION_PATH.search(hook.path)
        if match and match["cluster"]:
            return match["cluster"], match["network"] or ""
    return "", ""


def cluster_id(cluster: ClusterView) -> str:
    """The Istio cluster ID that a cluster is meant to have: as planned, else as its webhook or its istiod says."""
    planned = cluster.cluster.member.cluster_id
    if planned:
        return planned
    if cluster.is_primary:
        return istiod_variable(cluster, "CLUSTER_ID")
    return injected_identity(cluster)[0]


def known_id(view: MeshView, cluster: ClusterView) -> str:
    """The same; where nothing says it, the key of its remote secret, which is what istiod calls the cluster."""
    found = cluster_id(cluster)
    if not found and not cluster.is_primary and (entry := secret_of(view, cluster)):
        return entry[1]
    return found


def istiod_variable(primary: ClusterView, name: str) -> str:
    """Value of an environment variable of istiod; empty where it is not set."""
    for pod in istiod_pods(primary):
        for container in metadata.listed(pod["spec"], "containers"):
            for entry in metadata.listed(container, "env"):
                if entry["name"] == name:
                    return str(entry.get("value") or "")
    return ""


def istiod_pods(primary: ClusterView) -> list[kube.Object]:
    """Istiod's pods, also those that are not ready, without those that end."""
    found = primary.list(primary.system("pods"), {"labelSelector": primary.mesh.revision.selector})
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def namespace_network(cluster: ClusterView) -> str:
    """Network of a cluster by the label on Istio's namespace; empty where there is none."""
    found = cluster.find(f"/api/v1/namespaces/{cluster.mesh.namespace}") or {"metadata": {}}
    return metadata.labels(found).get(NETWORK_LABEL, "")


def gateways(cluster: ClusterView) -> list[kube.Object]:
    """Services of east-west gateways: those with the network label and port 15443, in any namespace."""
    return [
        service
        for service in cluster.list("/api/v1/services", {"labelSelector": NETWORK_LABEL})
        if topology.CROSS_NETWORK_PORT in [port["port"] for port in metadata.listed(service["spec"], "ports")]
    ]


def pods_of(cluster: ClusterView, service: kube.Object) -> list[kube.Object]:
    """Pods that a Service selects, also those that are not ready."""
    selector = cast("dict[str, str]", service["spec"].get("selector") or {})
    wanted = ",".join(f"{key}={value}" for key, value in selector.items())
    return cluster.list(f"/api/v1/namespaces/{service['metadata']['namespace']}/pods", {"labelSelector": wanted})


def entry(cluster: ClusterView, service: kube.Object) -> GatewayEntry:
    """Where a gateway is entered."""
    return gateway_entry.of_service(service, lambda: cluster.list("/api/v1/nodes"))


def gateway_addresses(cluster: ClusterView) -> list[str]:
    """IP addresses and host names of the cluster's east-west gateways."""
    return [address for service in gateways(cluster) for address in entry(cluster, service).addresses]


def outside(cluster: ClusterView, port: int) -> int:
    """Port to go to for one of a gateway's own: another one where the cluster is entered at its nodes."""
    entries = (entry(cluster, service) for service in gateways(cluster))
    return next((found.port(port) for found in entries if found.addresses), port)


def istiod_outside(primary: ClusterView) -> tuple[istiod_endpoints.Port, ...]:
    """Ports of istiod on the primary's gateway, as a remote's EndpointSlice has them."""
    return istiod_endpoints.ports(*(outside(primary, port) for port in (topology.XDS_PORT, topology.WEBHOOK_PORT)))


def gateway_ips(cluster: ClusterView) -> list[str] | None:
    """IP addresses that those stand for; None where this machine cannot resolve a name."""
    try:
        return cluster.facts.once("gateway IPs", lambda: addresses.resolved(gateway_addresses(cluster)))
    except OSError:
        return None


def gateway_address(cluster: ClusterView) -> str:
    """First address of the cluster's east-west gateway; empty where there is none."""
    return next(iter(gateway_addresses(cluster)), "")


def known_gateway_address(cluster: ClusterView) -> str:
    """The same of a cluster that has one.

    Raises:
        tether.kube.KubeError: there is none, which is for D07 to tell.
    """
    address = gateway_address(cluster)
    if not address:
        raise kube.KubeError(f"{cluster.name} has no east-west gateway with an address (D07)")
    return address


def root_of(cluster: ClusterView, namespace: str) -> str:
    """Root certificate, PEM, that proxies of a namespace are told; empty where they are told none."""
    found = cluster.find(f"/api/v1/namespaces/{namespace}/configmaps/{topology.ROOT_CERTIFICATE_CONFIG_MAP}")
    return data(found).get("root-cert.pem", "")


def mesh_root(view: MeshView) -> str:
    """The root that istiod signs under: what it tells to the primary's own proxies."""
    return root_of(view.primary, view.namespace)


def node_providers(cluster: ClusterView) -> set[str]:
    """Who runs the nodes, by the scheme of ``spec.providerID``: ``gce``, ``aws``, ``azure``, ``kind``; may be empty."""
    nodes = cluster.list("/api/v1/nodes")
    return {str(node["spec"].get("providerID") or "").partition(":")[0] for node in nodes}


def istiod_slices(remote: ClusterView) -> list[kube.Object]:
    """EndpointSlices of the remote's Service istiod."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{remote.mesh.namespace}/endpointslices"
    return remote.list(path, {"labelSelector": f"{istiod_endpoints.SERVICE_LABEL}={remote.mesh.revision.istiod}"})


def sliced(slices: Iterable[kube.Object]) -> Iterator[str]:
    """Addresses in EndpointSlices."""
    for item in slices:
        for endpoint in metadata.listed(item, "endpoints"):
            yield from cast("list[str]", endpoint.get("addresses") or [])


def sliced_port(slices: Iterable[kube.Object], own: int) -> int:
    """Port in EndpointSlices that leads to one of istiod's; that one itself where they do not say."""
    name = next((port["name"] for port in istiod_endpoints.PORTS if port["port"] == own), "")
    found = (port for item in slices for port in metadata.listed(item, "ports") if port.get("name") == name)
    return next((int(port["port"]) for port in found), own)


def v1_endpoints(remote: ClusterView) -> list[str]:
    """Addresses in the v1 Endpoints of Service istiod; none where there are none, or they may not be read."""
    try:
        found = remote.find(remote.system("endpoints", remote.mesh.revision.istiod)) or {}
    except kube.KubeError:
        return []
    return [str(one["ip"]) for subset in metadata.listed(found, "subsets")
            for one in metadata.listed(subset, "addresses")]  # fmt: skip
