"""The real thing: the remote's east-west gateway is restarted, and its new pod followed from creation to Ready."""

import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import quote

from tether import durations, kube, mesh_probe, metadata, wait
from tether.doctor import objects
from tether.doctor.view import ClusterView
from tether.redact import redact
from tether.trace import judgement, witness
from tether.trace.record import Actor, Outcome, Step, Verdict
from tether.trace.stage import Stage

SECONDS = 120.0
"""For a new pod to become ready; its image lies on the node already."""
_CERTIFICATE = re.compile(r"cache\s+generated new workload certificate\s+(?P<rest>.*)")
_LATENCY = re.compile(r"\blatency=(?P<value>\S+)")
_CONNECTED = re.compile(r"connected to (?:delta )?upstream XDS server: (?P<server>\S+)")
_READY = re.compile(r"Envoy proxy is ready|Readiness succeeded")
_TROUBLE = re.compile(r"\b(?:warn|error)\b")
_SLACK = datetime.timedelta(milliseconds=50)
"""By which a log's times may be late: a line is dated when it is read."""
_UNITS = {"ms": 0.001, "µs": 1e-6, "us": 1e-6, "s": 1.0}


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What was seen of a restart."""

    pod: str
    """Name of the new pod; empty where none came."""
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class _New:
    """A new pod as it was last seen."""

    item: kube.Object
    log: Sequence[witness.Line] = field(default=())

    @property
    def name(self) -> str:
        return str(self.item["metadata"]["name"])

    def since(self, condition: str) -> datetime.datetime | None:
        """When a condition became true."""
        for entry in metadata.listed(self.item.get("status", {}), "conditions"):
            if entry["type"] == condition and entry["status"] == "True":
                return datetime.datetime.fromisoformat(entry["lastTransitionTime"])
        return None

    def said(self, pattern: re.Pattern[str]) -> tuple[witness.Line, re.Match[str]] | None:
        """The first line of its proxy's log that matches."""
        return next(((line, match) for line in self.log if (match := pattern.search(line.text))), None)


def deployments(cluster: ClusterView, service: kube.Object) -> Iterator[kube.Object]:
    """Deployments whose pods a Service selects; raises KubeError."""
    selector = cast("dict[str, str]", service["spec"].get("selector") or {})
    for item in cluster.list(f"/apis/apps/v1/namespaces/{service['metadata']['namespace']}/deployments"):
        labels = cast("dict[str, str]", item["spec"]["template"]["metadata"].get("labels") or {})
        if selector and selector.items() <= labels.items():
            yield item


def follow(stage: Stage, on_step: Callable[[Step], None], clock: wait.Clock = wait.SYSTEM_CLOCK) -> Followed:
    """Restart the gateway's Deployment and record what its new pod goes through.

    Args:
        stage: of the trace.
        on_step: told every step.
        clock: for tests.
    """
    started = stage.now()
    since = datetime.datetime.now(datetime.UTC)
    try:
        service, deployment = _gateway(stage.remote)
        before = {pod["metadata"]["name"] for pod in _pods(stage.remote, service)}
        _restart(stage.remote, deployment, since)
        pod = _await(stage, service, before, since, clock)
    except kube.KubeError as error:
        failed = _step(
            stage, "restart", "Restart the gateway", Actor.PROXY, Actor.API_SERVER, started, stage.now() - started,
            Outcome.FAILED, message=redact(str(error)), source_of_message="the API server",
        )  # fmt: skip
        on_step(failed)
        return Followed(pod="", steps=(failed,))
    new = _New(item=pod, log=witness.log(stage.remote, pod["metadata"]["namespace"], [pod["metadata"]["name"]],
                                         "istio-proxy", since - datetime.timedelta(seconds=1)))  # fmt: skip
    steps = tuple(sorted(_story(stage, new, started, since), key=lambda step: step.started))
    for step in steps:
        on_step(step)
    return Followed(pod=new.name, steps=steps)


def _gateway(remote: ClusterView) -> tuple[kube.Object, kube.Object]:
    for service in objects.gateways(remote):
        for deployment in deployments(remote, service):
            return service, deployment
    raise kube.KubeError(f"{remote.name} has no Deployment behind an east-west gateway's Service")


def _pods(remote: ClusterView, service: kube.Object) -> list[kube.Object]:
    selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
    path = f"/api/v1/namespaces/{service['metadata']['namespace']}/pods"
    return kube.items(remote.api.get(path, {"labelSelector": selector}))


def _restart(remote: ClusterView, deployment: kube.Object, now: datetime.datetime) -> None:
    """What ``kubectl rollout restart`` does."""
    meta = deployment["metadata"]
    stamp = {"kubectl.kubernetes.io/restartedAt": now.isoformat(timespec="seconds")}
    remote.api.patch(
        f"/apis/apps/v1/namespaces/{meta['namespace']}/deployments/{quote(meta['name'])}",
        {"spec": {"template": {"metadata": {"annotations": stamp}}}},
    )


def _await(
    stage: Stage, service: kube.Object, before: set[str], since: datetime.datetime, clock: wait.Clock
) -> kube.Object:
    """The new pod: ready, with a configuration that its Envoy rejects, or as it is when the time is over.

    Raises:
        KubeError: none came.
    """
    last: list[kube.Object] = []

    def look() -> bool:
        last[:] = [pod for pod in _pods(stage.remote, service) if pod["metadata"]["name"] not in before]
        if any(mesh_probe.is_ready(pod) for pod in last):
            return True
        lines = witness.istiod_log(stage.view, since) if last else []
        return any(witness.rejected(lines, pod["metadata"]["name"]) for pod in last)

    try:
        wait.wait(look, ready=bool, timeout=SECONDS, what="the gateway's new pod", clock=clock)
    except wait.WaitTimeoutError:
        if not last:
            raise kube.KubeError(f"no new pod was created within {SECONDS:.0f} s; the webhook was refused or is "
                                 "not reached") from None  # fmt: skip
    return next((pod for pod in last if mesh_probe.is_ready(pod)), last[0])


def _step(
    stage: Stage, name: str, title: str, source: Actor, target: Actor, started: float, seconds: float,
    outcome: Outcome = Outcome.OK, *, port: int = 0, via: Actor | None = None, inside: str = "", call: str = "",
    credential: str = "", identity: str = "", answer: str = "", message: str = "", source_of_message: str = "",
    verdicts: tuple[Verdict, ...] = (),
) -> Step:  # fmt: skip
    return Step(
        id=f"gateway-{name}", title=title, source=source, target=target, via=via, inside=inside, call=call,
        address=stage.learned.address if port else "", port=port, server_name=stage.host if port else "",
        credential=credential, identity=identity, started=max(0.0, started), seconds=max(0.0, seconds),
        outcome=outcome, answer=answer, message=message, source_of_message=source_of_message, verdicts=verdicts,
    )  # fmt: skip


def _story(stage: Stage, new: _New, restarted: float, since: datetime.datetime) -> Iterator[Step]:
    """The steps of a pod's first minute, by its own conditions and its proxy's log."""
    # Kubernetes writes whole seconds down: nothing can have been before the restart.
    created = max(restarted, stage.at(datetime.datetime.fromisoformat(new.item["metadata"]["creationTimestamp"])))
    yield _step(
        stage, "restart", "Restart the gateway", Actor.PROXY, Actor.API_SERVER, restarted, created - restarted,
        call="PATCH deployment: restartedAt", credential="your kubeconfig", answer=f"pod {new.name}",
    )  # fmt: skip
    yield _injected(stage, new, created)
    started = new.since("PodReadyToStartContainers") or new.since("PodScheduled")
    if started:
        yield _step(
            stage, "start", "Run the pod", Actor.API_SERVER, Actor.POD, created, stage.at(started) - created,
            call=f"on node {new.item['spec'].get('nodeName', '')}",
            credential="projected token, audience istio-ca", answer="its proxy starts",
        )  # fmt: skip
    yield from _signed(stage, new, since)
    if connected := new.said(_CONNECTED):
        yield _to_istiod(stage, new, "discovery", "Send me my configuration", stage.at(connected[0].at),
                         answer=f"connected to {connected[1]['server']}")  # fmt: skip
    yield _ready(stage, new, created, since)


def _injected(stage: Stage, new: _New, created: float) -> Step:
    spec = new.item["spec"]
    empty: kube.Object = {}
    proxy = next((one for one in metadata.listed(spec, "containers") if one["name"] == "istio-proxy"), empty)
    found = {str(entry["name"]): str(entry.get("value") or "") for entry in metadata.listed(proxy, "env")}
    verdicts = judgement.of_environment(
        found, cluster_id=stage.learned.cluster_id, network=stage.learned.network, istiod="", trust_domain=""
    )
    ok = bool(found) and proxy.get("image") != "auto" and all(verdict.ok for verdict in verdicts)
    return _step(
        stage, "injection", "Inject the gateway's pod", Actor.API_SERVER, Actor.ISTIOD, created, 0,
        Outcome.OK if ok else Outcome.FAILED, via=Actor.GATEWAY, port=stage.webhook_port,
        call="AdmissionReview", credential="none", answer="its image and its identity" if ok else "not injected",
        message="" if ok else "the pod has the image auto: the webhook did not answer", verdicts=verdicts,
        source_of_message="" if ok else "the pod",
    )  # fmt: skip


def _to_istiod(
    stage: Stage, new: _New, name: str, title: str, started: float, *, seconds: float = 0, answer: str
) -> Step:
    account = new.item["spec"].get("serviceAccountName", "default")
    subject = f"system:serviceaccount:{new.item['metadata']['namespace']}:{account}"
    return _step(
        stage, name, title, Actor.POD, Actor.ISTIOD, started, seconds, via=Actor.GATEWAY, port=stage.xds_port,
        credential="its service-account token, audience istio-ca", answer=answer,
        identity=f"{subject}, in cluster {stage.learned.cluster_id}",
    )  # fmt: skip


def _signed(stage: Stage, new: _New, since: datetime.datetime) -> Iterator[Step]:
    """Its certificate, with the first token review that the API server was asked for after the pod started."""
    signed = new.said(_CERTIFICATE)
    if not signed:
        return
    line, match = signed
    latency = _latency(match["rest"])
    began = line.at - datetime.timedelta(seconds=latency)
    yield _to_istiod(stage, new, "certificate", "Sign my certificate request", stage.at(began), seconds=latency,
                     answer="a workload certificate")  # fmt: skip
    audited = witness.reviews(stage.remote, since) or []
    inside = next((one for one in audited if began - _SLACK <= one.began <= line.at + _SLACK), None)
    if inside:
        yield _step(
            stage, "certificate-review", "Whose token is this?", Actor.ISTIOD, Actor.API_SERVER,
            stage.at(inside.began), (inside.ended - inside.began).total_seconds(),
            Outcome.OK if 200 <= inside.code < 300 else Outcome.FAILED, inside="gateway-certificate",
            call="POST tokenreviews", credential=f"token in the remote secret of {stage.learned.cluster_id}",
            identity=f"{inside.user}, from {inside.source}", answer=f"HTTP {inside.code}", message=inside.message,
            source_of_message="audit log of the API server" if inside.message else "",
        )  # fmt: skip


def _latency(words: str) -> float:
    """Seconds out of a Go duration of one unit, as the proxy logs it; 0 where it is none."""
    match = _LATENCY.search(words)
    parts = re.fullmatch(r"([\d.]+)(µs|us|ms|s)", match["value"]) if match else None
    return float(parts[1]) * _UNITS[parts[2]] if parts else 0.0


def _ready(stage: Stage, new: _New, created: float, since: datetime.datetime) -> Step:
    if mesh_probe.is_ready(new.item):
        said = new.said(_READY)
        moment = new.since("Ready")
        at = max(stage.at(said[0].at) if said else 0.0, stage.at(moment) if moment else 0.0)
        return _step(
            stage, "ready", "I serve", Actor.POD, Actor.API_SERVER, at, 0,
            answer=f"Ready, {durations.spoken(at - created)} after it was created",
        )  # fmt: skip
    rejected = witness.rejected(witness.istiod_log(stage.view, since), new.name)
    trouble = [line for line in new.log if _TROUBLE.search(line.text)]
    message, whose = (
        (rejected[-1][1], "istiod's log") if rejected
        else (trouble[-1].text, "the proxy's log") if trouble
        else (mesh_probe.why_not_ready(new.item), "the API server")
    )  # fmt: skip
    return _step(
        stage, "ready", "I serve", Actor.POD, Actor.API_SERVER, stage.now(), 0, Outcome.FAILED,
        answer=f"not ready after {durations.spoken(stage.now() - created)}",
        message=redact(" ".join(message.split())), source_of_message=whose,
    )  # fmt: skip
