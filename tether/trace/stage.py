"""Where a trace is played: the mesh, the part, and what is learned on the way."""

import contextlib
import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tether.addresses import with_port
from tether.doctor import before, objects
from tether.doctor.view import ClusterView, MeshView
from tether.kube import KubeError
from tether.redact import redact
from tether.topology import WEBHOOK_PORT, XDS_PORT
from tether.trace.istiod import Channel, Endpoint
from tether.trace.record import Actor, Outcome, Participant, Step, Verdict

DEFAULT_AUDIENCE = "istio-ca"
"""What istiod takes unless TOKEN_AUDIENCES says otherwise (istio/istio pilot/pkg/features)."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which proxy is played."""

    namespace: str
    service_account: str
    audience: str
    token: str | None = field(default=None, repr=False)
    """To show instead of a new one; empty: none is shown, as an agent does that cannot read its file. Secret."""
    client_certificate: Path | None = None
    """PEM file with a certificate and its key, which a proxy shows that has authenticated before."""
    address: str = ""
    """To use instead of the one that the remote's Service istiod leads to."""


@dataclass(kw_only=True)
class Learned:
    """What later steps need from earlier ones; empty until then."""

    root: str = ""
    address: str = ""
    ports: Mapping[int, int] = field(default_factory=dict[int, int])
    """By istiod's own port: the port to go to at the address."""
    cluster_id: str = ""
    network: str = ""
    trust_domain: str = ""
    token: str | None = field(default=None, repr=False)
    """None: there is none yet. Secret."""
    is_out_of_reach: bool = False
    """Whether this machine has no way to the gateway while the remote's API server has one."""


class Stage:
    """One trace while it is played."""

    def __init__(self, view: MeshView, remote: ClusterView, part: Part) -> None:
        self.view = view
        self.remote = remote
        self.part = part
        self.learned = Learned(address=part.address, trust_domain=view.mesh.blueprint.trust_domain)
        with contextlib.suppress(KubeError):  # said by the first step that asks the same API server
            self.learned.cluster_id = objects.cluster_id(remote)
            self.learned.network = before.network_of(remote)
        self._began = time.monotonic()
        self.began_at = datetime.datetime.now(datetime.UTC)

    @property
    def host(self) -> str:
        """Istiod's name, on every cluster."""
        return self.view.mesh.istiod_host

    @property
    def subject(self) -> str:
        """Who the proxy is to Kubernetes."""
        return f"system:serviceaccount:{self.part.namespace}:{self.part.service_account}"

    @property
    def identity(self) -> str:
        """Who it is to be to the mesh."""
        return f"spiffe://{self.learned.trust_domain}/ns/{self.part.namespace}/sa/{self.part.service_account}"

    @property
    def audiences(self) -> Sequence[str]:
        """Audiences that istiod takes."""
        return (objects.istiod_variable(self.view.primary, "TOKEN_AUDIENCES") or DEFAULT_AUDIENCE).split(",")

    @property
    def xds_port(self) -> int:
        """Port to go to for discovery and certificates, as far as the trace has learned."""
        return self.learned.ports.get(XDS_PORT, XDS_PORT)

    @property
    def webhook_port(self) -> int:
        """Port to go to for injection."""
        return self.learned.ports.get(WEBHOOK_PORT, WEBHOOK_PORT)

    def channel(self) -> Channel:
        """A proxy's channel to istiod, as far as the trace has learned."""
        known = self.learned
        return Channel(self.endpoint(self.xds_port), known.cluster_id, known.token, self.part.client_certificate)

    def endpoint(self, port: int) -> Endpoint:
        """Istiod behind the gateway, as far as the trace has learned."""
        return Endpoint(address=self.learned.address, port=port, host=self.host, root=self.learned.root)

    def now(self) -> float:
        """Seconds since the trace began."""
        return time.monotonic() - self._began

    def at(self, moment: datetime.datetime) -> float:
        """A moment by somebody else's clock as seconds since the trace began; not before it."""
        return max(0.0, (moment - self.began_at).total_seconds())

    def participants(self, *, with_pod: str = "") -> tuple[Participant, ...]:
        """Who takes part, left to right; the pod only where it is followed."""
        primary, remote = self.view.primary.name, self.remote.name
        pod = (
            [Participant(actor=Actor.POD, name="Gateway pod", detail=f"…{with_pod[-16:]}", cluster=remote)]
            if with_pod
            else []
        )
        return (
            *pod,
            Participant(actor=Actor.PROXY, name="Tether", detail="plays a new proxy", cluster=remote),
            Participant(actor=Actor.API_SERVER, name="API server", detail="reviews tokens", cluster=remote),
            Participant(actor=Actor.GATEWAY, name="East-west gateway", detail=self.learned.address or "no address",
                        cluster=primary),
            Participant(actor=Actor.ISTIOD, name="istiod", detail=self.host, cluster=primary),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of an exchange."""

    outcome: Outcome
    answer: str = ""
    message: str = ""
    source_of_message: str = ""
    verdicts: tuple[Verdict, ...] = ()


def seen(answer: str, verdicts: Sequence[Verdict] = ()) -> Seen:
    """An answer that came; it fails where something that was checked is not so."""
    wrong = [verdict for verdict in verdicts if not verdict.ok]
    if not wrong:
        return Seen(outcome=Outcome.OK, answer=answer, verdicts=tuple(verdicts))
    complaint = "; ".join(f"{verdict.what}: {verdict.detail}" for verdict in wrong)
    return Seen(
        outcome=Outcome.FAILED, answer=answer, message=complaint, source_of_message="what was checked",
        verdicts=tuple(verdicts),
    )  # fmt: skip


def refused(message: str, whose: str, answer: str = "", verdicts: Sequence[Verdict] = ()) -> Seen:
    """No answer, or a refusal."""
    return Seen(
        outcome=Outcome.FAILED, answer=answer, message=redact(message), source_of_message=whose,
        verdicts=tuple(verdicts),
    )  # fmt: skip


def skipped(why: str) -> Seen:
    """Not played."""
    return Seen(outcome=Outcome.SKIPPED, message=why)


def no_way(stage: Stage, port: int) -> Seen:
    """Out of this machine's reach."""
    return Seen(
        outcome=Outcome.NO_WAY,
        message=f"this machine has no way to {with_port(stage.learned.address, port)}, which the API server of "
        f"{stage.remote.name} reaches",
        source_of_message="this machine",
    )


def play_step(stage: Stage, exchange: Callable[[], Seen], **what: Any) -> Step:
    """Play one exchange and time it.

    Args:
        stage: where.
        exchange: does it.
        what: fields of the step that are known beforehand.
    """
    started = stage.now()
    found = exchange()
    return Step(
        **what, started=started, seconds=stage.now() - started, outcome=found.outcome, answer=redact(found.answer),
        message=redact(found.message), source_of_message=found.source_of_message, verdicts=found.verdicts,
    )  # fmt: skip
