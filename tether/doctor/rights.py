"""What the doctor may do in a cluster, as Kubernetes objects: reading, one dry run, one question to istiod."""

from typing import Any

import yaml

from tether import topology

NAME = "tether-doctor"
_RBAC = "rbac.authorization.k8s.io"
_EVERYWHERE = (
    ("", ("namespaces", "nodes", "pods", "services"), ("get", "list"), ()),
    ("", ("configmaps",), ("get", "list"), (topology.ROOT_CERTIFICATE_CONFIG_MAP, "kube-root-ca.crt")),
    ("admissionregistration.k8s.io", ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), ("list",),
     ()),
    ("discovery.k8s.io", ("endpointslices",), ("list",), ()),
    ("networking.istio.io", ("gateways",), ("list",), ()),
    ("security.istio.io", ("peerauthentications",), ("list",), ()),
)  # fmt: skip
_IN_ISTIO_S_NAMESPACE = (
    ("", ("secrets",), ("get", "list"), ()),
    # The name of the mesh configuration ends with the revision, which these rights do not know.
    ("", ("configmaps",), ("get",), ()),
    ("", ("endpoints",), ("get",), ()),
    ("", ("events",), ("list",), ()),
    ("", ("pods/log",), ("get",), ()),
    # A dry run: the API server asks for the same right as for a pod that stays.
    ("", ("pods",), ("create",), ()),
    # istiod answers questions about itself to its own pod only; nothing but GET is sent. Before
    # Kubernetes 1.35 API servers ask for the right to get, with which a WebSocket begins.
    ("", ("pods/portforward",), ("create", "get"), ()),
)
"""API group, resources, verbs, names (empty: all)."""


def documents(namespace: str) -> list[dict[str, Any]]:
    """ServiceAccount, roles and bindings for one cluster; the same in the primary and in every remote.

    Args:
        namespace: Istio's.
    """
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    inside = {"name": NAME, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": inside},
        _role("ClusterRole", {"name": NAME}, _EVERYWHERE),
        _binding("ClusterRole", {"name": NAME}, subject),
        _role("Role", inside, _IN_ISTIO_S_NAMESPACE),
        _binding("Role", inside, subject),
    ]


def _role(kind: str, meta: dict[str, str], rules: tuple[Any, ...]) -> dict[str, Any]:
    listed = [
        {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs),
         **({"resourceNames": list(names)} if names else {})}
        for group, resources, verbs, names in rules
    ]  # fmt: skip
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": meta, "rules": listed}


def _binding(kind: str, meta: dict[str, str], subject: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": f"{_RBAC}/v1", "kind": f"{kind}Binding", "metadata": meta,
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": NAME}, "subjects": [subject]}  # fmt: skip


def render(namespace: str) -> str:
    """The objects as YAML for ``kubectl apply -f -``."""
    return "---\n".join(yaml.safe_dump(document, sort_keys=False) for document in documents(namespace))
