"""Whether a policy tells identities apart across clusters: the right one is let in, the wrong one is not."""

from collections.abc import Sequence

from tether import kube
from tether.verify import client, policies
from tether.verify.client import Sample
from tether.verify.crossing import Direction
from tether.verify.expectation import Expectation
from tether.verify.matrix import Proof, Protocol
from tether.verify.stand import STRANGER, Stand


def policy(stand: Stand) -> tuple[str, kube.Object]:
    """The AuthorizationPolicy, as collection path and object: the echo applications are let in, strangers are not."""
    accounts = [stand.account(cluster) for cluster in stand.mesh.clusters]
    return policies.only_accounts(stand.namespace, stand.trust_domain, accounts)


def before(stand: Stand, ways: Sequence[Direction], requests: int) -> list[Expectation]:
    """What makes the denial a proof: without the policy, the stranger is answered like anybody."""
    return [
        _expectation(
            stand,
            way,
            requests,
            asking=STRANGER,
            what="without the policy, another identity is let in",
            cause="the requests do not cross, or a policy of this mesh denies them already",
        )
        for way in ways
    ]


def denied(stand: Stand, ways: Sequence[Direction], requests: int) -> list[Expectation]:
    """The wrong identity of another cluster is denied."""
    return [
        _expectation(
            stand,
            way,
            requests,
            asking=STRANGER,
            denied=True,
            what="the wrong identity is denied",
            cause="istiod did not tell the proxies of the AuthorizationPolicy, or they do not see who asks",
        )
        for way in ways
    ]


def allowed(stand: Stand, ways: Sequence[Direction], requests: int) -> list[Expectation]:
    """While that is so, the right identity of another cluster is let in."""
    return [
        _expectation(
            stand,
            way,
            requests,
            what="the right identity is let in",
            cause="the answering side sees another identity than the policy names, for example another trust domain",
        )
        for way in ways
    ]


def denials(protocol: Protocol, sample: Sample) -> int:
    """How many requests were denied; a time-out, or an error of another kind, is no denial.

    TCP has no word for it: the connection is closed before anything is answered.
    """
    return sample.refused if protocol is Protocol.TCP else sample.denied


def _expectation(
    stand: Stand, way: Direction, requests: int, *, what: str, cause: str, asking: str = "", denied: bool = False
) -> Expectation:
    asker = stand.asker(way.source, asking) if asking else stand.asker(way.source)
    service = stand.service(way.destination)
    return Expectation(
        proof=Proof.AUTHORIZATION,
        source=way.source.name,
        destination=way.destination.name,
        protocol=way.protocol,
        what=what,
        cause=cause,
        ask=lambda: client.ask(asker, way.protocol, service, requests),
        answer_due=not denied,
        fulfilled=lambda sample: denials(way.protocol, sample) if denied
        else len(sample.answered_by(way.destination.name)),
    )  # fmt: skip
