"""A revision of istiod, and what Istio's charts name after it.

The names are those of istio/istio manifests/charts/istio-control/istio-discovery/templates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LABEL = "istio.io/rev"
"""On istiod and its Service, and on the namespaces and pods that want a proxy of that revision."""
INJECT_LABEL = "sidecar.istio.io/inject"
RESERVED = "default"
"""What that label says where there is no revision."""
_NAMESPACE_WITHOUT_ENDING = "istio-system"


@dataclass(frozen=True)
class Revision:
    """One istiod beside which others may stand; without a name the only one, which Istio calls default."""

    name: str = ""

    @property
    def istiod(self) -> str:
        """Istiod's Service, Deployment, ServiceAccount and EndpointSlice."""
        return self._ending("istiod")

    def host(self, namespace: str) -> str:
        """The only kind of name that istiod's certificate carries (pilot/pkg/bootstrap/server.go, getDNSNames)."""
        return f"{self.istiod}.{namespace}.svc"

    @property
    def mesh_config(self) -> str:
        """ConfigMap with the mesh configuration."""
        return self._ending("istio")

    @property
    def injector(self) -> str:
        """ConfigMap with what injection brings."""
        return self._ending("istio-sidecar-injector")

    def webhook(self, namespace: str) -> str:
        """MutatingWebhookConfiguration, by Istio's namespace."""
        return self.injector if namespace == _NAMESPACE_WITHOUT_ENDING else f"{self.injector}-{namespace}"

    @property
    def selector(self) -> str:
        """Label selector of istiod's pods and of its Deployment."""
        return f"app=istiod,{LABEL}={self.name}" if self.name else "app=istiod"

    @property
    def namespace_labels(self) -> Mapping[str, str]:
        """What a namespace carries whose pods are to get a proxy."""
        return {LABEL: self.name} if self.name else {"istio-injection": "enabled"}

    @property
    def pod_labels(self) -> Mapping[str, str]:
        """What a pod carries that is to get a proxy though its namespace does not say so."""
        return {INJECT_LABEL: "true", **({LABEL: self.name} if self.name else {})}

    def _ending(self, name: str) -> str:
        return f"{name}-{self.name}" if self.name else name


DEFAULT = Revision()


def labelled(labels: Mapping[str, str]) -> Revision:
    """The revision that labels of an object of istiod's name."""
    name = labels.get(LABEL, "")
    return DEFAULT if name == RESERVED else Revision(name)
