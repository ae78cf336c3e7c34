"""A remote in memory with everything that a mesh puts into it, and that what is deleted leaves."""

from collections.abc import Callable
from typing import Any

from tests.unit.doctor.fake_cluster import FakeCluster
from tether import kube
from tether.topology import BOUND_TOKEN_LABEL, READER_TOKEN_SECRET

NAMESPACE = "istio-system"
HOOKS = "/apis/admissionregistration.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
WIDGETS = f"/apis/example.com/v1/namespaces/{NAMESPACE}/widgets"


class FakeRemote(FakeCluster):
    """What is deleted is gone, unless finalizers hold it."""

    def __init__(self, name: str = "west") -> None:
        super().__init__(name)
        self.patched: list[tuple[str, kube.Object]] = []
        self.on_delete: Callable[[str], None] = lambda path: None
        self.put("/version")

    def delete(self, path: str, query: Any = None) -> None:
        super().delete(path, query)
        self._check("delete", path)
        self.on_delete(path)
        found = self.objects.get(path)
        if found and found["metadata"].get("finalizers"):
            found["metadata"]["deletionTimestamp"] = "2026-11-26T00:00:00Z"
        else:
            self.objects.pop(path, None)

    def create(self, path: str, body: kube.Object, query: Any = None) -> kube.Object:
        made = super().create(path, body, query)
        return self.put(f"{path}/{body['metadata']['name']}", made)

    def patch(self, path: str, body: kube.Object) -> kube.Object:
        self._check("patch", path)
        self.patched.append((path, body))
        if body == {"metadata": {"finalizers": None}} and self.objects[path]["metadata"].get("deletionTimestamp"):
            del self.objects[path]
        return body

    def end_namespace(self) -> None:
        """Have Istio's namespace go with everything in it, as Kubernetes does after its deletion."""
        own = f"/api/v1/namespaces/{NAMESPACE}"
        inside = f"/namespaces/{NAMESPACE}/"
        self.objects = {path: item for path, item in self.objects.items() if path != own and inside not in path}


def remote() -> FakeRemote:
    """A remote that is served: webhook, rights, root certificates, a lock, releases, definitions."""
    cluster = FakeRemote()
    cluster.put(f"/api/v1/namespaces/{NAMESPACE}", {"metadata": {"annotations": {"tether.made": "true"}}})
    put_hook(cluster, "istio-sidecar-injector", NAMESPACE)
    for kind in ("clusterroles", "clusterrolebindings"):
        helm = {"meta.helm.sh/release-namespace": NAMESPACE}
        body: kube.Object = {"metadata": {"labels": {"app": "istio-reader"}, "annotations": helm}}
        cluster.put(f"{RBAC}/{kind}/istio-reader-clusterrole-{NAMESPACE}", body)
        cluster.put(f"{RBAC}/{kind}/admin")
    for namespace in (NAMESPACE, "shop"):
        body = {"metadata": {"labels": {"istio.io/config": "true"}}}
        for name in ("istio-ca-root-cert", "istio-ca-crl"):
            cluster.put(f"/api/v1/namespaces/{namespace}/configmaps/{name}", body)
    cluster.put("/api/v1/namespaces/shop/configmaps/kube-root-ca.crt")
    lock = {"metadata": {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}}
    cluster.put(f"/api/v1/namespaces/{NAMESPACE}/configmaps/istio-namespace-controller-election", lock)
    for release in ("istio-base", "istiod", "istio-eastwestgateway"):
        put_record(cluster, release, 1, "deployed")
    cluster.put(f"{CRDS}/gateways.networking.istio.io", {"spec": {"group": "networking.istio.io"}})
    cluster.put(f"{CRDS}/widgets.example.com", {"spec": {"group": "example.com"}})
    cluster.put(f"{SECRETS}/{READER_TOKEN_SECRET}", {"type": "kubernetes.io/service-account-token"})
    put_discovery(cluster)
    return cluster


def put_bound(cluster: FakeRemote) -> None:
    """Have the reader's token be bound to a Secret, and kept in none."""
    cluster.objects.pop(f"{SECRETS}/{READER_TOKEN_SECRET}")
    cluster.put(f"{SECRETS}/reader-bound-1", {"metadata": {"labels": {BOUND_TOKEN_LABEL: "reader"}}})


def put_hook(cluster: FakeRemote, name: str, service_namespace: str, kind: str = "mutating") -> None:
    hook = {"name": "h", "clientConfig": {"service": {"namespace": service_namespace, "name": "istiod"}}}
    app = "sidecar-injector" if kind == "mutating" else "istiod"
    body = {"metadata": {"labels": {"app": app}}, "webhooks": [hook]}
    cluster.put(f"{HOOKS}/{kind}webhookconfigurations/{name}", body)


def put_record(cluster: FakeRemote, release: str, version: int, status: str) -> None:
    labels = {"owner": "helm", "name": release, "version": str(version), "status": status}
    cluster.put(f"{SECRETS}/sh.helm.release.v1.{release}.v{version}", {"metadata": {"labels": labels}})


def put_discovery(cluster: FakeRemote) -> None:
    everything = ["list", "delete"]
    cluster.objects["/apis"] = {
        "groups": [
            {"preferredVersion": {"groupVersion": "example.com/v1"}},
            {"preferredVersion": {"groupVersion": "gone.example.com/v1"}},
        ]
    }
    cluster.objects["/api/v1"] = {
        "resources": [
            {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": everything},
            {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": everything},
        ]
    }
    cluster.objects["/apis/example.com/v1"] = {
        "resources": [
            {"name": "widgets", "kind": "Widget", "namespaced": True, "verbs": everything},
            {"name": "widgets/status", "kind": "Widget", "namespaced": True, "verbs": ["get"]},
        ]
    }


def put_held(cluster: FakeRemote) -> str:
    """An object in Istio's namespace that was deleted and that a finalizer holds; returns its path."""
    path = f"{WIDGETS}/w"
    meta = {"finalizers": ["example.com/clean"], "deletionTimestamp": "2026-11-26T00:00:00Z"}
    cluster.put(path, {"metadata": meta})
    return path


def put_pod(
    cluster: FakeRemote, namespace: str, name: str, *, owner: tuple[str, str] | None = None,
    labels: dict[str, str] | None = None, by: str = "annotation", phase: str = "Running",
) -> None:  # fmt: skip
    """A pod with a proxy, told by an ``annotation``, a ``container`` or an ``init`` container; or with ``none``."""
    meta: dict[str, Any] = {"labels": labels or {}}
    if owner:
        meta["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    if by == "annotation":
        meta["annotations"] = {"sidecar.istio.io/status": "{}"}
    proxy = [{"name": "istio-proxy"}]
    spec = {"containers": [{"name": "app"}, *(proxy if by == "container" else [])]}
    if by == "init":
        spec["initContainers"] = proxy
    body = {"metadata": meta, "spec": spec, "status": {"phase": phase}}
    cluster.put(f"/api/v1/namespaces/{namespace}/pods/{name}", body)
