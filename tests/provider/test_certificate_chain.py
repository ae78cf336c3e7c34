import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.provider.provider_harness import SECRET, SIGNATURE, UNKNOWN, Plugin, plain, raw

INPUTS: dict[str, Any] = {"organization": "Acme", "istioNamespace": "mesh", "trustDomain": "acme.example"}


def load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "rsa-4096"])
def test_the_chain_verifies_and_the_keys_fit(plugin: Plugin, algorithm: str) -> None:
    outputs = plain(plugin.create("CertificateChain", {**INPUTS, "algorithm": algorithm}).properties)

    root, intermediate = load(outputs["rootCertificate"]), load(outputs["intermediateCertificate"])
    root.verify_directly_issued_by(root)
    intermediate.verify_directly_issued_by(root)
    for certificate, name in ((root, "rootKey"), (intermediate, "intermediateKey")):
        key = serialization.load_pem_private_key(outputs[name].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        assert key.public_key() == certificate.public_key()
        if isinstance(key, rsa.RSAPrivateKey):
            assert key.key_size == 4096
        else:
            assert isinstance(key.curve, ec.SECP256R1)
    assert outputs["certificateChain"] == outputs["intermediateCertificate"] + outputs["rootCertificate"]


def test_the_intermediate_may_sign_workloads_only_and_names_istiod(plugin: Plugin) -> None:
    outputs = plain(plugin.create("CertificateChain", INPUTS).properties)

    root, intermediate = load(outputs["rootCertificate"]), load(outputs["intermediateCertificate"])
    for certificate, length in ((root, None), (intermediate, 0)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value.ca
        assert constraints.value.path_length == length
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert usage.value.key_cert_sign
        assert usage.value.crl_sign
    names = intermediate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["istiod.mesh.svc"]
    assert "O=Acme" in intermediate.subject.rfc4514_string()
    assert "L=acme.example" in intermediate.subject.rfc4514_string()


def test_fingerprint_and_expiry_are_those_of_the_certificates(plugin: Plugin) -> None:
    inputs = {**INPUTS, "rootDays": 100, "intermediateDays": 10}

    outputs = plain(plugin.create("CertificateChain", inputs).properties)

    root, intermediate = load(outputs["rootCertificate"]), load(outputs["intermediateCertificate"])
    assert outputs["rootFingerprint"] == root.fingerprint(hashes.SHA256()).hex(":").upper()
    assert datetime.datetime.fromisoformat(outputs["rootExpiry"]) == root.not_valid_after_utc
    assert datetime.datetime.fromisoformat(outputs["intermediateExpiry"]) == intermediate.not_valid_after_utc
    lifetime = intermediate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=9) < lifetime <= datetime.timedelta(days=10)


def test_an_intermediate_never_outlives_its_root(plugin: Plugin) -> None:
    outputs = plain(plugin.create("CertificateChain", {**INPUTS, "rootDays": 7, "intermediateDays": 7}).properties)

    assert outputs["intermediateExpiry"] <= outputs["rootExpiry"]


def test_keys_are_secret_on_the_wire_and_certificates_are_not(plugin: Plugin) -> None:
    on_the_wire = raw(plugin.create("CertificateChain", INPUTS).properties)

    assert on_the_wire.pop("rootKey")[SIGNATURE] == SECRET
    assert on_the_wire.pop("intermediateKey")[SIGNATURE] == SECRET
    assert "PRIVATE KEY" not in str(on_the_wire)
    assert isinstance(on_the_wire["rootCertificate"], str)


def test_a_refresh_changes_no_byte(plugin: Plugin) -> None:
    created = plugin.create("CertificateChain", INPUTS)

    read = plugin.read("CertificateChain", created.id, created.properties)

    assert read.properties == created.properties
    assert not plugin.diff("CertificateChain", created.properties, INPUTS).diffs


def test_two_authorities_share_nothing(plugin: Plugin) -> None:
    first, second = (plugin.create("CertificateChain", INPUTS) for _ in range(2))

    assert first.id != second.id
    assert plain(first.properties)["rootFingerprint"] != plain(second.properties)["rootFingerprint"]


def test_a_new_intermediate_is_issued_under_the_same_root(plugin: Plugin) -> None:
    created = plugin.create("CertificateChain", INPUTS)
    change = {**INPUTS, "intermediateDays": 30}

    difference = plugin.diff("CertificateChain", created.properties, change)
    foreseen = plain(plugin.update("CertificateChain", created.id, created.properties, change, preview=True).properties)
    updated = plain(plugin.update("CertificateChain", created.id, created.properties, change).properties)

    before = plain(created.properties)
    assert not difference.replaces
    assert "rootCertificate" in difference.stables
    assert "intermediateCertificate" not in difference.stables
    assert foreseen["rootCertificate"] == before["rootCertificate"]
    assert foreseen["intermediateCertificate"] == UNKNOWN
    assert updated["rootCertificate"] == before["rootCertificate"]
    assert updated["intermediateCertificate"] != before["intermediateCertificate"]
    load(updated["intermediateCertificate"]).verify_directly_issued_by(load(before["rootCertificate"]))


@pytest.mark.parametrize("change", [{"algorithm": "rsa-4096"}, {"rootDays": 4000}, {"organization": "Other"}])
def test_another_root_is_another_authority(plugin: Plugin, change: dict[str, Any]) -> None:
    created = plugin.create("CertificateChain", INPUTS)

    difference = plugin.diff("CertificateChain", created.properties, {**INPUTS, **change})

    assert list(difference.replaces) == list(change)
    assert not difference.deleteBeforeReplace


def test_an_intermediate_that_would_outlive_its_root_is_refused(plugin: Plugin) -> None:
    (failure,) = plugin.check("CertificateChain", {**INPUTS, "rootDays": 10, "intermediateDays": 11}).failures

    assert failure.property == "intermediateDays"
