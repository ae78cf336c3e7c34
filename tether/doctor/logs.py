"""What istiod, the proxies and Kubernetes themselves say: known failure strings, and the checks they belong to."""

import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast
from urllib.parse import urlencode

from tether import kube
from tether.doctor import objects
from tether.doctor.check import Finding, Status
from tether.doctor.view import ClusterView, MeshView
from tether.redact import redact

SECONDS = 600
"""How far back lines are read: what is older tells of something that may be mended since."""
_TAIL_LINES = 2000
_EVIDENCE_LINES = 2
_LINE_LENGTH = 400
_WORKERS = 8
_LONG_AGO = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class Source(StrEnum):
    """Who says it."""

    ISTIOD = "istiod"
    PROXY = "proxy"
    EVENT = "event"


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A failure string and what it is a sign of."""

    source: Source
    pattern: re.Pattern[str]
    """May have a group ``cluster``: the line tells of that cluster only."""
    checks: tuple[str, ...]
    """IDs of the checks that it belongs to."""


def _sign(source: Source, pattern: str, *checks: str) -> Sign:
    return Sign(source=source, pattern=re.compile(pattern), checks=checks)


SIGNS = (
    _sign(Source.ISTIOD, r'claims to be in cluster "(?P<cluster>[^"]*)", but we only know about',
          "D03", "D11", "D12", "D14", "D17", "D39"),
    _sign(Source.ISTIOD, r'from cluster "(?P<cluster>[^"]*)".*(?:Unauthorized|asked for the client to provide cred)',
          "D13"),
    _sign(Source.ISTIOD, r"is forbidden: User", "D13"),
    _sign(Source.ISTIOD, r"(?:Failed to watch|failed to list|watch error).*Unauthorized", "D13"),
    _sign(Source.ISTIOD, r"tokenreviews?\b.*(?:i/o timeout|connection refused|no such host|no route to host|deadline)",
          "D12", "D17"),
    _sign(Source.ISTIOD, r"(?:Failed to watch|failed to list|watch error|unable to).*"
          r"(?:i/o timeout|connection refused|no such host|no route to host|HTTP response to HTTPS|"
          r"failed to verify certificate)", "D12", "D17"),
    _sign(Source.ISTIOD, r"cluster_id=(?P<cluster>\S+).*(?:failed|timed out)|"
          r"remote cluster (?P<cluster_>\S+) failed to sync", "D12", "D13", "D17", "D30", "D31"),
    _sign(Source.ISTIOD, r"(?:is not allowed: |create remote cluster failed|failed to load kubeconfig)", "D12"),
    _sign(Source.ISTIOD, r"would overwrite the config cluster|has already been registered", "D18"),
    _sign(Source.ISTIOD, r"should join leader-election for cluster (?P<cluster>\S+): false", "D16", "D34"),
    _sign(Source.ISTIOD, r"skip writing ConfigMap", "D13", "D24"),
    _sign(Source.ISTIOD, r"Multi root is disabled|new ROOT-CA not supported|[Ff]ailed to (?:load|update) .*plugged|"
          r"incomplete signing CA bundle|x509: certificate has expired", "D06"),
    _sign(Source.ISTIOD, r"token audiences .* is invalid|token has expired|token has been invalidated|"
          r"no HTTP authorization header|invalid bearer token", "D14", "D39"),
    _sign(Source.ISTIOD, r"ACK ERROR", "D35"),
    _sign(Source.PROXY, r"no such host", "D19"),
    _sign(Source.PROXY, r"(?:i/o timeout|connection refused|no route to host|delayed connect error|connection timeout)",
          "D19", "D20", "D32", "D35", "D37"),
    _sign(Source.PROXY, r"error reading server preface|connection reset by peer|desc = .*EOF", "D20", "D32", "D35"),
    _sign(Source.PROXY, r"x509: certificate (?:signed by unknown authority|has expired)|CERTIFICATE_VERIFY_FAILED",
          "D06", "D20", "D24", "D29"),
    _sign(Source.PROXY, r"x509: certificate is (?:not )?valid for", "D04", "D20"),
    _sign(Source.PROXY, r"Unauthenticated|authentication failure", "D11", "D12", "D13", "D14", "D17", "D39"),
    _sign(Source.PROXY, r"failed to fetch token from file", "D39"),
    _sign(Source.PROXY, r"but was rejected", "D35"),
    _sign(Source.EVENT, r"failed calling webhook.*x509", "D21", "D20"),
    _sign(Source.EVENT, r"failed calling webhook", "D19", "D20", "D22", "D32", "D37"),
    _sign(Source.EVENT, r'configmap "istio-ca-root-cert" not found', "D16", "D24", "D34"),
    _sign(Source.EVENT, r'image "auto"|auto:latest', "D22", "D23", "D37"),
    _sign(Source.EVENT, r"AllocationFailed|Failed to allocate IP|not allowed by any pool", "D07"),
)  # fmt: skip
"""Strings of istio/istio release-1.31 (pilot, security, pkg/kube/multicluster), of Kubernetes and of MetalLB."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a log, or one event."""

    source: Source
    origin: str
    """``cluster1 istiod-5d…`` or ``cluster2 event``."""
    cluster: str
    """Name of the cluster in which it was written."""
    text: str
    at: datetime.datetime = _LONG_AGO
    """When it was written; long ago where it does not say."""


def attach(view: MeshView, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The same findings; what is wrong with the lines that tell of it. Reads nothing where nothing is wrong."""
    telling = {name for sign in SIGNS for name in sign.checks}
    if not any(one.status is Status.WRONG and one.check.id in telling for one in findings):
        return tuple(findings)
    found = lines(view)
    identities = {cluster.name: _identity(cluster) for cluster in view.clusters}
    primary = view.primary.name
    return tuple(
        replace(one, evidence=_evidence(one, found, identities[one.subject], is_primary=one.subject == primary))
        if one.status is Status.WRONG
        else one
        for one in findings
    )


def _identity(cluster: ClusterView) -> str:
    try:
        return objects.cluster_id(cluster)
    except kube.KubeError:
        return ""


def _evidence(finding: Finding, found: Iterable[Line], identity: str, *, is_primary: bool) -> tuple[str, ...]:
    """The last different lines about a finding; those about other clusters say nothing of it."""
    latest: dict[str, str] = {}
    for line in found:
        if line.source is not Source.ISTIOD and line.cluster != finding.subject and not is_primary:
            continue
        if not any(_tells(sign, line, identity, is_primary=is_primary) for sign in SIGNS
                   if finding.check.id in sign.checks):  # fmt: skip
            continue
        key = re.sub(r"[0-9a-f:.-]*\d[0-9a-f:.-]*", "#", line.text)
        latest.pop(key, None)
        latest[key] = f"{line.origin}: {_short(line.text)}"
    return tuple(latest.values())[-_EVIDENCE_LINES:]


def _tells(sign: Sign, line: Line, identity: str, *, is_primary: bool) -> bool:
    if sign.source is not line.source:
        return False
    match = sign.pattern.search(line.text)
    if match is None:
        return False
    named = next((name for name in match.groups() if name), "")
    return is_primary or not named or not identity or named.rstrip(":,") == identity


def _short(text: str) -> str:
    masked = " ".join(redact(text).split())
    return masked if len(masked) <= _LINE_LENGTH else masked[: _LINE_LENGTH - 1] + "…"


def lines(view: MeshView) -> tuple[Line, ...]:
    """Every line of the last minutes, the latest last: istiod's, the gateways' proxies', and warnings among the events.

    They are read once. A cluster or a pod that cannot be asked contributes nothing; where a right is missing, one line
    says so.
    """
    return view.facts.once("log lines", lambda: _read(view))


def _read(view: MeshView) -> tuple[Line, ...]:
    with ThreadPoolExecutor(_WORKERS) as pool:
        asked = [pool.submit(_istiods, view)]
        asked += [pool.submit(read, view, cluster) for cluster in view.clusters for read in (_proxies, _events)]
        found = [line for one in asked for line in one.result()]
    return tuple(sorted(found, key=lambda line: line.at))


def istiod_lines(view: MeshView) -> tuple[str, ...]:
    """What istiod logged in the last minutes, read once.

    Raises:
        tether.kube.KubeError: the logs may not be read.
    """
    return view.facts.once("istiod's log", lambda: tuple(_istiod_lines(view)))


def _istiod_lines(view: MeshView) -> Iterator[str]:
    for pod in objects.istiod_pods(view.primary):
        yield from _log(view.primary, view.namespace, pod["metadata"]["name"], "discovery")


def _istiods(view: MeshView) -> list[Line]:
    where = f"{view.primary.name} istiod"
    try:
        texts = istiod_lines(view)
    except kube.KubeError as error:
        return _unreadable(Source.ISTIOD, where, view.primary.name, error)
    return [_line(Source.ISTIOD, where, view.primary.name, text) for text in texts]


def _proxies(view: MeshView, cluster: ClusterView) -> list[Line]:
    found: list[Line] = []
    try:
        pods = [(service, pod) for service in objects.gateways(cluster) for pod in objects.pods_of(cluster, service)]
    except kube.KubeError:
        return found
    for service, pod in pods:
        name, where = pod["metadata"]["name"], f"{cluster.name} {pod['metadata']['name']}"
        try:
            texts = _log(cluster, service["metadata"]["namespace"], name, "istio-proxy")
        except kube.KubeError as error:
            found += _unreadable(Source.PROXY, where, cluster.name, error)
            continue
        found += [_line(Source.PROXY, where, cluster.name, text) for text in texts]
    return found


def _line(source: Source, origin: str, cluster: str, text: str) -> Line:
    return Line(source=source, origin=origin, cluster=cluster, text=text, at=written_at(text))


def written_at(text: str) -> datetime.datetime:
    """When a line of a log was written; those of Istio begin with it. Long ago where it does not say."""
    try:
        at = datetime.datetime.fromisoformat(text.partition("\t")[0].partition(" ")[0])
    except ValueError:
        return _LONG_AGO
    return at if at.tzinfo else _LONG_AGO


def _log(cluster: ClusterView, namespace: str, pod: str, container: str) -> list[str]:
    query = urlencode({"container": container, "sinceSeconds": SECONDS, "tailLines": _TAIL_LINES})
    return cluster.api.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log?{query}").splitlines()


def _unreadable(source: Source, where: str, cluster: str, error: kube.KubeError) -> list[Line]:
    """A line in the place of a log that may not be read; a container that has not started has none to read."""
    if error.status not in (401, 403):
        return []
    return [Line(source=source, origin=where, cluster=cluster, text=f"its log cannot be read: {error}")]


def _events(view: MeshView, cluster: ClusterView) -> list[Line]:
    found = cluster.glimpse(cluster.system("events"), {"fieldSelector": "type=Warning"})
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=SECONDS)
    return [
        Line(
            source=Source.EVENT, origin=f"{cluster.name} event", cluster=cluster.name, at=moment,
            text=f"{moment:%H:%M:%S} {_object(event)}: {event.get('reason', '')}: {event.get('message', '')}",
        )
        for event in found if (moment := _moment(event)) > since
    ]  # fmt: skip


def _object(event: kube.Object) -> str:
    about = cast("kube.Object", event.get("involvedObject") or {})
    return f"{about.get('kind', '')} {about.get('name', '')}"


def _moment(event: kube.Object) -> datetime.datetime:
    """When an event was last seen; events of the newer API have a series or an eventTime instead."""
    series = cast("kube.Object", event.get("series") or {})
    stamp = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return datetime.datetime.fromisoformat(str(stamp or event["metadata"]["creationTimestamp"]))
