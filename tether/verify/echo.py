"""Istio's echo application: its objects and the meaning of what its client prints.

Fields and output format: istio/istio pkg/test/echo/{fields.go,server/endpoint/http.go,
server/forwarder/http.go}; arguments: pkg/test/echo/cmd/{server,client}.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tether import kube
from tether.revision import DEFAULT, INJECT_LABEL, Revision
from tether.verify import reaper
from tether.verify.matrix import Protocol

APP = "echo"
PORTS = {Protocol.HTTP: 8080, Protocol.GRPC: 7070, Protocol.TCP: 9090}
"""Where the server listens, by what it speaks there."""
_FLAGS = {Protocol.HTTP: "--port", Protocol.GRPC: "--grpc", Protocol.TCP: "--tcp"}

_LINE = re.compile(r"^\[(?P<request>\d+)(?: body)?\] (?P<name>\w+)=(?P<value>.*)$")
_BODY = re.compile(r"^\[(?P<request>\d+) body\] (?P<said>.+)$")
"""A line of an answer that is none of the application's."""
_ELEMENT = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*")+')
"""One element of the header; a quoted subject may hold commas."""
_FORWARDED = re.compile(r"^X-Forwarded-Client-Cert:(?P<elements>.*)$", re.IGNORECASE)
_DURATION = re.compile(r"(?P<number>[\d.]+)(?P<unit>h|ms|m|s|µs|ns)")
"""One part of a duration as Go writes it: ``1m2.5s``."""
_MILLISECONDS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "µs": 0.001, "ns": 0.000_001}


@dataclass(frozen=True)
class Answer:
    """One answered request."""

    status: str = ""
    cluster: str = ""
    """Cluster that the answering server was told it is in; empty where a proxy answered itself."""
    client: str = ""
    """SPIFFE identity that the answering side saw of the asking side; empty without mTLS."""
    server: str = ""
    """SPIFFE identity of the answering side."""
    milliseconds: float | None = None
    """From the connection to the whole answer; None where the client does not say, as for TCP."""
    said: str = ""
    """First line of a proxy's own answer; the application's has none that is not a field."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A deployment of the echo application."""

    name: str
    """Also its label ``app``."""
    cluster: str
    """What it answers when it is asked where it is."""
    version: str
    """Its label ``version``."""
    account: str
    image: str
    protocols: tuple[Protocol, ...] = (Protocol.HTTP,)
    has_proxy: bool = True
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its pods, besides those that every one has."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its pods."""


@dataclass(frozen=True)
class Tally:
    """Answers of one round, as seen by one asking cluster."""

    clusters: dict[str, int] = field(default_factory=dict[str, int])
    """How many answers came from which cluster."""
    refused: dict[str, int] = field(default_factory=dict[str, int])
    """How many requests ended with which HTTP status but 200."""
    identities: frozenset[tuple[str, str, str]] = frozenset()
    """Answering cluster, identity of the asking side, identity of the answering side."""


def account(cluster: str) -> str:
    """Service account of the echo application in one cluster.

    Every cluster has its own, so that an identity tells which side it belongs to.
    """
    return f"{APP}-{cluster}"


def identity(trust_domain: str, namespace: str, cluster: str) -> str:
    """SPIFFE identity of the echo application in one cluster."""
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{account(cluster)}"


def namespace_object(namespace: str, revision: Revision = DEFAULT) -> kube.Object:
    """The namespace, with injection on, marked as this process's."""
    metadata = reaper.marks(namespace)
    metadata["labels"].update(revision.namespace_labels)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, **metadata}}


def objects(namespace: str, cluster: str, image: str) -> list[tuple[str, kube.Object]]:
    """Everything inside the namespace, as collection path and object, in the order to create it."""
    workload = Workload(name=APP, cluster=cluster, version=cluster, account=account(cluster), image=image)
    return [
        service(namespace, APP, {"app": APP}),
        *workload_objects(namespace, workload),
    ]


def workload_objects(namespace: str, workload: Workload) -> list[tuple[str, kube.Object]]:
    """A deployment and its service account, as collection path and object."""
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": workload.account}}
    return [
        (f"/api/v1/namespaces/{namespace}/serviceaccounts", body),
        (f"/apis/apps/v1/namespaces/{namespace}/deployments", _deployment(workload)),
    ]


def service(
    namespace: str, name: str, selector: Mapping[str, str], protocols: Iterable[Protocol] = (Protocol.HTTP,)
) -> tuple[str, kube.Object]:
    """A Service of the echo application, as collection path and object."""
    # A port's name declares its protocol: without it, plain Envoy would treat the port as TCP and show no identity.
    ports = [{"name": str(protocol), "port": service_port(protocol), "targetPort": PORTS[protocol]}
             for protocol in protocols]  # fmt: skip
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"app": APP}},
        "spec": {"selector": dict(selector), "ports": ports},
    }
    return f"/api/v1/namespaces/{namespace}/services", body


def service_port(protocol: Protocol) -> int:
    """Port of the Services."""
    return 80 if protocol is Protocol.HTTP else PORTS[protocol]


def _deployment(workload: Workload) -> kube.Object:
    labels = {"app": workload.name, "version": workload.version}
    listening = [argument for protocol in workload.protocols for argument in (_FLAGS[protocol], str(PORTS[protocol]))]
    container = {
        "name": APP,
        "image": workload.image,
        "imagePullPolicy": "IfNotPresent",
        "args": [*listening, "--cluster", workload.cluster, "--version", workload.version],
        "ports": [{"name": str(protocol), "containerPort": PORTS[protocol]} for protocol in workload.protocols],
        "readinessProbe": {
            "httpGet": {"path": "/", "port": PORTS[Protocol.HTTP]}, "periodSeconds": 1, "failureThreshold": 30,
        },
    }  # fmt: skip
    pod_labels = {**labels, INJECT_LABEL: str(workload.has_proxy).lower(), **workload.labels}
    spec = {
        "serviceAccountName": workload.account,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": workload.name}},
            "template": {"metadata": {"labels": pod_labels, "annotations": dict(workload.annotations)}, "spec": spec},
        },
    }


def client_command(namespace: str, requests: int) -> list[str]:
    """Command that sends requests to the echo Service, each on a connection of its own."""
    return ["client", "--count", str(requests), "--timeout", "5s", f"http://{APP}.{namespace}:80/"]


def read_answers(output: str) -> list[Answer]:
    """Answers out of what the client printed, in the order of the requests."""
    found: dict[int, dict[str, str]] = {}
    for line in output.splitlines():
        match = _LINE.match(line)
        if not match:
            if body := _BODY.match(line):
                found.setdefault(int(body["request"]), {}).setdefault("said", body["said"])
            continue
        fields = found.setdefault(int(match["request"]), {})
        if match["name"] == "RequestHeader":
            if forwarded := _FORWARDED.match(match["value"]):
                fields["forwarded"] = forwarded["elements"]
        else:
            fields.setdefault(match["name"], match["value"])
    return [_answer(fields) for _, fields in sorted(found.items())]


def _answer(fields: dict[str, str]) -> Answer:
    # Proxies on the way append elements; the last one was written by the answering side's own proxy.
    last = ["", *_ELEMENT.findall(fields.get("forwarded", ""))][-1]
    parts = dict(part.split("=", 1) for part in last.split(";") if "=" in part)
    return Answer(
        status=fields.get("StatusCode", ""),
        cluster=fields.get("Cluster", ""),
        client=parts.get("URI", ""),
        server=parts.get("By", ""),
        milliseconds=_milliseconds(fields.get("Latency", "")),
        said=fields.get("said", ""),
    )


def _milliseconds(duration: str) -> float | None:
    parts = [float(part["number"]) * _MILLISECONDS[part["unit"]] for part in _DURATION.finditer(duration)]
    return sum(parts) if parts else None


def tally(answers: Iterable[Answer]) -> Tally:
    """Count answers."""
    listed = list(answers)
    good = [answer for answer in listed if answer.status == "200" and answer.cluster]
    refused = Counter(answer.status or "no status" for answer in listed if answer not in good)
    identities = {(answer.cluster, answer.client, answer.server) for answer in good}
    return Tally(dict(Counter(answer.cluster for answer in good)), dict(refused), frozenset(identities))
