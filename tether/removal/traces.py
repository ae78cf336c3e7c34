"""What Istio puts into a remote outside of the engine's sight or ahead of it, each found in one place."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tether import kube, metadata, reader_rights
from tether.topology import BOUND_TOKEN_LABEL, MADE_ANNOTATION, READER_TOKEN_SECRET, ROOT_CERTIFICATE_CONFIG_MAP

_HOOKS = "/apis/admissionregistration.k8s.io/v1"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_HOOK_APPS = frozenset({"sidecar-injector", "istiod"})
_ROLE_APPS = frozenset({"istiod", "istio-reader"})
"""Values of the label ``app`` in chart ``istiod`` (istio/istio manifests/charts/istio-control/istio-discovery)."""
_HELM_NAMESPACE = "meta.helm.sh/release-namespace"
"""Helm notes on every object which release it is of (helm.sh/helm pkg/action/validate.go)."""
_ELECTION_RECORD = "control-plane.alpha.kubernetes.io/leader"
_CONFIG_LABEL = "istio.io/config"
"""Label of what istiod writes into every namespace
(istio/istio pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go)."""
WRITTEN_EVERYWHERE_LABEL = f"{_CONFIG_LABEL}=true"
_WRITTEN_EVERYWHERE = frozenset({ROOT_CERTIFICATE_CONFIG_MAP, "istio-ca-crl"})
"""The second where the authority came with a revocation list, or could have."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One object that is there."""

    kind: str
    name: str
    namespace: str = ""
    path: str
    body: kube.Object = field(default_factory=dict[str, Any], repr=False, compare=False)
    """The object as it was found."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def deletion(self) -> str:
        """What kubectl is told to delete it."""
        inside = f"-n {self.namespace} " if self.namespace else ""
        return f"{inside}delete {self.kind.lower()} {self.name}"


def webhooks(api: kube.Api, istio_namespace: str) -> list[Thing]:
    """Webhook configurations that call the istiod of a namespace, those of revision tags included.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    return [
        _thing(kind, path, item)
        for kind, path in (
            ("MutatingWebhookConfiguration", f"{_HOOKS}/mutatingwebhookconfigurations"),
            ("ValidatingWebhookConfiguration", f"{_HOOKS}/validatingwebhookconfigurations"),
        )
        for item in kube.items(api.get(path))
        if metadata.labels(item).get("app") in _HOOK_APPS and _calls(item) <= {istio_namespace}
    ]


def _calls(hook: kube.Object) -> set[str]:
    """Namespaces that it calls a Service in; where it calls a URL, the one that Helm installed it from."""
    services = [one.get("clientConfig", {}).get("service") for one in metadata.listed(hook, "webhooks")]
    called = {str(service["namespace"]) for service in services if service}
    owner = metadata.annotations(hook).get(_HELM_NAMESPACE)
    return called or ({owner} if owner else set())


def put_back(api: kube.Api, hook: Thing) -> None:
    """Make a webhook configuration anew that was deleted, with the labels and annotations by which Helm owns it.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    kept = {key: value for key, value in hook.body["metadata"].items() if key in ("name", "labels", "annotations")}
    whole = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": hook.kind, **hook.body, "metadata": kept}
    api.create(hook.path.rpartition("/")[0], whole)


def rights(api: kube.Api, istio_namespace: str) -> list[Thing]:
    """Cluster roles and bindings of istiod and of the reader, which belong to a namespace.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    return [
        _thing(kind, f"{_RBAC}/{kind.lower()}s", item)
        for kind in ("ClusterRoleBinding", "ClusterRole")
        for item in kube.items(api.get(f"{_RBAC}/{kind.lower()}s"))
        if item["metadata"]["name"] == reader_rights.role_name(istio_namespace)
        or (
            metadata.labels(item).get("app") in _ROLE_APPS
            and metadata.annotations(item).get(_HELM_NAMESPACE) == istio_namespace
        )
    ]


def credentials(api: kube.Api, istio_namespace: str) -> list[Thing]:
    """Secrets with which the reader's token is valid: those that it is kept in, and those that it is bound to.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    path = f"/api/v1/namespaces/{istio_namespace}/secrets"
    kept = kube.items(api.get(path, {"fieldSelector": f"metadata.name={READER_TOKEN_SECRET}"}))
    bound = kube.items(api.get(path, {"labelSelector": BOUND_TOKEN_LABEL}))
    return [_thing("Secret", path, item) for item in (*kept, *bound)]


def root_certificates(api: kube.Api) -> list[Thing]:
    """ConfigMaps with the mesh's root and what it revoked, which istiod writes into every namespace and leaves there.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    listed = kube.items(api.get("/api/v1/configmaps", {"labelSelector": WRITTEN_EVERYWHERE_LABEL}))
    return _config_maps(item for item in listed if metadata.name(item) in _WRITTEN_EVERYWHERE)


def elections(api: kube.Api, istio_namespace: str) -> list[Thing]:
    """ConfigMaps by which istiods agree on who leads in the cluster.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    listed = kube.items(api.get(f"/api/v1/namespaces/{istio_namespace}/configmaps"))
    locks = (item for item in listed if _ELECTION_RECORD in metadata.annotations(item))
    return _config_maps(item for item in locks if metadata.name(item).startswith("istio-"))


def made_namespace(api: kube.Api, istio_namespace: str) -> kube.Object | None:
    """Istio's namespace, unless it was in the cluster before the mesh: it stays then.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    found = api.find(f"/api/v1/namespaces/{istio_namespace}")
    return found if found is not None and MADE_ANNOTATION in metadata.annotations(found) else None


def definitions(api: kube.Api) -> list[Thing]:
    """Istio's custom resource definitions; with each go all objects of its kind. The base chart keeps them.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    return [
        _thing("CustomResourceDefinition", _CRDS, item)
        for item in kube.items(api.get(_CRDS))
        if str(item["spec"]["group"]).endswith(".istio.io")
    ]


def _config_maps(listed: Iterable[kube.Object]) -> list[Thing]:
    return [_thing("ConfigMap", f"/api/v1/namespaces/{one['metadata']['namespace']}/configmaps", one) for one in listed]


def _thing(kind: str, collection: str, item: kube.Object) -> Thing:
    name = metadata.name(item)
    namespace = item["metadata"].get("namespace") or ""
    return Thing(kind=kind, name=name, namespace=namespace, path=f"{collection}/{name}", body=item)
