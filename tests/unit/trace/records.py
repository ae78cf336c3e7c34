"""A record as a play would leave it, with parts to exchange."""

import dataclasses
from typing import Any

from tether.trace.record import Actor, Diagnosis, Outcome, Participant, Record, Step, Verdict

PARTICIPANTS = (
    Participant(actor=Actor.PROXY, name="Tether", detail="plays a new proxy", cluster="west"),
    Participant(actor=Actor.API_SERVER, name="API server", detail="reviews tokens", cluster="west"),
    Participant(actor=Actor.GATEWAY, name="East-west gateway", detail="203.0.113.7", cluster="east"),
    Participant(actor=Actor.ISTIOD, name="istiod", detail="istiod.istio-system.svc", cluster="east"),
)
TOKEN = Step(
    id="token", title="Token for istio-system/gateway", source=Actor.PROXY, target=Actor.API_SERVER,
    call="TokenRequest, audience istio-ca, 10 min", credential="your kubeconfig", identity="kubernetes-admin",
    started=0.1, seconds=0.02, outcome=Outcome.OK, answer="a token for audience istio-ca",
    verdicts=(Verdict(what="audience", ok=True, detail="istio-ca"),),
)  # fmt: skip
CERTIFICATE = Step(
    id="certificate", title="Sign my certificate request", source=Actor.PROXY, target=Actor.ISTIOD, via=Actor.GATEWAY,
    address="203.0.113.7", port=15012, server_name="istiod.istio-system.svc",
    call="gRPC istio.v1.auth.IstioCertificateService/CreateCertificate",
    credential="service-account token, audience istio-ca",
    identity="system:serviceaccount:istio-system:gateway, in cluster west", started=0.2, seconds=0.05,
    outcome=Outcome.OK, answer="a chain of 3 certificates, leaf to root",
    verdicts=(Verdict(what="identity", ok=True, detail="spiffe://cluster.local/ns/istio-system/sa/gateway"),),
)  # fmt: skip
REVIEW = Step(
    id="certificate-review", title="Whose token is this?", source=Actor.ISTIOD, target=Actor.API_SERVER,
    inside="certificate", call="POST tokenreviews", credential="token in the remote secret of west", started=0.21,
    seconds=0.003, outcome=Outcome.OK, answer="HTTP 201: it is of system:serviceaccount:istio-system:gateway",
)  # fmt: skip
DIAGNOSIS = Diagnosis(
    check="D11", title="There is a remote secret", subject="west", seen="no Secret holds a kubeconfig of west",
    cause="create-remote-secret was not run", fix="istioctl create-remote-secret", page="docs/reference/doctor.md#d11",
)  # fmt: skip


def record(*steps: Step, **changes: Any) -> Record:
    """A healthy record, unless its steps say otherwise."""
    made = Record(
        mesh="kind", primary="east", remote="west", cluster_id="west", network="network2", namespace="istio-system",
        service_account="gateway", trust_domain="cluster.local", began_at="2026-11-25T12:00:00.000+00:00",
        seconds=0.4, participants=PARTICIPANTS, steps=steps or (TOKEN, CERTIFICATE, REVIEW),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def failed(step: Step, message: str = "no Secret for this cluster", **changes: Any) -> Step:
    """A step that failed."""
    return dataclasses.replace(
        step, **{"outcome": Outcome.FAILED, "answer": "UNAUTHENTICATED: request authenticate failure",
                 "message": message, "source_of_message": "istiod's log", **changes},
    )  # fmt: skip
