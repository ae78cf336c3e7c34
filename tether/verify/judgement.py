"""Whether what was seen proves the mesh, and if not, what is wrong in one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tether.verify import echo


@dataclass(frozen=True)
class Expectation:
    """What a proof needs."""

    clusters: Sequence[str]
    namespace: str
    trust_domain: str
    requests: int
    """Per asking cluster."""


def complaint(expected: Expectation, seen: Mapping[str, echo.Tally | str]) -> str:
    """What a round lacks; empty if it proves the mesh.

    A round proves it when every cluster's requests were all answered, by every cluster,
    and all answers of other clusters came over mTLS with the right identities on both
    sides.

    Args:
        expected: what a proof needs.
        seen: by asking cluster; a text where its requests could not be sent.
    """
    for source in expected.clusters:
        found = seen[source]
        if isinstance(found, str):
            return _unsent(expected, source, found)
        if sentence := _silent(expected, source, found) or _refused(expected, source, found):
            return sentence
        if sentence := _unproved(expected, source, found):
            return sentence
    return ""


def _unsent(expected: Expectation, source: str, found: str) -> str:
    """The client gave up: it says how many requests were answered, but not by whom."""
    if "timed out" not in found:
        return f"requests could not be sent from {source}: {found}"
    others = " and ".join(cluster for cluster in expected.clusters if cluster != source)
    return (
        f"{source} → {others}: requests were not answered in time ({found}). Likely cause: the east-west gateway of "
        f"{others} is not there, or port 15443 of it cannot be reached from {source}"
    )


def _silent(expected: Expectation, source: str, found: echo.Tally) -> str:
    missing = [cluster for cluster in expected.clusters if not found.clusters.get(cluster)]
    if not missing:
        return ""
    got = _got(found)
    where = " and ".join(missing)
    if source in missing:
        cause = f"the echo application of {source} itself does not answer its own cluster's proxies"
    elif found.refused:
        cause = (
            f"proxies of {source} cannot pass the east-west gateway of {where} on port 15443, or the two clusters' "
            "certificates have different roots"
        )
    else:
        cause = (
            f"istiod has no endpoints of {where} for {source}: its remote secret is not synced, its network label is "
            "wrong, or its east-west gateway has no address"
        )
    return f"{source} → {where}: none of {expected.requests} requests was answered there ({got}). Likely cause: {cause}"


def _refused(expected: Expectation, source: str, found: echo.Tally) -> str:
    answered = sum(found.clusters.values())
    if answered == expected.requests:
        return ""
    return (
        f"{source}: {answered} of {expected.requests} requests were answered ({_got(found)}). Likely cause: endpoints "
        "are still being told to the proxies, or a gateway is overloaded"
    )


def _unproved(expected: Expectation, source: str, found: echo.Tally) -> str:
    for cluster, client, server in sorted(found.identities):
        wanted = tuple(echo.identity(expected.trust_domain, expected.namespace, name) for name in (source, cluster))
        if cluster != source and (client, server) != wanted:
            shown = f"the asking side as {client or 'nobody'}, the answering side as {server or 'nobody'}"
            return (
                f"{source} → {cluster}: the request was answered, but without the expected identities ({shown}; "
                f"expected {wanted[0]} and {wanted[1]}). Likely cause: no mTLS between the clusters, or another trust "
                "domain"
            )
    return ""


def _got(found: echo.Tally) -> str:
    parts = [f"{count} by {cluster}" for cluster, count in sorted(found.clusters.items())]
    parts += [f"{count} with status {status}" for status, count in sorted(found.refused.items())]
    return ", ".join(parts) or "no answer at all"
