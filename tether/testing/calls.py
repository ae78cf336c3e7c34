"""Requests that a pod of the mesh sent to a service, and what came of them.

The client is that of Istio's echo application; how it prints an answer: istio/istio
pkg/test/echo/server/forwarder/http.go (processHTTPResponse) and pkg/test/echo/fields.go.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tether import kube
from tether.errors import count
from tether.verify import client

PER_SECOND = 50
"""Requests begin one after the other, so that they do not wait for each other."""
_LINE = re.compile(r"^\[(?P<request>\d+)\] (?P<name>[\w-]+)=(?P<value>.*)$")
_BODY = re.compile(r"^\[(?P<request>\d+) body\] (?P<line>.*)$")
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of a service, or of a proxy in its stead."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By name in small letters; of several with one name the last."""
    body: str = ""
    """Without its empty lines, which the client leaves out."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What came of one round of requests."""

    url: str
    """That was asked for."""
    source: str
    """Cluster whose pod asked."""
    requests: int
    """How many were sent."""
    answers: tuple[Answer, ...] = ()
    """In the order of the requests; when some of a round get no answer, the client does not show the others'."""
    failed: int = 0
    """How many got no answer of any kind."""
    error: str = ""
    """What the client said of the first that got none."""

    @property
    def ok(self) -> bool:
        """Whether every request was answered with a status from 200 to 299."""
        return len(self.answers) == self.requests and all(200 <= one.status < 300 for one in self.answers)

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers had which HTTP status."""
        return dict(Counter(one.status for one in self.answers))

    @property
    def bodies(self) -> list[str]:
        """Bodies of the answers."""
        return [one.body for one in self.answers]

    def __str__(self) -> str:
        parts = [f"{number} answered with {status}" for status, number in sorted(self.statuses.items())]
        bad = next((one for one in self.answers if one.status >= 400), None)
        if bad and bad.body:
            parts[-1] += f" ({_short(bad.body)})"
        if self.failed:
            parts.append(f"{self.failed} not answered: {self.error}")
        seen = ", ".join(parts) or "no answer at all"
        return f"{count(self.requests, 'request')} to {self.url} from {self.source}: {seen}"


def command(
    url: str, requests: int, seconds: float, *, method: str = "", headers: Mapping[str, str] | None = None
) -> list[str]:
    """What the client is started with; its seconds count for all requests together."""
    words = [
        "client", "--count", str(requests), "--qps", str(PER_SECOND), "--new-connection-per-request",
        "--timeout", f"{seconds:.1f}s",
    ]  # fmt: skip
    words += ["--method", method] if method else []
    for name, value in (headers or {}).items():
        words += ["--header", _as_csv(f"{name}: {value}")]
    return [*words, url]


def read(url: str, source: str, requests: int, output: str) -> Calls:
    """What a client that ended well printed."""
    found: dict[int, _Parts] = {}
    for line in output.split("\n"):
        if body := _BODY.match(line):
            found.setdefault(int(body["request"]), _Parts()).body.append(body["line"])
        elif told := _LINE.match(line):
            found.setdefault(int(told["request"]), _Parts()).take(told["name"], told["value"])
    answers = tuple(parts.answer() for _, parts in sorted(found.items()) if parts.status)
    missing = requests - len(answers)
    error = "the client did not say what came of it" if missing else ""
    return Calls(url=url, source=source, requests=requests, answers=answers, failed=missing, error=error)


def failure(url: str, source: str, requests: int, output: str) -> Calls:
    """What a client that gave up printed."""
    sample = client.failure(output, requests)
    return Calls(url=url, source=source, requests=requests, failed=sample.failed, error=sample.error)


def of_execution(url: str, source: str, requests: int, done: kube.Executed) -> Calls:
    """What a client printed, however it ended."""
    if done.exit_code == 0:
        return read(url, source, requests, done.stdout)
    return failure(url, source, requests, done.stdout + done.stderr)


class _Parts:
    """What the client printed of one answer."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body: list[str] = []

    def take(self, name: str, value: str) -> None:
        if name == "StatusCode":
            self.status = int(value)
        elif name == "ResponseHeader":
            key, _, text = value.partition(":")
            self.headers[key.lower()] = text

    def answer(self) -> Answer:
        return Answer(status=self.status, headers=self.headers, body="\n".join(self.body))


def _as_csv(text: str) -> str:
    # The client's flag takes a line of CSV (spf13/pflag, StringSlice): a comma would begin another header.
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([text])
    return written.getvalue()


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
