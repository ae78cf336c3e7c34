import datetime

from cryptography.hazmat.primitives import hashes

from tests.unit.authority.making import NOW, chain
from tether.authority import forms
from tether.authority.forms import Material
from tether.authority.judging import judge


def test_a_fingerprint_is_that_of_the_first_certificate_and_needs_no_library() -> None:
    made = chain(2)
    expected = made[0].certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    assert forms.fingerprint(made[0].pem + made[1].pem) == expected
    assert forms.fingerprint("\n" + made[0].pem.rstrip()) == expected
    assert forms.fingerprint("") == ""


def test_days_left_count_from_the_moment_of_asking() -> None:
    assert forms.days_left("2026-11-26T12:00:00+00:00", NOW) == 1
    assert forms.days_left("2026-11-24T12:00:00Z", NOW) == -1
    assert forms.days_left("2026-11-25T14:00:00+02:00", NOW) == 0
    assert forms.days_left("", NOW) is None
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    assert 0.99 < (forms.days_left(tomorrow.isoformat()) or 0) <= 1


def test_cert_manager_s_form_reads_as_istiod_s() -> None:
    made = chain(3)
    data = {"tls.crt": made[0].pem + made[1].pem, "tls.key": made[0].key_pem, "ca.crt": made[2].pem}
    read = forms.in_istiods_form(data)
    assert set(read) == {"ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem"}
    assert read["ca-cert.pem"] == made[0].pem
    assert read["root-cert.pem"] == made[2].pem
    judgement = judge(
        Material(
            ca_cert=read["ca-cert.pem"],
            ca_key=read["ca-key.pem"],
            root_cert=read["root-cert.pem"],
            cert_chain=read["cert-chain.pem"],
        ),
        NOW,
    )
    assert not judgement.complaints
    assert len(judgement.path) == 3


def test_cert_manager_s_form_comes_first_as_in_istiod() -> None:
    made = chain(2)
    data = {"tls.crt": made[0].pem, "tls.key": made[0].key_pem, "ca.crt": made[1].pem, "ca-cert.pem": "older"}
    assert forms.in_istiods_form(data)["ca-cert.pem"] == made[0].pem


def test_istiod_s_form_is_left_alone_and_what_is_missing_stays_missing() -> None:
    assert forms.in_istiods_form({"ca-cert.pem": "a", "other": "b"}) == {"ca-cert.pem": "a", "other": "b"}
    assert set(forms.in_istiods_form({"tls.crt": chain(1)[0].pem})) == {"ca-cert.pem", "cert-chain.pem"}
