import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tether.report.proxies import Proxy, WorkloadCertificate
from tether.report.validity import State, of_certificate, of_proxy

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)


def certificate(days: float, *, is_authority: bool = False) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root CA")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - datetime.timedelta(days=400))
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("istiod.istio-system.svc")]), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def proxy(hours_ago: float, hours_left: float) -> Proxy:
    held = WorkloadCertificate(identity="spiffe://cluster.local/ns/a/sa/b",
                               since=NOW - datetime.timedelta(hours=hours_ago),
                               until=NOW + datetime.timedelta(hours=hours_left))  # fmt: skip
    return Proxy(cluster="cluster2", name="a/b", is_gateway=False, certificate=held)


@pytest.mark.parametrize(("days", "state"), [(365, State.GOOD), (29, State.SOON), (-1, State.ENDED)])
def test_an_authority_with_less_than_a_month_ends_soon(days: float, state: State):
    found = of_certificate("Root certificate", "cluster1", certificate(days, is_authority=True), NOW)
    assert (found.state, found.days, found.subject) == (state, days, "CN=Root CA")
    assert len(found.fingerprint.split(":")) == 32


def test_a_server_is_named_by_the_names_that_it_is_valid_for():
    assert of_certificate("istiod", "cluster1", certificate(365), NOW).subject == "istiod.istio-system.svc"


@pytest.mark.parametrize(
    ("ago", "left", "state"), [(2, 22, State.GOOD), (13, 11, State.GOOD), (19, 5, State.SOON), (25, -1, State.ENDED)]
)
def test_a_workloads_certificate_is_judged_by_the_share_of_its_life(ago: float, left: float, state: State):
    found = of_proxy(proxy(ago, left), NOW)
    assert found.state is state
    assert found.days == pytest.approx(left / 24)
    assert found.what == "Proxy a/b"


def test_a_proxy_that_does_not_say_is_listed_with_the_reason():
    found = of_proxy(Proxy(cluster="cluster2", name="a/b", is_gateway=True, gap="no right to pods/portforward"), NOW)
    assert (found.state, found.days, found.gap) == (State.UNREAD, None, "no right to pods/portforward")
    assert "SPIFFE" in of_proxy(Proxy(cluster="cluster2", name="a/b", is_gateway=True), NOW).gap
