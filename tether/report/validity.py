"""How long the mesh's certificates still last: root, intermediate, istiod's own, and the proxies'."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509

from tether import topology
from tether.authority.forms import SOON_DAYS
from tether.doctor import certificates, handshake, objects
from tether.doctor.handshake import Outcome
from tether.doctor.view import MeshView
from tether.report.observation import Gaps
from tether.report.proxies import Proxy

_SOON = 0.25
"""Share of its life: workload certificates are renewed at half, so one with less left was not renewed in time."""
_CACERTS = (("Intermediate certificate", "ca-cert.pem"), ("Root certificate", "root-cert.pem"))


class State(StrEnum):
    """What a date means; the words that the page shows."""

    GOOD = "good"
    SOON = "ends soon"
    ENDED = "ended"
    UNREAD = "not read"


@dataclass(frozen=True, kw_only=True)
class Validity:
    """One certificate, or why it could not be read."""

    what: str
    """``Root certificate``, ``istiod, port 15012``, ``Gateway istio-system/…``."""
    cluster: str
    subject: str = ""
    """A workload's SPIFFE identity, a server's DNS names, an authority's subject."""
    fingerprint: str = ""
    """SHA-256; empty where only dates are known."""
    until: datetime.datetime | None = None
    days: float | None = None
    """Days left; negative once it has ended."""
    state: State = State.UNREAD
    gap: str = ""


def read(view: MeshView, proxies: Sequence[Proxy], now: datetime.datetime) -> tuple[Validity, ...]:
    """Every certificate that can be read from here, authorities first."""
    return (*_authorities(view, now), *_serving(view, now), *(of_proxy(proxy, now) for proxy in proxies))


def _authorities(view: MeshView, now: datetime.datetime) -> Iterator[Validity]:
    gaps = Gaps()
    secret = gaps.read("cacerts", lambda: view.primary.find(view.primary.system("secrets", topology.CA_SECRET)), None)
    data = objects.authority(secret)
    for what, key in _CACERTS:
        for certificate in certificates.parse(data.get(key, "")):
            yield of_certificate(what, view.primary.name, certificate, now)
    if not data:
        told = gaps.read("root", lambda: certificates.parse(objects.mesh_root(view)), [])
        for certificate in told:
            yield of_certificate("Root certificate", view.primary.name, certificate, now)
        if gaps.said:
            yield Validity(what="Authority", cluster=view.primary.name, gap="; ".join(gaps.said))


def _serving(view: MeshView, now: datetime.datetime) -> Iterator[Validity]:
    """What istiod shows through the primary's gateway, on both of its ports."""
    gaps = Gaps()
    address = gaps.read("gateway", lambda: objects.gateway_address(view.primary), "")
    for own in (topology.XDS_PORT, topology.WEBHOOK_PORT):
        port = objects.outside(view.primary, own) if address else own
        what = f"istiod, port {port}"
        if not address:
            gap = "; ".join(gaps.said) or "the primary's east-west gateway has no address"
            yield Validity(what=what, cluster=view.primary.name, gap=gap)
            continue
        # Unverified: a certificate that nobody trusts is to be shown all the same.
        found = handshake.greet(address, port, view.mesh.istiod_host, "")
        leaf = certificates.parse(certificates.to_pem(found.chain[0])) if found.chain else []
        if found.outcome is Outcome.OK and leaf:
            yield of_certificate(what, view.primary.name, leaf[0], now)
        else:
            yield Validity(what=what, cluster=view.primary.name, gap=found.seen)


def of_certificate(what: str, cluster: str, certificate: x509.Certificate, now: datetime.datetime) -> Validity:
    """Judge a certificate of an authority or a server: less than thirty days are soon."""
    days = certificates.days_left(certificate, now)
    # An intermediate made by Istio's own recipe carries istiod's name too; its subject says more.
    names = [] if certificates.is_authority(certificate) else certificates.dns_names(certificate)
    state = State.ENDED if days < 0 else State.SOON if days < SOON_DAYS else State.GOOD
    return Validity(
        what=what, cluster=cluster, subject=", ".join(names) or certificate.subject.rfc4514_string(),
        fingerprint=certificates.full_fingerprint(certificate), until=certificate.not_valid_after_utc, days=days,
        state=state,
    )  # fmt: skip


def of_proxy(proxy: Proxy, now: datetime.datetime) -> Validity:
    """Judge a workload's certificate: with less than a quarter of its life left it was not renewed in time."""
    what = f"{'Gateway' if proxy.is_gateway else 'Proxy'} {proxy.name}"
    if proxy.certificate is None:
        gap = proxy.gap or "it holds no certificate with a SPIFFE identity"
        return Validity(what=what, cluster=proxy.cluster, gap=gap)
    left, life = proxy.certificate.until - now, proxy.certificate.until - proxy.certificate.since
    state = State.ENDED if left.total_seconds() < 0 else State.SOON if left < _SOON * life else State.GOOD
    return Validity(
        what=what, cluster=proxy.cluster, subject=proxy.certificate.identity, until=proxy.certificate.until,
        days=left / datetime.timedelta(days=1), state=state,
    )  # fmt: skip
