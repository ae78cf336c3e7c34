"""The stack's own page: Markdown that ``pulumi stack output readme`` and Pulumi Cloud show."""

from collections.abc import Mapping, Sequence
from typing import Any

from tether.addresses import with_port


def render(endpoints: Sequence[Mapping[str, Any]], mesh: Mapping[str, Any]) -> str:
    """Write the page from the stack outputs ``endpoints`` and ``mesh``."""
    rows = "\n".join(_row(endpoint) for endpoint in endpoints)
    istiod = next(endpoint["istiod"] for endpoint in endpoints if endpoint["istiod"])
    return f"""# Mesh {mesh["meshId"]}

Istio {mesh["istioVersion"]} ({mesh["dataPlane"]} data plane), trust domain `{mesh["trustDomain"]}`.

| cluster | role | network | API server | east-west gateway |
|---|---|---|---|---|
{rows}

- istiod: `{istiod["address"]}`, port {istiod["ports"]["xds"]} (discovery and certificates), \
port {istiod["ports"]["webhook"]} (injection)
- root certificate: SHA-256 `{mesh["rootCertificateFingerprint"]}`, until {mesh["rootCertificateExpiry"]}

Kubeconfigs: `pulumi stack output kubeconfigs --show-secrets`
"""


def _row(endpoint: Mapping[str, Any]) -> str:
    gateway = endpoint["eastWestGateway"]
    return (
        f"| {endpoint['cluster']} | {endpoint['role']} | {endpoint['network']} "
        f"| {endpoint['apiServer']} | {with_port(gateway['address'], gateway['ports']['tls'])} |"
    )
