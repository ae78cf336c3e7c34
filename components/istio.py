"""Which Istio is installed, and how its charts become Releases."""

import base64
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from components.helm_release import HelmRelease
from components.labels import post_renderer
from tether import helm_values
from tether.helm_values import Chart
from tether.revision import Revision
from tether.topology import STATUS_PORT, IpFamily


class HelmValuesArgs(TypedDict):
    """Helm values laid over Tether's own; ``tether.helm_values`` names the keys that are refused."""

    base: NotRequired[dict[str, Any]]
    """Values of chart ``base``."""
    istiod: NotRequired[dict[str, Any]]
    """Values of chart ``istiod``."""
    gateway: NotRequired[dict[str, Any]]
    """Values of chart ``gateway``, for every gateway."""
    metallb: NotRequired[dict[str, Any]]
    """Values of MetalLB's chart, in kind clusters."""


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
    ip_family: NotRequired[str]
    """``ipv4``, ``ipv6`` or ``dual``; left out, Services are of the family that each cluster takes by itself."""
    revision: NotRequired[str]
    """Revision of istiod; Istio's default one when left out."""
    helm_values: NotRequired[HelmValuesArgs]
    """More Helm values."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""


def release(
    parent: pulumi.Resource,
    name: str,
    *,
    chart: pulumi.Input[str],
    release_name: str,
    namespace: pulumi.Input[str],
    timeout_seconds: pulumi.Input[int],
    values: dict[str, Any],
    labels: Mapping[str, str] | None = None,
    create_namespace: bool = False,
    skip_await: bool = False,
    depends_on: list[pulumi.Resource] | None = None,
) -> HelmRelease:
    """Install one chart as a Helm release of a fixed name, waiting until it is ready unless a gate does."""
    return HelmRelease(
        name,
        {
            "chart": chart,
            "name": release_name,
            "namespace": namespace,
            "createNamespace": create_namespace,
            "values": values,
            "timeout": timeout_seconds,
            **({"skipAwait": True} if skip_await else {}),
            **({"postrender": post_renderer(labels)} if labels else {}),
            # The charts are pinned and tested; for their validation a fresh API server would first have to
            # put its whole OpenAPI document together, again after every new kind.
            "disableOpenapiValidation": True,
        },
        pulumi.ResourceOptions(parent=parent, depends_on=depends_on),
    )


def istio_release(
    parent: pulumi.Resource,
    name: str,
    istio: IstioArgs,
    chart: Chart,
    *,
    release_name: str,
    namespace: pulumi.Input[str],
    values: dict[str, Any],
    depends_on: list[pulumi.Resource] | None = None,
) -> HelmRelease:
    """Install one of Istio's charts, with the values and labels that the user adds.

    Raises:
        pulumi.RunError: an added value is Tether's own.
    """
    charts = {
        Chart.BASE: istio["base_chart"],
        Chart.ISTIOD: istio["istiod_chart"],
        Chart.GATEWAY: istio["gateway_chart"],
    }
    # The base chart is told the default revision only, which is the primary's alone.
    named = {"revision": istio["revision"]} if "revision" in istio and chart is not Chart.BASE else {}
    return release(
        parent,
        name,
        chart=charts[chart],
        release_name=release_name,
        namespace=namespace,
        timeout_seconds=istio["timeout_seconds"],
        values=laid_over({**values, **named}, istio.get("helm_values"), chart),
        labels=istio.get("labels"),
        # Helm looks every two seconds. Nobody else waits for kinds to be served; istiod and gateways have gates, which
        # look more often and say what is missing.
        skip_await=chart is not Chart.BASE,
        depends_on=depends_on,
    )


def revision(istio: IstioArgs) -> Revision:
    """What istiod's objects are named after."""
    return Revision(istio.get("revision", ""))


def laid_over(own: dict[str, Any], more: HelmValuesArgs | None, chart: Chart) -> dict[str, Any]:
    """Lay a user's values of one chart over Tether's.

    Raises:
        pulumi.RunError: one of them is Tether's own.
    """
    added = cast("Mapping[str, dict[str, Any]]", more or {}).get(chart.value, {})
    is_given = helm_values.ADDRESS_ANNOTATION in own.get("service", {}).get("annotations", {})
    found = helm_values.trespasses(chart, added, address_is_free=not is_given)
    if found:
        told = "\n".join(
            f"  {'.'.join(one.path)} — sets {one.owned}, which is Tether's own: {one.reason}" for one in found
        )
        raise pulumi.RunError(f"Helm values of chart {chart} cannot be used; nothing was created.\n{told}")
    return helm_values.merged(own, added)


def gateway_values(name: str) -> dict[str, Any]:
    """Helm values of chart ``gateway`` that all gateways have in common.

    Args:
        name: of Deployment and Service.
    """
    return {
        "name": name,
        "autoscaling": {"enabled": False},
        # The pod's image is `auto`, for which the API server would otherwise pull always.
        "imagePullPolicy": "IfNotPresent",
        # What injection brings looks every 15 s and has no startup probe beside it (istiod's
        # gateway-injection-template.yaml): a proxy that was not there at the first look, waits for the second.
        "readinessProbe": {
            "httpGet": {"path": "/healthz/ready", "port": STATUS_PORT},
            "periodSeconds": 1,
            "timeoutSeconds": 3,
            "failureThreshold": 30,
        },
    }


def service_families(istio: IstioArgs) -> dict[str, Any]:
    """Helm values that give a Service the mesh's IP families; none where nothing was said of them.

    The API server refuses both families in a cluster that has one, instead of passing over the other in silence.
    """
    if "ip_family" not in istio:
        return {}
    families = list(IpFamily(istio["ip_family"]).names)
    return {"ipFamilyPolicy": "RequireDualStack" if len(families) > 1 else "SingleStack", "ipFamilies": families}


def remote_service_families(istio: IstioArgs) -> dict[str, Any]:
    """The same of a remote's Service istiod, which has one family: that of the one address in its EndpointSlice."""
    if "ip_family" not in istio:
        return {}
    return {"ipFamilyPolicy": "SingleStack", "ipFamilies": [IpFamily(istio["ip_family"]).names[0]]}


def proxy_families(istio: IstioArgs) -> dict[str, Any]:
    """Helm values of istiod that make it and the proxies it injects use both IP families.

    Without them a proxy with addresses of two families listens on those of one (istio/istio
    pilot/pkg/features/experimental.go: ``ISTIO_DUAL_STACK`` is off by default, still in 1.31).
    """
    if istio.get("ip_family") != IpFamily.DUAL:
        return {}
    switch = {"ISTIO_DUAL_STACK": "true"}
    return {"env": switch, "meshConfig": {"defaultConfig": {"proxyMetadata": switch}}}


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
