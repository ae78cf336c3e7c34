"""Whether strict mTLS is in force: what has no proxy is answered without it, and refused with it."""

from collections.abc import Sequence

from tether.mesh import Cluster
from tether.verify import client
from tether.verify.expectation import Expectation
from tether.verify.matrix import Mode, Proof, Protocol
from tether.verify.stand import OUTSIDER, Stand


def plaintext(stand: Stand, mode: Mode, protocols: Sequence[Protocol], requests: int) -> list[Expectation]:
    """A pod without a proxy asks its own cluster's echo application, in every cluster.

    Not another cluster's: plaintext has no server name, and no gateway between networks would pass it on.
    """
    return [_expectation(stand, mode, cluster, protocol, requests)
            for cluster in stand.mesh.clusters for protocol in protocols]  # fmt: skip


def _expectation(stand: Stand, mode: Mode, cluster: Cluster, protocol: Protocol, requests: int) -> Expectation:
    asker, service = stand.asker(cluster, OUTSIDER), stand.service(cluster)
    if mode is Mode.STRICT:
        what = "with strict mTLS, plaintext is refused"
        cause = "istiod did not tell the proxies of the PeerAuthentication, or the application has no proxy"
    else:
        what = "without strict mTLS, plaintext is answered"
        cause = "a policy of this mesh refuses it, so that a refusal with strict mTLS would prove nothing"
    return Expectation(
        proof=Proof.STRICT,
        source=cluster.name,
        destination=cluster.name,
        protocol=protocol,
        what=what,
        cause=cause,
        ask=lambda: client.ask(asker, protocol, service, requests),
        answer_due=mode is Mode.PERMISSIVE,
        fulfilled=lambda sample: sample.refused if mode is Mode.STRICT else len(sample.answered_by(cluster.name)),
    )
