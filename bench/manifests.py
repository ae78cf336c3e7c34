"""The objects that the documented sequence applies."""

from typing import Any

from tether import topology

NAMESPACE = "istio-system"


def metallb_object(object_kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object of MetalLB's."""
    metadata = {"name": "bench", "namespace": "metallb-system"}
    return {"apiVersion": "metallb.io/v1beta1", "kind": object_kind, "metadata": metadata, "spec": spec}


def istio_object(object_kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object of Istio's."""
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "networking.istio.io/v1", "kind": object_kind, "metadata": metadata, "spec": spec}


def _server(port: int, name: str, mode: str, hosts: str) -> dict[str, Any]:
    return {"port": {"number": port, "name": name, "protocol": "TLS"}, "tls": {"mode": mode}, "hosts": [hosts]}


_SELECTOR = {"istio": "eastwestgateway"}
_ISTIOD = f"istiod.{NAMESPACE}.svc.cluster.local"
EXPOSE_ISTIOD = (
    istio_object(
        "Gateway",
        "istiod-gateway",
        {
            "selector": _SELECTOR,
            "servers": [
                _server(topology.XDS_PORT, "tls-istiod", "PASSTHROUGH", "*"),
                _server(topology.WEBHOOK_PORT, "tls-istiodwebhook", "PASSTHROUGH", "*"),
            ],
        },
    ),
    istio_object(
        "VirtualService",
        "istiod-vs",
        {
            "hosts": ["*"],
            "gateways": ["istiod-gateway"],
            "tls": [
                {
                    "match": [{"port": port, "sniHosts": ["*"]}],
                    "route": [{"destination": {"host": _ISTIOD, "port": {"number": target}}}],
                }
                for port, target in ((topology.XDS_PORT, topology.XDS_PORT), (topology.WEBHOOK_PORT, 443))
            ],
        },
    ),
)
CROSS_NETWORK_GATEWAY = istio_object(
    "Gateway",
    "cross-network-gateway",
    {"selector": _SELECTOR, "servers": [_server(topology.CROSS_NETWORK_PORT, "tls", "AUTO_PASSTHROUGH", "*.local")]},
)


def echo(cluster: str, image: str) -> list[dict[str, Any]]:
    """Istio's echo application: one namespace, one Service of both clusters, one Deployment."""
    metadata = {"name": "echo", "namespace": "sample"}
    container = {
        "name": "echo",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--port", "8080", "--cluster", cluster, "--version", cluster, "--crt=/cert.crt", "--key=/cert.key"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    labels = {"app": "echo"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "sample", "labels": {"istio-injection": "enabled"}},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
    ]
