"""Istio's echo application: its objects and the meaning of what its client prints.

Fields and output format: istio/istio pkg/test/echo/{fields.go,server/endpoint/http.go,
server/forwarder/http.go}; arguments: pkg/test/echo/cmd/{server,client}.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tether import kube

APP = "echo"
PORT = 8080
LABEL = "tether.verification"
"""Label of the namespaces; its value is the run's own name."""

_LINE = re.compile(r"^\[(?P<request>\d+)(?: body)?\] (?P<name>\w+)=(?P<value>.*)$")
_ELEMENT = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*")+')
"""One element of the header; a quoted subject may hold commas."""
_FORWARDED = re.compile(r"^X-Forwarded-Client-Cert:(?P<elements>.*)$")


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


def namespace_object(namespace: str) -> kube.Object:
    """The namespace, with injection on."""
    labels = {"istio-injection": "enabled", LABEL: namespace, "app.kubernetes.io/managed-by": "tether"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}


def objects(namespace: str, cluster: str, image: str) -> list[tuple[str, kube.Object]]:
    """Everything inside the namespace, as collection path and object, in the order to create it."""
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    account_object = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": account(cluster)},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": APP, "labels": {"app": APP}},
        # The name declares the protocol: without it, plain Envoy would treat the port as TCP and show no identity.
        "spec": {"selector": {"app": APP}, "ports": [{"name": "http", "port": 80, "targetPort": PORT}]},
    }
    return [
        (f"{core}/serviceaccounts", account_object),
        (f"{core}/services", service),
        (f"{apps}/deployments", _deployment(cluster, image)),
    ]


def _deployment(cluster: str, image: str) -> kube.Object:
    labels = {"app": APP, "version": cluster}
    container = {
        "name": APP,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--port", str(PORT), "--cluster", cluster, "--version", cluster],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1, "failureThreshold": 30},
    }
    spec = {
        "serviceAccountName": account(cluster),
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": APP, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": APP}},
            "template": {
                "metadata": {"labels": {**labels, "sidecar.istio.io/inject": "true"}},
                "spec": spec,
            },
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
    )


def tally(answers: Iterable[Answer]) -> Tally:
    """Count answers."""
    listed = list(answers)
    good = [answer for answer in listed if answer.status == "200" and answer.cluster]
    refused = Counter(answer.status or "no status" for answer in listed if answer not in good)
    identities = {(answer.cluster, answer.client, answer.server) for answer in good}
    return Tally(dict(Counter(answer.cluster for answer in good)), dict(refused), frozenset(identities))
