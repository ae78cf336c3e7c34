"""Istio's own configuration of a verification; it lies in the primary and holds for the workloads of every cluster."""

from collections.abc import Sequence

from tether import kube
from tether.verify import echo
from tether.verify.matrix import Mode

PEERS = "verification"
"""Name of the PeerAuthentication."""


def peer_authentication(namespace: str, mode: Mode) -> tuple[str, kube.Object]:
    """What the namespace's workloads take, whatever the mesh's own setting is; as collection path and object."""
    body = _object("security.istio.io/v1", "PeerAuthentication", PEERS, {"mtls": {"mode": mode.upper()}})
    return f"/apis/security.istio.io/v1/namespaces/{namespace}/peerauthentications", body


def peer_authentication_path(namespace: str) -> str:
    """Path of the PeerAuthentication itself."""
    return f"{peer_authentication(namespace, Mode.STRICT)[0]}/{PEERS}"


def only_accounts(namespace: str, trust_domain: str, accounts: Sequence[str]) -> tuple[str, kube.Object]:
    """Let the echo applications be asked by these service accounts and by nobody else."""
    principals = [f"{trust_domain}/ns/{namespace}/sa/{account}" for account in accounts]
    spec = {
        "selector": {"matchLabels": {"app": echo.APP}},
        "action": "ALLOW",
        "rules": [{"from": [{"source": {"principals": principals}}]}],
    }
    body = _object("security.istio.io/v1", "AuthorizationPolicy", "only-echo", spec)
    return f"/apis/security.istio.io/v1/namespaces/{namespace}/authorizationpolicies", body


def prefer_own_locality(namespace: str, service: str) -> tuple[str, kube.Object]:
    """Have a Service answered in the asker's own locality for as long as somebody is there.

    Istio fails over only where outliers are detected (DestinationRule, localityLbSetting).
    """
    policy = {
        "loadBalancer": {"localityLbSetting": {"enabled": True}},
        "outlierDetection": {"consecutive5xxErrors": 3, "interval": "1s", "baseEjectionTime": "1s"},
    }
    body = _object("networking.istio.io/v1", "DestinationRule", service, {"host": service, "trafficPolicy": policy})
    return f"/apis/networking.istio.io/v1/namespaces/{namespace}/destinationrules", body


def end_idle_connections(namespace: str) -> tuple[str, kube.Object]:
    """Have proxies end idle connections to the echo applications before those do.

    An application ends a connection that was idle for five seconds (istio/istio pkg/test/echo/server/endpoint/util.go),
    and a request that its proxy sends on it in that moment is lost: 503 with flag UC, whatever the mesh does.
    """
    pool = {"http": {"idleTimeout": "2s"}}
    spec = {"workloadSelector": {"labels": {"app": echo.APP}}, "inboundConnectionPool": pool}
    body = _object("networking.istio.io/v1", "Sidecar", "idle-connections", spec)
    return f"/apis/networking.istio.io/v1/namespaces/{namespace}/sidecars", body


def _object(version: str, kind: str, name: str, spec: kube.Object) -> kube.Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
