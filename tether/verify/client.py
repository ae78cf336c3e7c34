"""Asking: the echo application's client, run in one pod, and what came of its requests.

Output and errors: istio/istio pkg/test/echo/server/forwarder/util.go (doForward). When one request of a round
fails, the client tells how many did and the first one's error, but nothing of those that were answered.
"""

import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tether import kube
from tether.verify import echo
from tether.verify.matrix import Protocol

_PER_SECOND = 50
"""Requests begin one after the other, so that they do not wait for each other and latencies are the mesh's."""
PATIENCE = 5.0
"""Seconds that a round may take beyond the sending."""
_SLACK = 10.0
"""Seconds for the API server to start the client and to bring its words."""
_FAILED = re.compile(r"(?P<failed>\d+)/\d+ requests had errors; first error: (?P<error>.*)", re.DOTALL)
_LATE = re.compile(r"timed out after \S+ and only (?P<completed>\d+)/\d+ requests completed")
_REFUSED = re.compile(r"reset by peer|\bEOF\b|broken pipe")
_DENIED = "PermissionDenied"
TIMED_OUT = "no answer in time"
NOT_RESOLVED = "never sent: the client waits two seconds for its cluster's DNS, and got no address"
NOT_DIALLED = "never sent: the client waits two seconds for a connection, and its own proxy gave none"
NEVER_SENT = (NOT_RESOLVED, NOT_DIALLED)
"""The client's own limit on a busy machine: istio/istio pkg/test/echo/common/util.go, ConnectionTimeout."""
CLOSED = "the connection was closed without an answer (EOF)"
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Asker:
    """A pod that can ask."""

    api: kube.Api
    namespace: str
    pod: str
    cancel: threading.Event


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What came of one round of requests."""

    requests: int
    answers: tuple[echo.Answer, ...] = ()
    error: str = ""
    """What the client said of the first request that failed, or why it could not be run; empty where none failed."""
    failed: int = 0
    """How many got no answer of any kind."""

    def answered_by(self, cluster: str) -> tuple[echo.Answer, ...]:
        """Answers of one cluster's echo application."""
        return tuple(one for one in self.answers if one.status == "200" and one.cluster == cluster)

    def missed_by(self, *clusters: str) -> int:
        """How many were not answered by one of these clusters.

        When some requests of a round failed, the client does not show the others' answers; those are not missed.
        """
        return self.failed + len(self.answers) - sum(len(self.answered_by(name)) for name in clusters)

    @property
    def unanswered(self) -> int:
        """How many were not answered by the echo application of any cluster."""
        return self.missed_by(*{one.cluster for one in self.answers if one.cluster})

    @property
    def denied(self) -> int:
        """How many a proxy denied by a policy: HTTP 403, or gRPC's PermissionDenied."""
        return sum(one.status == "403" for one in self.answers) + (self.failed if _DENIED in self.error else 0)

    @property
    def refused(self) -> int:
        """How many connections were closed without an answer, which is what TCP shows of a denial."""
        return self.failed if _REFUSED.search(self.error) else 0

    def __str__(self) -> str:
        good = [one for one in self.answers if one.status == "200" and one.cluster]
        parts = [f"{sum(one.cluster == name for one in good)} answered by {name}"
                 for name in sorted({one.cluster for one in good})]  # fmt: skip
        bad = [one for one in self.answers if one not in good]
        statuses = sorted({one.status for one in bad})
        parts += [_refusal([one for one in bad if one.status == status]) for status in statuses]
        if self.failed:
            parts.append(f"{self.failed} failed: {self.error}")
        return ", ".join(parts) or "no answer at all"


def ask(asker: Asker, protocol: Protocol, service: str, requests: int, *, patience: float = PATIENCE) -> Sample:
    """Send requests to a Service of the asker's namespace, each on a connection of its own.

    The client's time-out counts for all of them together: the sending, and the patience in seconds.
    """
    seconds = patience + requests / _PER_SECOND
    command = _command(protocol, f"{service}.{asker.namespace}", requests, seconds)
    try:
        done = asker.api.execute(
            asker.namespace, asker.pod, command, container=echo.APP,
            timeout=seconds + _SLACK, cancel=asker.cancel,
        )  # fmt: skip
    except kube.KubeError as error:
        return Sample(requests=requests, failed=requests, error=str(error))
    if done.exit_code == 0:
        return read(done.stdout, requests)
    return failure(done.stdout + done.stderr, requests)


def read(output: str, requests: int) -> Sample:
    """What a client that ended well printed."""
    answers = tuple(echo.read_answers(output))
    missing = requests - len(answers)
    error = "the client did not say what came of it" if missing else ""
    return Sample(requests=requests, answers=answers, failed=missing, error=error)


def failure(output: str, requests: int) -> Sample:
    """What a client that gave up printed."""
    if late := _LATE.search(output):
        # "Completed" counts error answers too, and shows none of them.
        error = f"{TIMED_OUT}; {late['completed']} completed, but the client does not say how"
        return Sample(requests=requests, failed=requests, error=error)
    if failed := _FAILED.search(output):
        return Sample(requests=requests, failed=int(failed["failed"]), error=_short(failed["error"]))
    return Sample(requests=requests, failed=requests, error=_short(output[-300:]) or "the client said nothing")


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that a share of all values does not exceed (nearest rank); None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _command(protocol: Protocol, host: str, requests: int, seconds: float) -> list[str]:
    path = "/" if protocol is Protocol.HTTP else ""
    return [
        "client", "--count", str(requests), "--qps", str(_PER_SECOND), "--new-connection-per-request",
        "--timeout", f"{seconds:.1f}s", f"{protocol}://{host}:{echo.service_port(protocol)}{path}",
    ]  # fmt: skip


def _refusal(alike: Sequence[echo.Answer]) -> str:
    """Answers of one status that are not the application's, with what the first proxy said to it."""
    said = next((one.said for one in alike if one.said), "")
    told = f"{len(alike)} with {f'status {alike[0].status}' if alike[0].status else 'no status'}"
    return f"{told} ({_short(said)})" if said else told


def _short(text: str) -> str:
    """One line; what the client repeats of itself is left out."""
    words = " ".join(text.split())
    if "i/o timeout" in words and "dial " in words:
        return NOT_RESOLVED if " lookup " in words else NOT_DIALLED
    if "deadline exceeded" in words or "i/o timeout" in words:
        return TIMED_OUT
    if words.startswith("expect to recv message"):
        # It goes on with everything that it sent and received, which for TCP may be nothing.
        return (
            CLOSED if words.endswith("EOF") and "body]" not in words else "another answer than the echo application's"
        )
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
