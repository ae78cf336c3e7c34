"""What a trace saw: who spoke to whom, with which credential, what was checked and how it ended.

Diagrams, text and JSON are made from this and from nothing else. It never holds a token or a key:
credentials are named by their kind.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not played, because a step that it needs failed."""
    UNSEEN = "unseen"
    """Happened or not: nobody who could tell was asked or answered."""
    NO_WAY = "no way"
    """This machine does not reach the gateway, while the remote's API server does."""


class Actor(StrEnum):
    """Who takes part; the value is what a record's JSON calls it."""

    PROXY = "proxy"
    """Played by Tether: it says and shows what a new proxy would."""
    POD = "pod"
    """The remote's real gateway, where its restart is followed."""
    API_SERVER = "api-server"
    """Of the remote."""
    GATEWAY = "gateway"
    """The primary's east-west gateway."""
    ISTIOD = "istiod"


@dataclass(frozen=True, kw_only=True)
class Participant:
    """One who takes part."""

    actor: Actor
    name: str
    detail: str
    """Second line: an address, or who plays it."""
    cluster: str
    """Name of the cluster it belongs to."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One thing that was checked."""

    what: str
    """What must hold, in a few words."""
    ok: bool
    detail: str
    """What was found."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One exchange: a request and its answer."""

    id: str
    """``token``, ``handshake``, …: the same for every trace."""
    title: str
    """What is asked."""
    source: Actor
    target: Actor
    via: Actor | None = None
    """Who passes it on without taking part in it."""
    inside: str = ""
    """ID of the step between whose request and answer this one lies."""
    address: str = ""
    """Where the connection goes; empty where the kubeconfig or Kubernetes decides."""
    port: int = 0
    server_name: str = ""
    """SNI and the name that the server must prove."""
    call: str = ""
    """Method and path."""
    credential: str = ""
    """Kind of what the source shows, never its value."""
    identity: str = ""
    """Who the source is to the target."""
    started: float = 0
    """Seconds since the trace began."""
    seconds: float = 0
    """How long it took."""
    outcome: Outcome
    answer: str = ""
    """What came back, in one line."""
    message: str = ""
    """The server's own words where it failed, or why a step was skipped or not seen."""
    source_of_message: str = ""
    """Whose words they are: ``istiod's log``, ``the answer``."""
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The doctor's first finding about the mesh of a failed trace."""

    check: str
    """``D13``."""
    title: str
    subject: str
    """Name of the cluster."""
    seen: str
    cause: str
    fix: str
    page: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """One trace."""

    mesh: str
    """The stack, or the names of the clusters."""
    primary: str
    remote: str
    cluster_id: str
    """That the proxy claims to be in, as the remote's webhook tells it."""
    network: str
    namespace: str
    service_account: str
    trust_domain: str
    began_at: str
    """ISO 8601, UTC."""
    seconds: float
    participants: tuple[Participant, ...]
    steps: tuple[Step, ...]
    """In the order in which their requests were sent."""
    diagnosis: Diagnosis | None = None
    """None where nothing failed, the doctor found nothing, or was not asked."""
    diagnosed: bool = field(default=False)
    """Whether the doctor was asked."""

    @property
    def ok(self) -> bool:
        """Whether the proxy would have authenticated; what could not be seen speaks neither for nor against."""
        return all(step.outcome in (Outcome.OK, Outcome.UNSEEN) for step in self.steps)

    @property
    def failed(self) -> Step | None:
        """The first step that failed, or that this machine has no way to play."""
        return next((step for step in self.steps if step.outcome in (Outcome.FAILED, Outcome.NO_WAY)), None)

    @property
    def identity(self) -> str:
        """The SPIFFE identity that the proxy is to get."""
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"

    def step(self, name: str) -> Step:
        """A step by its ID.

        Raises:
            KeyError: the trace has no such step.
        """
        for step in self.steps:
            if step.id == name:
                return step
        raise KeyError(name)
