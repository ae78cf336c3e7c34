"""What others saw of a trace: the remote's API server in its audit log, istiod in its own log.

Audit events say who asked for a token review, when and how it ended; never the token. They can be read
where the cluster is Tether's own kind cluster, through the kubelet's log endpoint. istiod's log has the
reason of a refusal, of which the proxy is told nothing (istio/istio pkg/security/authentication.go).
"""

import contextlib
import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urlencode

from tether import kube, topology
from tether.doctor import objects
from tether.doctor.view import ClusterView, MeshView
from tether.redact import redact
from tether.wait import SYSTEM_CLOCK, Clock, WaitTimeoutError, wait

_REFUSAL = re.compile(r"Failed to authenticate client from \S+: (?P<reasons>.*)")
_REASON = re.compile(r"Authenticator KubeJWTAuthenticator: (?P<reason>.*?)(?:; Authenticator \w+: |$)")
_UNAUTHORISED = re.compile(r"Unauthorized XDS: (?P<reason>.*)")
_REJECTED = re.compile(r"ADS:\S*: ACK ERROR (?P<connection>\S+) (?P<reason>.*)")
_SECONDS_TO_SHOW = 3.0
"""Log lines reach the API server a moment after they are written."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """One audited token review."""

    user: str
    """Who asked: the identity inside the remote secret."""
    source: str
    """From which address."""
    began: datetime.datetime
    ended: datetime.datetime
    code: int
    """HTTP status. 201 says that the question was answered, not what the answer was."""
    message: str
    """The API server's words where it refused the question."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a log."""

    at: datetime.datetime
    pod: str
    text: str


def reviews(remote: ClusterView, since: datetime.datetime) -> list[Review] | None:
    """Token reviews that the audit log holds, oldest first; None where there is no audit log to read.

    Args:
        remote: whose API server was asked.
        since: older ones are left out.
    """
    found: list[Review] = []
    try:
        nodes = remote.list("/api/v1/nodes", {"labelSelector": "node-role.kubernetes.io/control-plane"})
        texts = [
            remote.api.text(f"/api/v1/nodes/{quote(node['metadata']['name'])}/proxy/logs/{topology.AUDIT_LOG}")
            for node in nodes
        ]
    except kube.KubeError:
        return None
    for line in "\n".join(texts).splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):  # the last line may be half written
            review = _review(json.loads(line))
            if review.began >= since:
                found.append(review)
    return sorted(found, key=lambda one: one.began) if texts else None


def _review(event: dict[str, Any]) -> Review:
    if cast("dict[str, Any]", event["objectRef"])["resource"] != "tokenreviews":
        raise ValueError(event["objectRef"])
    status = cast("dict[str, Any]", event.get("responseStatus") or {})
    return Review(
        user=str(cast("dict[str, Any]", event["user"]).get("username") or ""),
        source=", ".join(cast("list[str]", event.get("sourceIPs") or [])),
        began=datetime.datetime.fromisoformat(event["requestReceivedTimestamp"]),
        ended=datetime.datetime.fromisoformat(event["stageTimestamp"]),
        code=int(status.get("code") or 0),
        message=redact(str(status.get("message") or "")),
    )


def log(
    cluster: ClusterView, namespace: str, pods: Sequence[str], container: str, since: datetime.datetime
) -> list[Line]:
    """Lines of a container's log in several pods, oldest first; those that cannot be read are left out."""
    query = urlencode({
        "container": container, "timestamps": "true", "sinceTime": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
    })  # fmt: skip
    found: list[Line] = []
    for pod in pods:
        with contextlib.suppress(kube.KubeError):
            text = cluster.api.text(f"/api/v1/namespaces/{namespace}/pods/{quote(pod)}/log?{query}")
            found += [line for line in (_line(pod, one) for one in text.splitlines()) if line]
    return sorted((line for line in found if line.at >= since), key=lambda line: line.at)


def _line(pod: str, text: str) -> Line | None:
    moment, _, rest = text.partition(" ")
    try:
        return Line(at=datetime.datetime.fromisoformat(moment), pod=pod, text=redact(rest))
    except ValueError:
        return None


def istiod_log(view: MeshView, since: datetime.datetime) -> list[Line]:
    """Lines of every istiod since a moment, oldest first."""
    with contextlib.suppress(kube.KubeError):
        pods = [str(pod["metadata"]["name"]) for pod in objects.istiod_pods(view.primary)]
        return log(view.primary, view.namespace, pods, "discovery", since)
    return []


def refusals(lines: Sequence[Line]) -> list[tuple[Line, str]]:
    """Why istiod took none of the credentials that it was shown: line and reason, oldest first."""
    found: list[tuple[Line, str]] = []
    for line in lines:
        match = _REFUSAL.search(line.text)
        if match:
            reason = _REASON.search(match["reasons"])
            found.append((line, reason["reason"] if reason else match["reasons"]))
    return found


def unauthorised(lines: Sequence[Line]) -> list[tuple[Line, str]]:
    """Why istiod gave no configuration to a proxy that it had authenticated."""
    return [(line, match["reason"]) for line in lines if (match := _UNAUTHORISED.search(line.text))]


def rejected(lines: Sequence[Line], pod: str) -> list[tuple[Line, str]]:
    """What a pod's Envoy would not take of the configuration (istio/istio pilot/pkg/xds/delta.go)."""
    return [
        (line, match["reason"])
        for line in lines
        if (match := _REJECTED.search(line.text)) and match["connection"].startswith(pod)
    ]


def refusals_since(view: MeshView, since: datetime.datetime, wanted: int, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Reasons of refusals, waiting a moment for so many to be written.

    Args:
        view: whose istiod.
        since: older ones are left out.
        wanted: how many calls were refused.
        clock: for tests.
    """
    found: list[str] = []

    def read() -> int:
        found[:] = [reason for _, reason in refusals(istiod_log(view, since))]
        return len(found)

    with contextlib.suppress(WaitTimeoutError):
        wait(read, ready=lambda number: number >= wanted, timeout=_SECONDS_TO_SHOW, what="istiod's log", clock=clock)
    return found
