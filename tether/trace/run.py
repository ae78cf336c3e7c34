"""One trace from its first question to the diagnosis."""

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

from tether import service_account_token
from tether.doctor import objects
from tether.doctor.check import Severity
from tether.doctor.examination import examine
from tether.doctor.registry import CHECKS
from tether.doctor.view import ClusterView, MeshView
from tether.errors import NotFoundError
from tether.kube import KubeError
from tether.mesh import Mesh
from tether.redact import redact
from tether.trace import acts, gateway, witness
from tether.trace.record import Actor, Diagnosis, Outcome, Record, Step
from tether.trace.stage import DEFAULT_AUDIENCE, Part, Stage

_SLACK = datetime.timedelta(milliseconds=20)
"""Between the moments that this machine and the API server of a local cluster write down."""
_LOG = "istiod's log"


def play(
    mesh: Mesh,
    *,
    remote: str = "",
    namespace: str = "",
    service_account: str = "",
    audience: str = DEFAULT_AUDIENCE,
    token: str | None = None,
    client_certificate: Path | None = None,
    address: str = "",
    follow_gateway: bool = False,
    diagnose: bool = True,
    on_step: Callable[[Step], None] = lambda _: None,
) -> Record:
    """Play the first authentication of a remote's proxy and record it.

    Nothing is changed but for what ``follow_gateway`` says; a certificate of ten minutes is signed and forgotten.

    Args:
        mesh: open.
        remote: name of the cluster whose proxy is played; the first remote if left out.
        namespace: of the service account; Istio's own if left out.
        service_account: that the proxy runs as; the one of the remote's east-west gateway if left out.
        audience: to ask a token for.
        token: to show instead of a new one; empty: none is shown. Secret.
        client_certificate: PEM file with a certificate and its key to show as well, as a proxy does that has
            authenticated before.
        address: of the gateway, where the one that the remote knows cannot be reached from here.
        follow_gateway: restart the remote's east-west gateway and record its pod from creation to Ready.
        diagnose: ask the doctor where something failed.
        on_step: told every step as it ends.

    Raises:
        NotFoundError: the mesh has no such remote.
    """
    view = MeshView(mesh)
    chosen = _remote(view, remote)
    namespace = namespace or view.namespace
    account = service_account or _gateway_account(chosen, namespace)
    stage = Stage(
        view, chosen,
        Part(
            namespace=namespace, service_account=account, audience=audience, token=token,
            client_certificate=client_certificate, address=address,
        ),
    )  # fmt: skip
    steps = _play(stage, on_step)
    followed = gateway.Followed(pod="", steps=())
    if follow_gateway:
        followed = gateway.follow(stage, on_step)
    return _diagnosed(_record(stage, (*steps, *followed.steps), followed.pod), view, diagnose=diagnose)


def _remote(view: MeshView, name: str) -> ClusterView:
    for cluster in view.remotes:
        if name in ("", cluster.name):
            return cluster
    known = ", ".join(cluster.name for cluster in view.remotes) or "none"
    raise NotFoundError(f"The mesh has no {f'remote {name}' if name else 'remote'}. Its remotes: {known}")


def _gateway_account(remote: ClusterView, namespace: str) -> str:
    """Service account of the east-west gateway in a namespace; ``default`` where there is none."""
    try:
        for service in objects.gateways(remote):
            for deployment in gateway.deployments(remote, service):
                if service["metadata"]["namespace"] == namespace:
                    return str(deployment["spec"]["template"]["spec"].get("serviceAccountName") or "default")
    except KubeError:
        pass  # said by the first step, which asks the same API server
    return "default"


def _play(stage: Stage, on_step: Callable[[Step], None]) -> tuple[Step, ...]:
    steps: list[Step] = []

    def add(step: Step) -> Step:
        steps.append(step)
        on_step(step)
        return step

    add(acts.bearings(stage))
    reached = acts.look_for_a_way(stage)
    admitted = add(acts.admission(stage))
    stage.learned.is_out_of_reach = not reached and admitted.outcome is Outcome.OK
    add(acts.injection(stage))
    add(acts.token(stage))
    greeted = add(acts.greeting(stage))
    since = datetime.datetime.now(datetime.UTC) - _SLACK
    calls = [acts.certificate(stage, greeted), acts.discovery(stage, greeted)]
    for step in explained(stage, calls, since):
        add(step)
    return tuple(steps)


def explained(stage: Stage, calls: Sequence[Step], since: datetime.datetime) -> list[Step]:
    """Calls to istiod with what others saw of them: each is followed by the token review inside of it."""
    played = [step for step in calls if step.outcome in (Outcome.OK, Outcome.FAILED)]
    refused = [step for step in played if step.answer.startswith("UNAUTHENTICATED")]
    reasons = witness.refusals_since(stage.view, since, len(refused)) if refused else []
    audited = witness.reviews(stage.remote, since) if played else None
    found: list[Step] = []
    for step in calls:
        if step not in played:
            found.append(step)
            continue
        reason = reasons[min(refused.index(step), len(reasons) - 1)] if step in refused and reasons else ""
        found.append(dataclasses.replace(step, message=reason, source_of_message=_LOG) if reason else step)
        if not _is_known_by_its_certificate(stage, step, audited):
            found.append(review(stage, step, reason, audited))
    return found


def _is_known_by_its_certificate(stage: Stage, call: Step, audited: Sequence[witness.Review] | None) -> bool:
    """Whether istiod took the certificate, which it tries first, and asked nobody about the token."""
    return (
        stage.part.client_certificate is not None
        and call.outcome is Outcome.OK
        and not _within(stage, call, audited or [])
    )


def review(stage: Stage, call: Step, reason: str, audited: list[witness.Review] | None) -> Step:
    """The token review inside a call to istiod.

    Args:
        stage: of the trace.
        call: to istiod.
        reason: why istiod refused it, by its log; empty where it did not.
        audited: reviews of the remote's audit log; None where there is none to read.
    """
    inside = _within(stage, call, audited or [])
    step = Step(
        id=f"{call.id}-review", title="Whose token is this?", source=Actor.ISTIOD, target=Actor.API_SERVER,
        inside=call.id, call="POST tokenreviews", started=call.started, outcome=Outcome.UNSEEN,
        credential=f"token in the remote secret of {stage.learned.cluster_id}",
    )  # fmt: skip
    if inside:
        step = dataclasses.replace(
            step, started=stage.at(inside.began), seconds=(inside.ended - inside.began).total_seconds(),
            identity=f"{inside.user or 'nobody that it knows'}, from {inside.source}",
        )  # fmt: skip
    if inside and not 200 <= inside.code < 300:
        whose = "audit log of the API server" if inside.message else _LOG
        return _unhelpful(step, f"HTTP {inside.code}", inside.message or reason, whose)
    if "validate the JWT" in reason and (inside or audited is None):
        return _unhelpful(step, "not authenticated", reason, _LOG)
    if f'from cluster "{objects.cluster_id(stage.remote)}"' in reason:
        return _unhelpful(step, "the question never arrived", reason, _LOG)
    if inside:
        return dataclasses.replace(step, outcome=Outcome.OK, answer=f"HTTP {inside.code}: {_verdict(stage, call)}")
    return _unseen(stage, step, call, reason, has_log=audited is not None)


def _unhelpful(step: Step, answer: str, message: str, whose: str) -> Step:
    return dataclasses.replace(step, outcome=Outcome.FAILED, answer=answer, message=message, source_of_message=whose)


def _within(stage: Stage, call: Step, audited: Sequence[witness.Review]) -> witness.Review | None:
    begin = stage.began_at + datetime.timedelta(seconds=call.started) - _SLACK
    end = stage.began_at + datetime.timedelta(seconds=call.started + call.seconds) + _SLACK
    return next((one for one in audited if begin <= one.began <= end), None)


def _verdict(stage: Stage, call: Step) -> str:
    """What the review must have said, by what istiod did next; audit logs hold no answers."""
    if call.answer.startswith("UNAUTHENTICATED"):
        return "answered"
    shown = service_account_token.claims(stage.learned.token or "")
    return f"it is of {shown.subject if shown else stage.subject}"


def _unseen(stage: Stage, step: Step, call: Step, reason: str, *, has_log: bool) -> Step:
    if reason or call.outcome is Outcome.FAILED:
        why = f"istiod did not ask the API server of {stage.remote.name}"
        return dataclasses.replace(step, outcome=Outcome.SKIPPED, message=why)
    if has_log:
        why = f"the audit log of {stage.remote.name} has no review at that time, and istiod's log no complaint"
    else:
        why = f"{stage.remote.name} has no audit log that can be read; istiod's log has no complaint"
    return dataclasses.replace(step, message=why)


def _record(stage: Stage, steps: tuple[Step, ...], pod: str) -> Record:
    mesh = stage.view.mesh
    return Record(
        mesh=mesh.blueprint.stack or ", ".join(cluster.name for cluster in mesh.clusters),
        primary=mesh.primary.name, remote=stage.remote.name, cluster_id=stage.learned.cluster_id,
        network=stage.learned.network, namespace=stage.part.namespace, service_account=stage.part.service_account,
        trust_domain=stage.learned.trust_domain, began_at=stage.began_at.isoformat(timespec="milliseconds"),
        seconds=stage.now(), participants=stage.participants(with_pod=pod), steps=steps,
    )  # fmt: skip


def _diagnosed(record: Record, view: MeshView, *, diagnose: bool) -> Record:
    """The record with the doctor's first error, where something of the mesh failed; a warning may tell of the past."""
    failed = record.failed
    if failed is None or failed.outcome is Outcome.NO_WAY or not diagnose:
        return record
    wrong = [one for one in examine(view.mesh, CHECKS).wrong if one.check.severity is Severity.ERROR]
    if not wrong:
        return dataclasses.replace(record, diagnosed=True)
    first = wrong[0]
    return dataclasses.replace(
        record, diagnosed=True,
        diagnosis=Diagnosis(
            check=first.check.id, title=first.check.title, subject=first.subject, seen=redact(first.answer.seen),
            cause=redact(first.answer.cause or first.check.cause), fix=first.answer.fix, page=first.check.page,
        ),
    )  # fmt: skip
