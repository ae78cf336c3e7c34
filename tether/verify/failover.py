"""Whether another cluster answers while a cluster's own copy is gone, and the own one again when it is back."""

from collections.abc import Callable

from tether.mesh import Cluster
from tether.verify import client, echo
from tether.verify.client import Sample
from tether.verify.expectation import Expectation
from tether.verify.matrix import Proof, Protocol
from tether.verify.stand import STRANGER, Stand


def at_home(stand: Stand, cluster: Cluster, requests: int, *, again: bool = False) -> Expectation:
    """The cluster's own copy answers, although the others have one too."""
    return _expectation(
        stand, cluster, requests,
        destination=cluster.name,
        what="with its own copy back, that one answers" if again else "with its own copy there, that one answers",
        cause="istiod does not tell the pods' localities to the proxies, or a gateway is slow to forget the failover",
        fulfilled=lambda sample: len(sample.answered_by(cluster.name)),
    )  # fmt: skip


def away(stand: Stand, cluster: Cluster, requests: int) -> Expectation:
    """With the cluster's own copy scaled to zero, the others answer for it."""
    others = [other.name for other in stand.mesh.clusters if other is not cluster]
    return _expectation(
        stand, cluster, requests,
        destination=", ".join(others),
        what="with its own copy scaled to zero, another cluster answers",
        cause="istiod has no endpoints of the others for this cluster, or their gateways cannot be reached",
        fulfilled=lambda sample: sum(len(sample.answered_by(name)) for name in others),
    )  # fmt: skip


def _expectation(
    stand: Stand,
    cluster: Cluster,
    requests: int,
    *,
    destination: str,
    what: str,
    cause: str,
    fulfilled: Callable[[Sample], int],
) -> Expectation:
    asker = stand.asker(cluster, STRANGER)
    return Expectation(
        proof=Proof.FAILOVER,
        source=cluster.name,
        destination=destination,
        protocol=Protocol.HTTP,
        what=what,
        cause=cause,
        ask=lambda: client.ask(asker, Protocol.HTTP, echo.APP, requests),
        fulfilled=fulfilled,
    )
