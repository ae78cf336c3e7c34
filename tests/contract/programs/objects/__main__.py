"""Objects of somebody else's program: what policies look at, once as it should be and once not."""

import os
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

GOOD = os.environ["POLICY_OBJECTS"] == "good"
ISTIOD = "istiod.istio-system.svc"
HOSTS = [ISTIOD] if GOOD else ["*"]
MODE = "STRICT" if GOOD else "DISABLE"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"

written = kubernetes.Provider("written", render_yaml_to_directory=os.environ["POLICY_FOLDER"])


def secret_if_good(value: Any) -> Any:
    return pulumi.Output.secret(value) if GOOD else value


def istio_object(name: str, api: str, kind: str, spec: dict[str, Any], namespace: str = "istio-system") -> None:
    kubernetes.apiextensions.CustomResource(
        name, api_version=f"{api}.istio.io/v1", kind=kind, metadata={"name": name, "namespace": namespace}, spec=spec,
        opts=pulumi.ResourceOptions(provider=written),
    )  # fmt: skip


def server(number: int, hosts: list[str]) -> dict[str, Any]:
    return {
        "port": {"number": number, "name": "tls", "protocol": "TLS"},
        "hosts": hosts,
        "tls": {"mode": "PASSTHROUGH"},
    }


istio_object("istiod-gateway", "networking", "Gateway", {"servers": [server(15012, HOSTS), server(15443, ["*.local"])]})
istio_object(
    "istiod-vs", "networking", "VirtualService",
    {
        "hosts": [ISTIOD],
        "tls": [{"match": [{"port": 15012, "sniHosts": HOSTS}], "route": [{"destination": {"host": ISTIOD}}]}],
    },
)  # fmt: skip
istio_object("whole-mesh", "security", "PeerAuthentication", {"mtls": {"mode": "STRICT"}} if GOOD else {})
istio_object(
    "shop", "security", "PeerAuthentication",
    {"selector": {"matchLabels": {"app": "shop"}}, "portLevelMtls": {"8080": {"mode": MODE}}},
    namespace="shop",
)  # fmt: skip
kubernetes.core.v1.Service(
    "gateway", metadata={"name": "gateway", "namespace": "istio-system"},
    spec=kubernetes.core.v1.ServiceSpecArgs(
        type="LoadBalancer", selector={"istio": "eastwestgateway"},
        ports=[kubernetes.core.v1.ServicePortArgs(port=15443)],
        load_balancer_source_ranges=["192.0.2.0/24"] if GOOD else ["0.0.0.0/1", "128.0.0.0/1"],
    ),
    opts=pulumi.ResourceOptions(provider=written),
)  # fmt: skip
kubernetes.core.v1.ConfigMap(
    "config", metadata={"name": "config", "namespace": "shop"}, data={"tls.key": secret_if_good(KEY)},
    opts=pulumi.ResourceOptions(provider=written),
)  # fmt: skip
