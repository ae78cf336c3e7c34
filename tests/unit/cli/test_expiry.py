"""What ends, when that is soon, and who renews it."""

import base64
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.cli.workbench import exported, resource, stack
from tether.cli import expiry
from tether.cli.ending import Ending, of_state
from tether.cli.state import State

NOW = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
MONTH = 30 * DAY


def at(days: float) -> str:
    return (NOW + days * DAY).isoformat(timespec="seconds")


def kubeconfig(**user: str) -> str:
    return json.dumps({"users": [{"name": "me", "user": user}]})


def certificate(days: float) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(NOW - DAY).not_valid_after(NOW + days * DAY).sign(key, hashes.SHA256())
    )  # fmt: skip
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def token(days: float) -> str:
    payload = json.dumps({"exp": (NOW + days * DAY).timestamp(), "sub": "x"}).encode()
    return f"eyJ.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.sig"


def found(*, kubeconfigs: dict[str, str] | None = None, tokens: list[dict[str, Any]] | None = None, **outputs: Any):
    bound = [resource("tether:index:BoundToken", "t", outputs=one) for one in tokens or []]
    return of_state(State(exported(stack(**outputs), *bound)), kubeconfigs or {})


def subjects(endings: list[Ending], within: datetime.timedelta = MONTH) -> list[str]:
    return [one.subject for one in endings if one.is_soon(NOW, within)]


def test_certificates_are_listed_the_soonest_first_with_what_renews_each_source():
    mesh = {"rootCertificateExpiry": at(3000), "intermediateCertificateExpiry": at(12)}
    for source, word in (("generated", "intermediateDays"), ("provided", "caCert"), ("existing", "cacerts")):
        endings = found(mesh={**mesh, "certificateAuthority": source})
        assert [one.subject for one in endings] == ["certificate that istiod signs with", "root certificate"]
        assert word in endings[0].renewal
        assert subjects(endings) == ["certificate that istiod signs with"]


def test_a_date_without_a_zone_is_of_utc():
    (one,) = found(mesh={"rootCertificateExpiry": "2026-11-29T12:00:00"})
    assert one.left(NOW) == DAY


@pytest.mark.parametrize(("left", "is_soon"), [(20, False), (5, True), (-1, True)])
def test_a_credential_of_a_day_is_a_finding_only_once_it_should_have_been_renewed(left: int, is_soon: bool):
    expiry_of = at(left / 24)
    endings = found(
        credentials=[{"cluster": "west", "kind": "bound", "expiry": expiry_of}],
        tokens=[{"expiry": expiry_of, "lifetimeSeconds": 86400}],
    )
    assert subjects(endings) == (["credential for west"] if is_soon else [])
    assert endings[0].renewal == "tether up"


def test_a_credential_whose_lifetime_nobody_recorded_counts_by_its_date():
    assert subjects(found(credentials=[{"cluster": "west", "kind": "bound", "expiry": at(3)}])) == [
        "credential for west"
    ]


def test_a_credential_without_an_end_is_not_listed():
    assert found(credentials=[{"cluster": "west", "kind": "token-secret", "expiry": None}]) == []


def test_access_ends_with_the_certificate_or_the_token_whichever_is_sooner():
    endings = found(
        kubeconfigs={
            "east": kubeconfig(**{"client-certificate-data": certificate(5)}),
            "west": kubeconfig(**{"client-certificate-data": certificate(90), "token": token(2)}),
        }
    )
    assert [(one.subject, one.left(NOW).days) for one in endings] == [("access to west", 2), ("access to east", 5)]


@pytest.mark.parametrize(
    "user", [{"token": "opaque"}, {"client-certificate-data": "bm90aGluZw=="}, {"username": "me"}, {}]
)
def test_access_that_tells_no_end_is_not_listed(user: dict[str, str]):
    assert found(kubeconfigs={"east": kubeconfig(**user)}) == []


def test_the_page_marks_what_is_soon_and_no_secret_is_in_it():
    endings = found(kubeconfigs={"east": kubeconfig(token=token(2)), "west": kubeconfig(token=token(90))})
    page = "\n".join(expiry._markdown(endings, NOW, MONTH, "kind"))  # pyright: ignore[reportPrivateUsage]
    assert "**1 of 2 need somebody.**" in page
    assert "| ❗ | access to east | ends in 2 days | 2026-11-30 |" in page
    assert "|  | access to west |" in page
    assert token(2) not in page


def test_the_document_has_days_and_a_version():
    document = expiry.document(found(mesh={"rootCertificateExpiry": at(1.5)}), NOW, MONTH, "kind").plain()
    assert (document["schemaVersion"], document["kind"]) == (1, "expiry")
    assert document["endings"][0] == {
        "subject": "root certificate", "ends": at(1.5), "daysLeft": 1.5, "soon": True,
        "renewal": "another root is another mesh: docs/explanation/certificate-authority.md",
    }  # fmt: skip


def test_where_nothing_ends_that_is_said():
    assert expiry.verdict([], NOW, MONTH) == "Nothing here ever ends."
    assert Path("docs/explanation/certificate-authority.md").is_file()
