"""Requests between clusters of a mesh, one after the other without a pause, while something is done to the mesh."""

import contextlib
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.environment import PROJECT, until
from tether import mesh, parts
from tether.mesh import Blueprint, Cluster, Member
from tether.topology import DEFAULT_TRUST_DOMAIN, Role
from tether.verify import client, crossing
from tether.verify.client import Sample
from tether.verify.crossing import Direction
from tether.verify.matrix import Protocol
from tether.verify.stand import Needs, Stand

PROTOCOLS = (Protocol.HTTP, Protocol.TCP)
ROUND = 25
"""Requests of one round, each on a connection of its own; the client sends them within half a second."""
SETTLING_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
"""Observed: on a machine whose processors all were taken, an answer came after 4.6 s; late is not lost."""


@dataclass
class Traffic:
    """Asks in every direction, round after round, and remembers what came of each.

    ``tether verify`` asks again until all is well, so that a request lost in between goes unseen; nothing does here.
    """

    stand: Stand
    rounds: dict[Direction, list[Sample]] = field(default_factory=dict[Direction, list[Sample]])
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def losses(self) -> list[str]:
        """Rounds of which a request that was sent was not answered by the cluster that was asked."""
        return [
            f"{way}: {sample}"
            for way, samples in self.rounds.items()
            for sample in samples
            if sample.missed_by(way.destination.name) and sample.error not in client.NEVER_SENT
        ]

    @contextlib.contextmanager
    def during(self, change: str) -> Generator[None]:
        """See that requests crossed every way while something was done, and that not one was lost."""
        before = {way: len(samples) for way, samples in self.rounds.items()}
        yield
        answered = {
            str(way): sum(not sample.missed_by(way.destination.name) for sample in samples[before[way] :])
            for way, samples in self.rounds.items()
        }
        # The first may have begun earlier.
        assert min(answered.values()) > 1, f"too few rounds of requests were answered while {change}: {answered}"
        assert not self.losses, f"lost while {change}: {self.losses}"

    def settle(self) -> None:
        """Wait until proxies that were just made know the way; nothing before counts."""
        until(
            "requests cross", lambda: not any(self._round(way) for way in self.rounds), seconds=SETTLING_SECONDS
        )  # fmt: skip
        self.rounds = {way: [] for way in self.rounds}

    def send(self, source: Cluster) -> None:
        """Ask from one cluster until it is over."""
        while not self.over.is_set():
            for way in self.rounds:
                if way.source is source:
                    self._round(way)

    def _round(self, way: Direction) -> int:
        """Ask once more; how many requests were lost."""
        asker, service = self.stand.asker(way.source), self.stand.service(way.destination)
        sample = client.ask(asker, way.protocol, service, ROUND, patience=PATIENCE_SECONDS)
        self.rounds[way].append(sample)
        return sample.missed_by(way.destination.name)


@contextlib.contextmanager
def between(files: Mapping[str, Path]) -> Generator[Traffic]:
    """Have clusters ask each other for the length of a block, by echo applications of its own.

    Args:
        files: kubeconfigs by cluster, the primary's first.

    Raises:
        AssertionError: a request was lost.
    """
    roles = [Role.PRIMARY, *[Role.REMOTE] * (len(files) - 1)]
    members = tuple(
        Member(name=name, role=role, kubeconfig=file.read_text())
        for (name, file), role in zip(files.items(), roles, strict=True)
    )
    needs = Needs(image=parts.read(PROJECT / parts.FILE).images.echo, protocols=PROTOCOLS)
    with mesh.connect(Blueprint(members=members)) as opened:
        stand = Stand(opened, needs, trust_domain=DEFAULT_TRUST_DOMAIN, cancel=threading.Event())
        traffic = Traffic(stand, {way: [] for way in crossing.directions(opened.clusters, PROTOCOLS)})
        try:
            stand.build()
            traffic.settle()
            with ThreadPoolExecutor(len(files)) as senders:
                sending = [senders.submit(traffic.send, cluster) for cluster in opened.clusters]
                try:
                    yield traffic
                finally:
                    traffic.over.set()
        finally:
            stand.remove()
    for sender in sending:
        sender.result()
    assert not traffic.losses, traffic.losses
