"""What a mesh must show before the next thing may rely on it.

Each probe reads one fact and says in words what it saw and, where that is not yet
right, the likely cause; ``tether.gate`` waits for them. The causes come from Istio's
source (pilot/pkg/serviceregistry/kube/controller/multicluster.go,
pkg/kube/multicluster/secretcontroller.go, pkg/kube/inject).
"""

import dataclasses
import http.client
import json
import socket
from collections.abc import Callable
from typing import cast

from tether import addresses, gateway_entry, kube, topology, wait
from tether.gate import Finding
from tether.gateway_entry import GatewayEntry
from tether.revision import DEFAULT, Revision

_PROXY = "istio-proxy"
_ROOT_KEY = "root-cert.pem"
_READY_PATH = "/healthz/ready"
_FIRST_SECONDS, _LONGEST_SECONDS = 0.25, 2.0
"""For an answer. A packet that came before the way was there is lost with its whole connection (conntrack keeps where
it went), so that a new one is answered sooner than the old one; twice as long each time, for those who are far away."""
NO_EXTERNAL_IP = (
    f"no node that its annotation {gateway_entry.NODE_SELECTOR} chooses has an address of type ExternalIP, and istiod "
    "takes no other; say which addresses lead to the nodes: clusters[].exposure.nodeAddresses"
)
"""Why a gateway behind nodes has no address."""


def remote_synced(primary: kube.Api, namespace: str, cluster_id: str, revision: Revision = DEFAULT) -> Finding:
    """Whether every istiod of the primary has read the remote's API server completely."""
    pods = _ready_pods(primary, namespace, revision.selector)
    if not pods:
        return Finding(
            ready=False,
            seen=f"no istiod pod is ready in {namespace}",
            cause=f"istiod does not start; see: kubectl -n {namespace} describe pods -l {revision.selector}",
        )
    for pod in pods:
        finding = _sync_status(primary, namespace, pod, cluster_id, revision)
        if not finding.ready:
            return finding
    return Finding(ready=True, seen=f"istiod has read all of {cluster_id}")


def _sync_status(primary: kube.Api, namespace: str, pod: str, cluster_id: str, revision: Revision) -> Finding:
    try:
        answer = primary.ask_pod(namespace, pod, topology.MONITORING_PORT, "/debug/clusterz")
    except kube.KubeError as error:
        return Finding(ready=False, seen=f"istiod does not say which clusters it reads: {error}")
    clusters = cast("list[kube.Object]", json.loads(answer or "[]") or [])
    status = next((str(entry.get("syncStatus")) for entry in clusters if entry.get("id") == cluster_id), "")
    if status == "synced":
        return Finding(ready=True, seen="synced")
    if not status:
        known = ", ".join(str(entry.get("id")) for entry in clusters) or "none"
        return Finding(
            ready=False,
            seen=f"istiod knows no cluster {cluster_id} (it knows {known})",
            cause=f"there is no Secret in {namespace} with label istio/multiCluster=true and data key {cluster_id}, "
            "or its kubeconfig was refused (exec, tokenFile and key files are); istiod's log says which",
        )
    return Finding(
        ready=False,
        seen=f"istiod says {status} for {cluster_id}",
        cause="istiod's pod cannot reach the API server named in the remote secret, or its token may not list pods, "
        "services, secrets and configmaps there; see: "
        f"kubectl -n {namespace} logs deploy/{revision.istiod} | grep {cluster_id}",
    )


def root_distributed(primary: kube.Api, remote: kube.Api, namespace: str, expected: str = "") -> Finding:
    """Whether the remote's proxies are told the CA root that istiod signs with.

    Args:
        primary: cluster whose root is the right one, unless ``expected`` says it.
        remote: cluster asked.
        namespace: Istio's namespace, in both.
        expected: PEM of the root; empty: the primary's own ConfigMap.
    """
    name = topology.ROOT_CERTIFICATE_CONFIG_MAP
    expected = expected or _root(primary, namespace)
    if not expected:
        return Finding(ready=False, seen=f"the primary has no ConfigMap {namespace}/{name} yet")
    found = _root(remote, namespace)
    if not found:
        return Finding(
            ready=False,
            seen=f"the remote has no ConfigMap {namespace}/{name}",
            cause="istiod writes it only with global.externalIstiod=true and when the remote's namespace carried the "
            "annotation topology.istio.io/controlPlaneClusters before the remote secret was read; after mending it, "
            "restart istiod",
        )
    if found.strip() != expected.strip():
        return Finding(
            ready=False,
            seen=f"the remote's ConfigMap {namespace}/{name} holds another root than the primary's CA",
            cause="a root from an earlier mesh was left there, or another istiod writes to this cluster",
        )
    return Finding(ready=True, seen="the remote has the primary's root certificate")


def _root(cluster: kube.Api, namespace: str) -> str:
    name = topology.ROOT_CERTIFICATE_CONFIG_MAP
    found = cluster.find(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    return str((found or {}).get("data", {}).get(_ROOT_KEY, ""))


def validation_answers(primary: kube.Api, namespace: str) -> Finding:
    """Whether the API server reaches istiod: an Istio object, created as a dry run, must be validated."""
    path = f"/apis/networking.istio.io/v1/namespaces/{namespace}/gateways"
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["tether.test"]}
    probe: kube.Object = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "tether-probe"},
        "spec": {"selector": {"istio": "tether-probe"}, "servers": [server]},
    }
    try:
        primary.create(path, probe, {"dryRun": "All"})
    except kube.KubeError as error:
        return Finding(ready=False, seen=str(error), cause=webhook_cause(str(error)))
    return Finding(ready=True, seen="the API server reaches istiod")


def webhook_injects(
    remote: kube.Api, namespace: str, cluster_id: str, network: str, revision: Revision = DEFAULT
) -> Finding:
    """Whether a pod made in the remote now would get a proxy of the right cluster and network.

    The pod is created as a dry run: the API server calls istiod's webhook through the
    east-west gateway, and stores nothing.
    """
    try:
        seen = injected_environment(remote, namespace, revision)
    except kube.KubeError as error:
        return Finding(ready=False, seen=str(error), cause=webhook_cause(str(error)))
    if seen is None:
        return Finding(
            ready=False,
            seen="a labelled pod came back without a proxy",
            cause=f"no MutatingWebhookConfiguration of Istio matches: look for {revision.webhook(namespace)} in the "
            f"remote, and for a label istio-injection=disabled on namespace {namespace}",
        )
    wanted = {"ISTIO_META_CLUSTER_ID": cluster_id, "ISTIO_META_NETWORK": network}
    wrong = [f"{name} is {seen.get(name) or 'not set'}, not {value}" for name, value in wanted.items()
             if seen.get(name) != value]  # fmt: skip
    if wrong:
        return Finding(
            ready=False,
            seen="the proxy would be told the wrong place: " + "; ".join(wrong),
            cause=f"the webhook's path must be /inject/cluster/{cluster_id}/net/{network} (istiodRemote.injectionPath)",
        )
    return Finding(ready=True, seen="a pod in the remote gets a proxy")


def injected_environment(cluster: kube.Api, namespace: str, revision: Revision = DEFAULT) -> dict[str, str] | None:
    """Environment that the proxy of a pod made now would get, None where it would get no proxy.

    The pod is created as a dry run: the API server calls istiod's webhook and stores nothing.

    Raises:
        tether.kube.KubeError: the API server refused, or the webhook failed.
    """
    pod = cluster.create(f"/api/v1/namespaces/{namespace}/pods", probe_pod(revision), {"dryRun": "All"})
    proxy = _proxy_container(pod)
    if proxy is None:
        return None
    return {entry["name"]: entry.get("value", "") for entry in cast("list[kube.Object]", proxy.get("env") or [])}


def probe_pod(revision: Revision = DEFAULT) -> kube.Object:
    """A pod that asks for a proxy of one revision; to be created as a dry run only, its image is none."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "tether-probe-", "labels": dict(revision.pod_labels)},
        "spec": {"containers": [{"name": "probe", "image": "probe"}]},
    }


def webhook_cause(message: str) -> str:
    """What an API server's complaint about a webhook usually means; empty where nothing is known."""
    causes = {
        'endpoints "': "this API server finds the Services of webhooks through v1 Endpoints, as GKE's and AKS's do; "
        "set v1Endpoints of the cluster to true",
        "x509": "the webhook's caBundle is not the root that istiod's certificate is signed with",
        "refused": "nothing listens behind istiod's Service: the east-west gateway of the primary does not serve port "
        f"{topology.WEBHOOK_PORT} yet (Gateway and VirtualService that expose istiod)",
        "EOF": f"the primary's gateway closes port {topology.WEBHOOK_PORT}: the VirtualService that exposes istiod is "
        "missing",
        "deadline exceeded": "the remote's API server cannot reach the primary's east-west gateway",
        "timeout": "the remote's API server cannot reach the primary's east-west gateway",
        "no endpoints": "the remote's Service istiod has no EndpointSlice with the primary's gateway address",
        "not found": "the remote has no Service istiod, or the namespace's service account does not exist yet",
        "forbidden": "the namespace's service account does not exist yet, or the kubeconfig's user may not create pods",
    }
    return next((cause for sign, cause in causes.items() if sign in message), "")


def _proxy_container(pod: kube.Object) -> kube.Object | None:
    """The proxy: a container, or an init container where it is a native sidecar."""
    spec = cast("kube.Object", pod["spec"])
    containers = cast("list[kube.Object]", [*spec["containers"], *spec.get("initContainers", [])])
    return next((container for container in containers if container["name"] == _PROXY), None)


def gateway_running(cluster: kube.Api, namespace: str, service: str) -> Finding:
    """Whether the pods behind a gateway's Service are injected and ready."""
    path = f"/api/v1/namespaces/{namespace}"
    found = cluster.find(f"{path}/services/{service}")
    if found is None:
        return Finding(ready=False, seen=f"there is no Service {namespace}/{service}")
    selector = ",".join(f"{key}={value}" for key, value in found["spec"].get("selector", {}).items())
    listed = kube.items(cluster.get(f"{path}/pods", {"labelSelector": selector}))
    pods = [pod for pod in listed if not pod["metadata"].get("deletionTimestamp")]
    if not pods:
        return Finding(
            ready=False,
            seen=f"no pod matches Service {namespace}/{service}",
            cause="the API server could not call the injection webhook; see: "
            f"kubectl -n {namespace} describe replicaset -l {selector}",
        )
    if any(container["image"] == "auto" for pod in pods for container in pod["spec"]["containers"]):
        return Finding(
            ready=False,
            seen="the gateway's pod has the image auto: it was not injected",
            cause="the pod was made before the injection webhook answered; delete it and it is made anew",
        )
    if not any(is_ready(pod) for pod in pods):
        return Finding(
            ready=False,
            seen=f"pod {pods[0]['metadata']['name']} is not ready: {why_not_ready(pods[0])}",
            cause="its proxy gets no configuration from istiod: wrong address, unknown root, or its token was refused; "
            f"see: kubectl -n {namespace} logs {pods[0]['metadata']['name']}",
        )
    return Finding(ready=True, seen="the gateway's pod is ready")


def gateway_address(cluster: kube.Api, namespace: str, service: str, expected: str = "") -> Finding:
    """Whether the gateway's Service can be entered; the finding's value is its :class:`GatewayEntry`.

    Args:
        cluster: where the gateway runs.
        namespace: the Service's.
        service: the Service's name.
        expected: the address that was asked for, of two IP families two with a comma between; empty: any will do.
    """
    found = cluster.find(f"/api/v1/namespaces/{namespace}/services/{service}") or {}
    entry, wanted = _entry(cluster, found), tuple(filter(None, expected.split(",")))
    if not entry.addresses:
        return Finding(
            ready=False,
            seen=f"Service {namespace}/{service} has no address yet",
            cause=NO_EXTERNAL_IP
            if entry.is_by_nodes
            else "the load balancer has no free address, or none is installed; see: "
            f"kubectl -n {namespace} describe service {service}",
        )
    if not {*wanted} <= {*entry.addresses}:
        return Finding(
            ready=False,
            seen=f"Service {namespace}/{service} has the address {', '.join(entry.addresses)}, not {', '.join(wanted)}",
            cause="another Service of this cluster took the address first, or the pool does not hold it",
        )
    entry = dataclasses.replace(entry, addresses=wanted or entry.addresses)
    return Finding(ready=True, seen=f"address {entry.address}", value=entry)


def _entry(cluster: kube.Api, service: kube.Object) -> GatewayEntry:
    return gateway_entry.of_service(service, lambda: kube.items(cluster.get("/api/v1/nodes")))


def gateway_ips(cluster: kube.Api, namespace: str, service: str) -> Finding:
    """Whether IP addresses are known for where the gateway is entered; the finding's value lists them, one at least.

    They are those that one EndpointSlice can hold; names are resolved by this machine.
    """
    found = cluster.find(f"/api/v1/namespaces/{namespace}/services/{service}") or {}
    given = _entry(cluster, found).addresses
    try:
        ips = addresses.for_one_slice(found, addresses.resolved(given))
    except OSError as error:
        return Finding(
            ready=False,
            seen=f"this machine does not know where {', '.join(given)} leads: {error}",
            cause="the name of a new load balancer takes minutes to be known everywhere, or it is in a private zone "
            "that this machine's resolver does not ask; see: getent ahosts " + " ".join(given),
        )
    return Finding(ready=bool(ips), seen=", ".join(ips) or "none", value=ips)


class GatewayHealth:
    """Asks a gateway for its health: from this machine, or through the API server where no way leads there.

    A container network is not reachable from the host on Docker Desktop; there the
    answer of the pod behind the Service has to do, but only after this machine has had
    ``patience`` seconds to find its own way.
    """

    def __init__(
        self,
        cluster: kube.Api,
        namespace: str,
        service: str,
        *,
        fetch: Callable[[str, int, str, float], int] | None = None,
        clock: wait.Clock = wait.SYSTEM_CLOCK,
        patience: float = 20,
    ) -> None:
        self._cluster = cluster
        self._path = f"/api/v1/namespaces/{namespace}/services/http:{service}:{topology.STATUS_PORT}/proxy{_READY_PATH}"
        self._fetch = fetch or fetch_status
        self._clock = clock
        self._patience = patience
        self._first_asked: float | None = None
        self._seconds = _FIRST_SECONDS

    def __call__(self, address: str, port: int = topology.STATUS_PORT) -> Finding:
        """Probe once; the finding's value is ``machine`` or ``api-server``."""
        if self._first_asked is None:
            self._first_asked = self._clock.now()
        where = addresses.with_port(address, port)
        try:
            status = self._fetch(address, port, _READY_PATH, self._seconds)
        except OSError as error:
            if isinstance(error, TimeoutError):
                self._seconds = min(2 * self._seconds, _LONGEST_SECONDS)
            return self._through_api_server(where, error, self._clock.now() - self._first_asked)
        if status == http.client.OK:
            return Finding(ready=True, seen=f"{where} answers", value="machine")
        return Finding(ready=False, seen=f"{where}{_READY_PATH} answers {status}", cause="the proxy is not ready")

    def _through_api_server(self, where: str, error: OSError, waited: float) -> Finding:
        finding = Finding(
            ready=False,
            seen=f"{where} does not answer: {error}",
            cause="the load balancer does not announce the address on this network, no node has it, or a firewall is "
            "in between",
        )
        if waited < self._patience:
            return finding
        try:
            self._cluster.text(self._path)
        except kube.KubeError:
            return finding
        return Finding(ready=True, seen=f"{where} answers through the API server", value="api-server")


def fetch_status(address: str, port: int, path: str, seconds: float) -> int:
    """HTTP status of a path, asked from this machine; raises OSError where nothing answers in time."""
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (http.client.HTTPException, socket.gaierror) as error:
        raise OSError(str(error) or type(error).__name__) from None
    finally:
        connection.close()


def is_ready(pod: kube.Object) -> bool:
    """Whether a pod serves: its condition Ready is true and it is not on its way out."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = cast("list[kube.Object]", pod.get("status", {}).get("conditions") or [])
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def _ready_pods(cluster: kube.Api, namespace: str, selector: str) -> list[str]:
    pods = kube.items(cluster.get(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector}))
    return [str(pod["metadata"]["name"]) for pod in pods if is_ready(pod)]


def why_not_ready(pod: kube.Object) -> str:
    """The state of the first container that waits, or the conditions that are not met."""
    status = cast("kube.Object", pod.get("status", {}))
    for container in cast("list[kube.Object]", [*status.get("initContainerStatuses", []),
                                                *status.get("containerStatuses", [])]):  # fmt: skip
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return f"{container['name']} waits: {waiting.get('message') or waiting.get('reason')}"
    unmet = [
        f"{entry['type']}: {entry.get('message') or entry.get('reason') or 'not yet'}"
        for entry in cast("list[kube.Object]", status.get("conditions") or [])
        if entry["status"] != "True"
    ]
    return "; ".join(unmet) or str(status.get("phase", "unknown"))
