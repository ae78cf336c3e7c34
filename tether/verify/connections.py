"""TCP connections as the proxies on both ends saw them.

TCP carries no header that could say who asked. So the proxies of the namespace are told to log every
connection with the identities that its TLS handshake proved: an EnvoyFilter adds an access log, for these
workloads alone. Names of fields: Envoy, configuration/observability/access_log/usage.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tether import kube
from tether.verify import echo
from tether.verify.matrix import Protocol

_MARK = "tether.verification"
_FIELDS = {
    "record": _MARK,
    "cluster": "%UPSTREAM_CLUSTER%",
    "asked": "%UPSTREAM_PEER_URI_SAN%",
    "asker": "%DOWNSTREAM_PEER_URI_SAN%",
    "milliseconds": "%DURATION%",
}


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One connection, as one proxy logged it when it ended."""

    cluster: str
    """Envoy's cluster: ``outbound|PORT||HOST`` at the asking side, ``inbound|PORT||`` at the answering one."""
    asked: str
    """Identity that the proxy saw of the side that it passed the connection on to; empty without mTLS."""
    asker: str
    """Identity that it saw of the side that the connection came from; empty without mTLS."""
    milliseconds: float
    """How long the connection was open: connected, asked, answered, closed; whole milliseconds."""


def access_log(namespace: str) -> tuple[str, kube.Object]:
    """The EnvoyFilter, as collection path and object."""
    log = {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "/dev/stdout",
            "log_format": {"json_format": _FIELDS},
        },
    }
    value = {
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "access_log": [log],
        }
    }
    patches = [
        {
            "applyTo": "NETWORK_FILTER",
            "match": {
                "context": context,
                "listener": {"filterChain": {"filter": {"name": "envoy.filters.network.tcp_proxy"}}},
            },
            "patch": {"operation": "MERGE", "value": value},
        }
        for context in ("SIDECAR_INBOUND", "SIDECAR_OUTBOUND")
    ]
    body = {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "connections"},
        "spec": {"workloadSelector": {"labels": {"app": echo.APP}}, "configPatches": patches},
    }
    return f"/apis/networking.istio.io/v1alpha3/namespaces/{namespace}/envoyfilters", body


def logged(api: kube.Api, namespace: str, pod: str) -> list[Connection]:
    """Every connection that a pod's proxy has logged so far, oldest first; proxies write once a second.

    Raises:
        tether.kube.KubeError: the log cannot be read.
    """
    return list(read(api.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log?container=istio-proxy").splitlines()))


def read(lines: Iterable[str]) -> Iterator[Connection]:
    """Connections among the lines of a proxy's log."""
    for line in lines:
        if _MARK not in line:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and cast("dict[str, Any]", record).get("record") == _MARK:
            yield _connection(cast("dict[str, Any]", record))


def to(service: str, namespace: str, connections: Sequence[Connection]) -> list[Connection]:
    """Those that an asking side sent to the TCP port of a Service."""
    beginning = f"outbound|{echo.service_port(Protocol.TCP)}||{service}.{namespace}."
    return [one for one in connections if one.cluster.startswith(beginning)]


def arrived(connections: Sequence[Connection]) -> list[Connection]:
    """Those that came to an answering side's TCP port."""
    return [one for one in connections if one.cluster.startswith(f"inbound|{echo.PORTS[Protocol.TCP]}|")]


def _connection(record: dict[str, Any]) -> Connection:
    return Connection(
        cluster=_text(record.get("cluster")),
        asked=_text(record.get("asked")),
        asker=_text(record.get("asker")),
        milliseconds=float(record.get("milliseconds") or 0),
    )


def _text(value: object) -> str:
    """Envoy writes null, or a dash, for what a connection has not got."""
    return "" if value in (None, "-") else str(value)
