"""Helm values that are laid over Tether's own, and the keys that stay Tether's.

Pure functions over plain mappings: the settings are checked with them before anything is created, and the
components once more, because a program can use those without any settings.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

Path = tuple[str, ...]


class Chart(StrEnum):
    """The charts that Tether installs."""

    BASE = "base"
    ISTIOD = "istiod"
    GATEWAY = "gateway"
    METALLB = "metallb"


_IDENTITY = "the settings meshId, trustDomain, istioNamespace and clusters say it, and the clusters must agree on it"
_REVISION = "the setting istio.revision says it, for istiod, gateways and webhooks alike"
_TRUST = "the root certificate stands in every webhook from the start; with another one the API server hears nobody"
_CHAIN = "the way of a remote's proxies and API server to the one istiod goes by it"
_TOKENS = "istiod and every proxy must mean the same token, authority and certificate"
_PARTS = "the parts of the checkout say which images run and what their Envoy knows"
_EXPOSURE = "the setting exposure.tlsMinimum says it, for istiod as well"
_FAMILIES = "the setting ipFamily says it, for Services, istiod and proxies at once"
_WHOLE = "Tether's own values are written for the chart as it stands, with profile remote in the remotes"
_NAMES = "Gateway objects, readiness gates, doctor and trace look for the gateway under its own names and ports"
_ADDRESS = "the remotes were told the address before the gateway was there"
_POOL = "the gateways of kind clusters get their addresses from it"

ADDRESS_ANNOTATION = "metallb.io/loadBalancerIPs"
"""Asks MetalLB for an address; on the gateways' Services of kind clusters."""

_PROFILE = ("profile", "global.profile", "defaults", "_internal_defaults_do_not_set")

OWNED: Mapping[Chart, Mapping[str, tuple[str, ...]]] = {
    Chart.BASE: {
        _WHOLE: _PROFILE,
        _IDENTITY: ("global.istioNamespace",),
        _TRUST: ("base.validationCABundle", "base.validationURL"),
        _CHAIN: ("global.resourceScope", "global.enableReaderRBAC"),
        _REVISION: ("revision", "defaultRevision"),
    },
    Chart.ISTIOD: {
        _WHOLE: _PROFILE,
        _IDENTITY: (
            "global.istioNamespace", "global.meshID", "global.network", "global.multiCluster.clusterName",
            "global.proxy.clusterDomain", "meshConfig.trustDomain", "meshConfig.defaultConfig.meshId", "env.CLUSTER_ID",
        ),
        _TRUST: ("base.validationCABundle", "base.validationURL", "istiodRemote.injectionCABundle"),
        _CHAIN: (
            "configMap", "global.configCluster", "global.configValidation", "global.enableReaderRBAC",
            "global.externalIstiod",
            "global.omitSidecarInjectorConfigMap", "global.operatorManageWebhooks", "global.proxy.autoInject",
            "global.remotePilotAddress", "global.resourceScope",
            "istiodRemote.enabled", "istiodRemote.enabledLocalInjectorIstiod", "istiodRemote.injectionPath",
            "istiodRemote.injectionURL", "meshConfig.defaultConfig.discoveryAddress", "env.EXTERNAL_ISTIOD",
            "env.RESOLVE_HOSTNAME_GATEWAYS", "revisionTags",
        ),
        _REVISION: ("revision", "env.REVISION"),
        _EXPOSURE: ("meshConfig.meshMTLS.minProtocolVersion",),
        _FAMILIES: (
            "env.ISTIO_DUAL_STACK", "global.ipFamilies", "global.ipFamilyPolicy", "ipFamilies", "ipFamilyPolicy",
            "meshConfig.defaultConfig.proxyMetadata.ISTIO_DUAL_STACK",
        ),
        _TOKENS: (
            "global.caAddress", "global.caName", "global.pilotCertProvider", "global.sds", "global.trustBundleName",
            "env.EXTERNAL_CA", "env.PILOT_CERT_PROVIDER",
        ),
        _PARTS: (
            "hub", "image", "tag", "variant", "global.hub", "global.proxy.image", "global.proxy_init.image",
            "global.proxy.variant", "global.tag", "global.variant", "telemetry.enabled", "env.PILOT_ENABLE_ALPN_FILTER",
            "env.PILOT_ENABLE_METADATA_EXCHANGE",
        ),
    },
    Chart.GATEWAY: {
        _WHOLE: _PROFILE,
        _IDENTITY: ("networkGateway", "env.ISTIO_META_CLUSTER_ID", "env.ISTIO_META_NETWORK"),
        _CHAIN: ('podAnnotations["inject.istio.io/templates"]', 'podAnnotations["sidecar.istio.io/inject"]'),
        _REVISION: ("revision",),
        _FAMILIES: ("service.ipFamilies", "service.ipFamilyPolicy"),
        _NAMES: ("name", "labels.app", "labels.istio", "networkGatewayPorts", "service.type"),
        _ADDRESS: ("service.loadBalancerIP", f'service.annotations["{ADDRESS_ANNOTATION}"]'),
    },
    Chart.METALLB: {
        _PARTS: ("controller.image", "speaker.image", "speaker.frr", "frrk8s"),
        _POOL: (
            "controller.enabled", "controller.webhookMode", "crds.enabled", "crds.validationFailurePolicy",
            "loadBalancerClass", "rbac.create", "speaker.enabled", "speaker.memberlist",
        ),
    },
}  # fmt: skip
"""By chart and reason: the values that decide whether the mesh holds, as Pulumi writes paths."""

ADDRESS_KEYS = frozenset(OWNED[Chart.GATEWAY][_ADDRESS])
"""Free in clusters that are not on this machine: their gateways may have any address."""


@dataclass(frozen=True)
class Trespass:
    """A value that was set though it is Tether's own."""

    path: Path
    """What was set: the key itself, or something above it that is no object."""
    owned: str
    """The key that it would have changed."""
    reason: str

    @property
    def is_whole(self) -> bool:
        """Whether the key itself was set, and not something above it."""
        return self.path == parts(self.owned)


def trespasses(chart: Chart, values: Mapping[str, Any], *, address_is_free: bool = False) -> list[Trespass]:
    """Find the values that are Tether's own, each place once.

    Args:
        chart: The chart that the values are for.
        values: What a user wants to lay over Tether's values.
        address_is_free: Whether the gateway's address may be chosen, as in all but kind clusters.
    """
    found: dict[Path, Trespass] = {}
    for reason, keys in OWNED[chart].items():
        for key in keys:
            if address_is_free and key in ADDRESS_KEYS:
                continue
            place = _reached(values, parts(key))
            if place:
                found.setdefault(place, Trespass(place, key, reason))
    return [found[place] for place in sorted(found)]


def _reached(values: Mapping[str, Any], wanted: Path) -> Path:
    """The part of a path at which a document would change it; empty where it does not."""
    inner: Any = values
    for depth, part in enumerate(wanted):
        if not isinstance(inner, Mapping):
            return wanted[:depth]
        if part not in inner:
            return ()
        inner = cast("Mapping[str, Any]", inner)[part]
    return wanted


def parts(key: str) -> Path:
    """Take a path apart that is written as Pulumi writes it: ``a.b["c.d/e"]``."""
    return tuple(quoted or plain for quoted, plain in re.findall(r'\["([^"]+)"\]|([^.\[\]]+)', key))


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Lay values over each other as Helm does: objects are merged, anything else is replaced by the later layer."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            before = result.get(key)
            both = isinstance(before, Mapping) and isinstance(value, Mapping)
            result[key] = (
                merged(cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", value)) if both else _copy(value)
            )
    return result


def _copy(value: Any) -> Any:
    return merged(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value


def leaves(values: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is no object, or an empty one, with its path."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(cast("Mapping[str, Any]", value), (*above, key))
        else:
            yield (*above, key), value
