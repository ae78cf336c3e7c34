"""Which Istio is installed, and how its charts become Releases."""

import base64
from typing import Any, TypedDict

import pulumi
from pulumi_kubernetes.helm.v3 import Release


class IstioArgs(TypedDict):
    """The Istio that a mesh runs: charts, images, data plane."""

    base_chart: pulumi.Input[str]
    """Folder or reference of the chart ``base``."""
    istiod_chart: pulumi.Input[str]
    """Folder or reference of the chart ``istiod``."""
    gateway_chart: pulumi.Input[str]
    """Folder or reference of the chart ``gateway``."""
    tag: pulumi.Input[str]
    """Version of the images."""
    pilot_image: pulumi.Input[str]
    """Full reference of istiod's image."""
    proxy_image: pulumi.Input[str]
    """Full reference of the proxy's image."""
    plain_envoy: pulumi.Input[bool]
    """The proxy image holds upstream Envoy without Istio's own extensions."""
    timeout_seconds: pulumi.Input[int]
    """How long a chart's workloads may take to become ready."""


def release(
    parent: pulumi.Resource,
    name: str,
    *,
    chart: pulumi.Input[str],
    release_name: str,
    namespace: pulumi.Input[str],
    timeout_seconds: pulumi.Input[int],
    values: dict[str, Any],
    create_namespace: bool = False,
    depends_on: list[pulumi.Resource] | None = None,
) -> Release:
    """Install one chart as a Helm release of a fixed name, waiting until it is ready.

    A Release and not a rendered chart: only a real upgrade tells the templates so, and
    Istio's webhook templates depend on it (istio/istio#59367).
    """
    return Release(
        name,
        chart=chart,
        name=release_name,
        namespace=namespace,
        create_namespace=create_namespace,
        values=values,
        timeout=timeout_seconds,
        # The charts are pinned and tested; for their validation a fresh API server would first have to
        # put its whole OpenAPI document together, again after every new kind.
        disable_openapi_validation=True,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=depends_on),
    )


def ca_bundle(root_certificate: pulumi.Input[str]) -> pulumi.Output[str]:
    """A root certificate (PEM) as the charts put it into webhooks: base64, the bytes unchanged."""
    return pulumi.Output.from_input(root_certificate).apply(lambda pem: base64.b64encode(pem.encode()).decode())


def proxy_values(istio: IstioArgs) -> dict[str, Any]:
    """Helm values of chart ``istiod`` that say which images run and which extensions Envoy knows.

    Upstream Envoy lacks three of Istio's extensions; istiod pushes them unless told not
    to: metadata exchange and ALPN by environment, statistics by telemetry
    (istio/istio pilot/pkg/networking/core/listener_builder.go, pilot/pkg/model/telemetry.go).
    """
    enabled = pulumi.Output.from_input(istio["plain_envoy"]).apply(lambda plain: not plain)
    switch = enabled.apply(lambda on: str(on).lower())
    return {
        "image": istio["pilot_image"],
        "env": {"PILOT_ENABLE_METADATA_EXCHANGE": switch, "PILOT_ENABLE_ALPN_FILTER": switch},
        "telemetry": {"enabled": enabled},
        "global": {
            "tag": istio["tag"],
            "imagePullPolicy": "IfNotPresent",
            "proxy": {"image": istio["proxy_image"]},
            "proxy_init": {"image": istio["proxy_image"]},
        },
    }
