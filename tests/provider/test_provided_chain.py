import datetime
from collections.abc import Callable
from typing import Any

import pytest

from tests.provider.provider_harness import SECRET, SIGNATURE, UNKNOWN, Plugin, Told, plain, raw, secret
from tests.unit.authority.making import Made, make

KIND = "ProvidedChain"
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture(scope="module")
def three() -> list[Made]:
    root = make(now=NOW, days=300)
    between = make("Between", root, now=NOW)
    return [make("CA", between, now=NOW, days=100, path_length=0), between, root]


def provided(made: list[Made], **changes: Any) -> dict[str, Any]:
    return {
        "caCert": made[0].pem, "caKey": made[0].key_pem, "rootCert": made[-1].pem,
        "certChain": "".join(one.pem for one in made[1:-1]), **changes,
    }  # fmt: skip


def test_a_fit_authority_is_passed_on_as_istiod_wants_it(plugin: Plugin, three: list[Made]) -> None:
    outputs = plain(plugin.create(KIND, provided(three)).properties)

    assert outputs["intermediateCertificate"] == three[0].pem
    assert outputs["intermediateKey"] == three[0].key_pem
    assert outputs["rootCertificate"] == three[2].pem
    assert outputs["certificateChain"] == "".join(one.pem for one in three)
    assert datetime.datetime.fromisoformat(outputs["rootExpiry"]) == three[2].certificate.not_valid_after_utc
    assert datetime.datetime.fromisoformat(outputs["intermediateExpiry"]) == three[0].certificate.not_valid_after_utc


def test_the_key_is_secret_on_the_wire_as_input_and_output(plugin: Plugin, three: list[Made]) -> None:
    for preview in (True, False):
        on_the_wire = raw(plugin.create(KIND, provided(three), preview=preview).properties)
        assert on_the_wire.pop("caKey")[SIGNATURE] == SECRET
        assert on_the_wire.pop("intermediateKey")[SIGNATURE] == SECRET
        assert "PRIVATE KEY" not in str(on_the_wire)


def test_a_preview_knows_everything(plugin: Plugin, three: list[Made]) -> None:
    foreseen = plain(plugin.create(KIND, provided(three), preview=True).properties)
    assert foreseen == plain(plugin.create(KIND, provided(three)).properties)


def test_every_reason_against_it_is_a_failure_of_the_check(plugin: Plugin) -> None:
    root = make(now=NOW, path_length=0)
    signer = make("CA", root, now=NOW, sign=False, days=-1, since=-2)
    failures = plugin.check(KIND, provided([signer, root], caKey=secret(root.key_pem))).failures

    fields = [failure.reason.partition(" ")[0] for failure in failures]
    assert fields == ["caKey", "caCert", "caCert", "rootCert"]
    assert all("; " in failure.reason for failure in failures)
    assert "PRIVATE KEY" not in str(failures)
    assert root.key_pem.splitlines()[1] not in str(failures)


def test_no_failure_names_its_field_because_the_engine_would_print_the_value(plugin: Plugin) -> None:
    """Observed: `property caKey value {&{{-----BEGIN EC PRIVATE KEY-----…` for a secret that was marked as such."""
    root = make(now=NOW)
    for key in (secret(root.key_pem), root.key_pem, secret("x"), "x"):
        failures = plugin.check(KIND, provided([make("CA", root, now=NOW), root], caKey=key)).failures
        assert [failure.property for failure in failures] == [""]


def test_what_is_not_known_yet_is_judged_when_it_is(plugin: Plugin, three: list[Made]) -> None:
    inputs = provided(three, caCert=UNKNOWN)
    assert not plugin.check(KIND, inputs).failures
    assert plain(plugin.create(KIND, inputs, preview=True).properties)["rootCertificate"] == UNKNOWN


def test_a_new_signing_certificate_under_the_same_root_changes_no_root(plugin: Plugin, three: list[Made]) -> None:
    created = plugin.create(KIND, provided(three))
    change = provided([make("CA", three[1], now=NOW, days=200), *three[1:]])

    difference = plugin.diff(KIND, created.properties, change)
    foreseen = plain(plugin.update(KIND, created.id, created.properties, change, preview=True).properties)

    assert not difference.replaces
    assert {"rootCertificate", "rootFingerprint", "rootExpiry"} <= set(difference.stables)
    assert foreseen["rootCertificate"] == three[2].pem
    assert foreseen == plain(plugin.update(KIND, created.id, created.properties, change).properties)


@pytest.mark.parametrize("preview", [True, False])
def test_another_root_is_warned_of_and_a_new_signing_certificate_is_not(
    start_plugin: Callable[..., Plugin], told: Told, three: list[Made], preview: bool
) -> None:
    plugin = start_plugin(engine=told.address)
    created = plugin.create(KIND, provided(three), preview=False)
    renewed = provided([make("CA", three[1], now=NOW), *three[1:]])
    plugin.update(KIND, created.id, created.properties, renewed, preview=preview)
    assert told.warnings == []
    plugin.update(KIND, created.id, created.properties, provided([make(now=NOW)]), preview=preview)
    (warning,) = told.warnings
    assert "ISTIO_MULTIROOT_MESH" in warning


def test_the_same_texts_are_no_change(plugin: Plugin, three: list[Made]) -> None:
    created = plugin.create(KIND, provided(three))

    assert not plugin.diff(KIND, created.properties, provided(three)).diffs
    assert plugin.read(KIND, created.id, created.properties).properties == created.properties
