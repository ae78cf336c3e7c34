"""Whether a cluster resolves names: what is connected goes on without, and what starts anew finds nobody."""

from tether import istiod_endpoints, kube, metadata
from tether.doctor import fixes, objects
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, wrong
from tether.doctor.view import ClusterView, MeshView

_NAMESPACE = "kube-system"
_SERVICE = "kube-dns"
"""Name of the Service whatever answers behind it (kubernetes/dns, docs/specification.md; kubeadm, EKS, GKE and AKS)."""
_PODS = "k8s-app=kube-dns"


def _resolves(_: MeshView, cluster: ClusterView) -> Answer:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{_NAMESPACE}/endpointslices"
    slices = cluster.list(path, {"labelSelector": f"{istiod_endpoints.SERVICE_LABEL}={_SERVICE}"})
    if not slices:
        return ok(f"no Service {_SERVICE}: another name service is not looked at")
    ready = [endpoint for item in slices for endpoint in metadata.listed(item, "endpoints") if _is_ready(endpoint)]
    if ready:
        return ok(f"Service {_SERVICE} has {len(ready)} of its pods ready")
    pods = cluster.list(f"/api/v1/namespaces/{_NAMESPACE}/pods", {"labelSelector": _PODS})
    # CoreDNS's like may be scaled away for good there, once Cloud DNS answers (GKE, "Using Cloud DNS for GKE").
    if not pods and "gce" in objects.node_providers(cluster):
        return ok(f"Service {_SERVICE} has no pods: Cloud DNS resolves names instead")
    return wrong(
        f"Service {_SERVICE} of {cluster.name} has no pod that is ready, so no name is resolved there",
        cause="" if pods else "its Deployment is scaled to nothing",
        fix=fixes.kubectl(cluster, f"-n {_NAMESPACE} describe pods -l {_PODS}")
        if pods
        else fixes.bring_back(cluster, _NAMESPACE, _PODS),
    )


def _is_ready(endpoint: kube.Object) -> bool:
    """Left out, the condition means yes (k8s.io/api discovery/v1)."""
    conditions: kube.Object = endpoint.get("conditions") or {}
    return conditions.get("ready") is not False


CHECKS = (
    Check(
        id="D42", title="Names are resolved", family=Family.BEFORE, scope=Scope.CLUSTER,
        severity=Severity.ERROR, needs=("D01",),
        symptom="Proxies go on until one starts anew and does not find istiod; applications find no Service.",
        cause="No pod of CoreDNS is ready.",
        remedy="Have one run.",
        probe=_resolves,
    ),
)  # fmt: skip
