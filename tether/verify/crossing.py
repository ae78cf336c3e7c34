"""Requests from one cluster to another: all answered there, with the right identities on both ends."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tether import kube
from tether.mesh import Cluster
from tether.topology import CROSS_NETWORK_PORT
from tether.verify import client, connections
from tether.verify.client import Sample
from tether.verify.matrix import Cell, Mode, Protocol
from tether.verify.stand import Stand

_LOG_SECONDS = 4.0
"""Proxies write their logs once a second."""


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Who asks whom, and how."""

    source: Cluster
    destination: Cluster
    protocol: Protocol

    def __str__(self) -> str:
        return f"{self.source.name} → {self.destination.name}, {self.protocol}"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Requests in one direction and what the proxies knew of them."""

    sample: Sample
    milliseconds: tuple[float, ...] = ()
    identities: frozenset[tuple[str, str]] = frozenset()
    """Of the asking and of the answering side, of all requests; several where they differ."""


def directions(clusters: Sequence[Cluster], protocols: Sequence[Protocol]) -> list[Direction]:
    """Every ordered pair of clusters, over every protocol."""
    return [
        Direction(source=source, destination=destination, protocol=protocol)
        for source in clusters
        for destination in clusters
        if source is not destination
        for protocol in protocols
    ]


def question(stand: Stand, direction: Direction, mode: Mode, requests: int) -> Callable[[], Cell]:
    """What asks in one direction and judges the answers."""
    return lambda: judge(stand, direction, mode, ask(stand, direction, requests))


def ask(stand: Stand, direction: Direction, requests: int) -> Seen:
    """Send requests; for TCP, read from the proxies' logs what its answers cannot say."""
    if direction.protocol is not Protocol.TCP:
        sample = _send(stand, direction, requests)
        answers = sample.answered_by(direction.destination.name)
        return Seen(
            sample=sample,
            milliseconds=tuple(one.milliseconds for one in answers if one.milliseconds is not None),
            identities=frozenset((one.client, one.server) for one in answers),
        )
    try:
        return _ask_tcp(stand, direction, requests)
    except kube.KubeError as error:
        return Seen(sample=Sample(requests=requests, failed=requests, error=str(error)))


def judge(stand: Stand, direction: Direction, mode: Mode, seen: Seen) -> Cell:
    """The cell of the matrix; ``wrong`` says what is missing."""
    sample = seen.sample
    lost = sample.missed_by(direction.destination.name)
    client_, server = _common(seen.identities)
    return Cell(
        source=direction.source.name,
        destination=direction.destination.name,
        protocol=direction.protocol,
        mode=mode,
        requests=sample.requests,
        lost=lost,
        p50_ms=_rounded(client.percentile(seen.milliseconds, 0.5)),
        p95_ms=_rounded(client.percentile(seen.milliseconds, 0.95)),
        max_ms=_rounded(client.percentile(seen.milliseconds, 1)),
        client=client_,
        server=server,
        wrong="; ".join(_complaints(stand, direction, mode, seen, lost)),
    )


def not_tried(direction: Direction, mode: Mode, why: str) -> Cell:
    """A cell that was not asked for an answer."""
    return Cell(
        source=direction.source.name, destination=direction.destination.name, protocol=direction.protocol, mode=mode,
        requests=0, lost=0, wrong=f"{direction}, {mode}: not tried, because {why}",
    )  # fmt: skip


def _send(stand: Stand, direction: Direction, requests: int) -> Sample:
    asker = stand.asker(direction.source)
    return client.ask(asker, direction.protocol, stand.service(direction.destination), requests)


def _complaints(stand: Stand, direction: Direction, mode: Mode, seen: Seen, lost: int) -> Iterator[str]:
    if lost:
        yield (
            f"{direction}, {mode}: {lost} of {seen.sample.requests} requests were lost ({seen.sample}). "
            f"Likely cause: {_cause(direction, seen.sample)}"
        )
        return
    wanted = (stand.identity(direction.source), stand.identity(direction.destination))
    for client_, server in sorted(seen.identities - {wanted}) or ([] if seen.identities else [("", "")]):
        shown = f"the asking side as {client_ or 'nobody'}, the answering side as {server or 'nobody'}"
        yield (
            f"{direction}, {mode}: the requests were answered, but without the expected identities ({shown}; "
            f"expected {wanted[0]} and {wanted[1]}). Likely cause: no mTLS between them, or another trust domain"
        )


def _cause(direction: Direction, sample: Sample) -> str:
    source, destination = direction.source.name, direction.destination.name
    # A client that gives up shows none of its answers: three of ten may then be a proxy's own errors.
    if sample.answered_by(destination):
        return "endpoints are still being told to the proxies, or a gateway is overloaded"
    if "no healthy upstream" in sample.error:
        return f"istiod has no endpoints of {destination} for {source}: its remote secret is not synced"
    return (
        f"the east-west gateway of {destination} is not there, port {CROSS_NETWORK_PORT} of it cannot be "
        f"reached from {source}, or the two clusters' certificates have different roots"
    )


def _ask_tcp(stand: Stand, direction: Direction, requests: int) -> Seen:
    before = _Logs.read(stand, direction)
    sample = _send(stand, direction, requests)
    if sample.missed_by(direction.destination.name):
        return Seen(sample=sample)
    deadline = time.monotonic() + _LOG_SECONDS
    while True:
        logs = _Logs.read(stand, direction).since(before)
        mine = [one for one in logs.arrived if one.asker == stand.identity(direction.source)]
        if (len(logs.sent) >= requests and len(mine) >= requests) or time.monotonic() > deadline:
            break
        stand.cancel.wait(0.3)
    return Seen(
        sample=sample,
        milliseconds=tuple(one.milliseconds for one in logs.sent),
        identities=_identities(logs, mine, requests),
    )


@dataclass(frozen=True)
class _Logs:
    """What the proxies on both ends of a direction have logged."""

    sent: list[connections.Connection]
    arrived: list[connections.Connection]

    @classmethod
    def read(cls, stand: Stand, direction: Direction) -> "_Logs":
        asking, answering = stand.asker(direction.source), stand.asker(direction.destination)
        sent = connections.logged(asking.api, asking.namespace, asking.pod)
        came = connections.logged(answering.api, answering.namespace, answering.pod)
        return cls(
            connections.to(stand.service(direction.destination), stand.namespace, sent), connections.arrived(came)
        )

    def since(self, before: "_Logs") -> "_Logs":
        """What came after an earlier reading."""
        return _Logs(self.sent[len(before.sent) :], self.arrived[len(before.arrived) :])


def _identities(logs: _Logs, mine: Sequence[connections.Connection], requests: int) -> frozenset[tuple[str, str]]:
    """What the two proxies saw of each other, over all connections of a round.

    Connections of other clusters arrive meanwhile. Those of this one are counted by its identity; if there
    are too few, whoever else came is what was seen.
    """
    servers = {one.asked for one in logs.sent} if len(logs.sent) >= requests else {""}
    others = Counter(one.asker for one in logs.arrived if one not in mine)
    clients = {one.asker for one in mine} if len(mine) >= requests else {next(iter(others), "")}
    return frozenset((client_, server) for client_ in clients for server in servers)


def _common(identities: frozenset[tuple[str, str]]) -> tuple[str, str]:
    """The identities if they were the same for all requests, else the first of each."""
    return min(identities, default=("", ""))


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)
