"""Whether a signing certificate that somebody brings is fit for istiod: every reason against it at once.

istiod itself looks only once it runs (istio/istio security/pkg/pki/util/keycertbundle.go, Verify), says one reason
at a time, and does not look at what workloads meet later: path lengths and the days that are left.
"""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tether.authority import pem
from tether.authority.forms import Material, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cryptography import x509

LEAST_DAYS = 1
"""Workload certificates live a day (SECRET_TTL of istio/istio pkg/istio-agent) and never outlive their issuer."""
_OLD_HASHES = frozenset({"md5", "sha1"})
_DAY = datetime.timedelta(days=1)
_PATHS_LOOKED_AT = 16


@dataclass(frozen=True)
class Complaint:
    """One reason against an authority."""

    part: Part
    wrong: str
    why: str
    remedy: str = ""
    """Command that turns a file into what is wanted, where there is one; ``FILE`` stands for its name."""


@dataclass(frozen=True)
class Judgement:
    """What was seen."""

    complaints: Sequence[Complaint]
    path: Sequence[x509.Certificate]
    """From the signing certificate to its root; empty where there is no such path."""


def judge(material: Material, now: datetime.datetime | None = None) -> Judgement:
    """Look at every part, and at how they fit together.

    Args:
        material: the texts.
        now: moment at which it must be good; the present one if left out.
    """
    moment = now or datetime.datetime.now(datetime.UTC)
    complaints: list[Complaint] = []

    def taken(part: Part, text: str | None, read: Callable[[str], Any]) -> Any:
        try:
            return None if text is None else read(text)
        except pem.UnfitError as error:
            complaints.append(Complaint(part, error.wrong, error.why, error.remedy))
            return None

    signer = taken(Part.CA_CERT, material.ca_cert, pem.only_certificate)
    key = taken(Part.CA_KEY, material.ca_key, pem.key)
    roots = taken(Part.ROOT_CERT, material.root_cert, pem.certificates)
    between = taken(Part.CERT_CHAIN, material.cert_chain or None, pem.certificates)
    if signer is not None and key is not None and pem.public_bytes(key) != pem.public_bytes(signer):
        complaints.append(
            Complaint(Part.CA_KEY, "is not the key of caCert", "istiod could sign nothing that caCert vouches for")
        )
    if signer is None:
        return Judgement(complaints, ())
    complaints += _of_signer(signer)
    if roots is None or (between is None and material.cert_chain):
        return Judgement([*complaints, *_of_dates(Part.CA_CERT, signer, moment)], ())
    found = list(itertools.islice(_paths((signer,), between or [], roots), _PATHS_LOOKED_AT))
    if not found:
        lost = Complaint(
            Part.CERT_CHAIN if between or material.cert_chain else Part.ROOT_CERT,
            f"does not lead from caCert to a root: {_name(signer)} is signed by {_name(signer, issuer=True)}, "
            "and nothing here carries on from there to rootCert",
            "whoever trusts rootCert would not trust a single workload; what lies between belongs into certChain",
        )
        return Judgement([*complaints, lost, *_of_dates(Part.CA_CERT, signer, moment)], ())
    path = min(found, key=lambda one: len(_of_path(one, moment)))
    return Judgement([*complaints, *_of_path(path, moment)], path)


def _of_signer(signer: x509.Certificate) -> Iterator[Complaint]:
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    if wrong := pem.about_algorithm(signer.public_key()):
        yield Complaint(Part.CA_CERT, wrong, pem.ALGORITHM_WHY)
    usage = _extension(signer, "ExtendedKeyUsage")
    wanted = {Usage.SERVER_AUTH, Usage.CLIENT_AUTH}
    if usage is not None and Usage.ANY_EXTENDED_KEY_USAGE not in usage and not wanted <= set(usage):
        yield Complaint(
            Part.CA_CERT,
            "is limited to extended key usages without serverAuth and clientAuth",
            "workloads are both server and client, and a signer's limits hold for what it signs",
        )


def _of_path(path: Sequence[x509.Certificate], now: datetime.datetime) -> list[Complaint]:
    """Complaints about every certificate from the signing one up to the root."""
    complaints: list[Complaint] = []
    below = 0
    for index, certificate in enumerate(path):
        last = index == len(path) - 1
        part = Part.CA_CERT if index == 0 else Part.ROOT_CERT if last else Part.CERT_CHAIN
        complaints += _of_authority(part, certificate, below, must_say_so=index == 0)
        complaints += _of_dates(part, certificate, now)
        if not last:
            complaints += _of_signature(part, certificate)
        # A certificate that its own name signed does not count (RFC 5280 §6.1.4, l).
        below += certificate.subject != certificate.issuer
    return complaints


def _of_authority(part: Part, certificate: x509.Certificate, below: int, *, must_say_so: bool) -> Iterator[Complaint]:
    """Whether it may sign what is below it (RFC 5280 §4.2.1.3 and §4.2.1.9).

    Args:
        part: the text that it is in.
        certificate: the one in question.
        below: how many other authorities are between it and a workload.
        must_say_so: whether a missing key usage counts; old roots have none.
    """
    constraints, usage = _extension(certificate, "BasicConstraints"), _extension(certificate, "KeyUsage")
    if constraints is None or not constraints.ca:
        yield Complaint(part, f"{_name(certificate)} is no CA certificate (CA:TRUE is missing)", "it may sign nothing")
    elif constraints.path_length is not None and constraints.path_length < below:
        yield Complaint(
            part,
            f"{_name(certificate)} allows a path length of {constraints.path_length}, and {below} "
            f"{'authority is' if below == 1 else 'authorities are'} between it and the workloads",
            "every handshake between workloads would fail",
        )
    if (usage is None and must_say_so) or (usage is not None and not usage.key_cert_sign):
        yield Complaint(part, f"{_name(certificate)} lacks the key usage keyCertSign", "it may sign no certificates")


def _of_dates(part: Part, certificate: x509.Certificate, now: datetime.datetime) -> Iterator[Complaint]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    why = "no workload certificate outlives it, and every handshake of the mesh fails at once"
    if begin > now:
        yield Complaint(
            part, f"{_name(certificate)} is not valid before {begin.isoformat()}", "until then nobody trusts it"
        )
    if end <= now:
        yield Complaint(part, f"{_name(certificate)} ended at {end.isoformat()}", why)
    elif end - now < LEAST_DAYS * _DAY:
        yield Complaint(part, f"{_name(certificate)} ends within a day, at {end.isoformat()}", why)


def _of_signature(part: Part, certificate: x509.Certificate) -> Iterator[Complaint]:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _OLD_HASHES:
        yield Complaint(part, f"{_name(certificate)} is signed with {algorithm.name}", "istiod trusts none such")


def _paths(
    begun: tuple[x509.Certificate, ...], others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> Iterator[tuple[x509.Certificate, ...]]:
    current = begun[-1]
    if current in roots:
        yield begun
        return
    for root in roots:
        if pem.is_issued_by(current, root):
            yield (*begun, root)
    for other in others:
        if other not in begun and other not in roots and pem.is_issued_by(current, other):
            yield from _paths((*begun, other), others, roots)


def _extension(certificate: x509.Certificate, kind: str) -> Any:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(getattr(x509, kind)).value
    except x509.ExtensionNotFound:
        return None


def _name(certificate: x509.Certificate, *, issuer: bool = False) -> str:
    name = certificate.issuer if issuer else certificate.subject
    return name.rfc4514_string() or "a certificate without a name"
