import base64
import datetime
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.provider.fake_machine import Machine
from tests.provider.provider_harness import UNKNOWN, Plugin, failed, plain, raw
from tests.unit.authority.making import Made, make

KIND = "AuthoritySecret"
PATH = "/api/v1/namespaces/istio-system/secrets/cacerts"
NOW = datetime.datetime.now(datetime.UTC)


def authority(root: Made | None = None, **signer: Any) -> list[Made]:
    root = root or make(now=NOW)
    return [make("CA", root, now=NOW, **signer), root]


def istiods_form(made: list[Made]) -> dict[str, str]:
    return {
        "ca-cert.pem": made[0].pem,
        "ca-key.pem": made[0].key_pem,
        "root-cert.pem": made[1].pem,
        "cert-chain.pem": made[0].pem + made[1].pem,
    }


def cert_managers_form(made: list[Made]) -> dict[str, str]:
    return {"tls.crt": made[0].pem, "tls.key": made[0].key_pem, "ca.crt": made[1].pem}


def put(machine: Machine, data: dict[str, str]) -> None:
    machine.answers[PATH] = {"data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}}


def inputs(machine: Machine, **more: Any) -> dict[str, Any]:
    return {"kubeconfig": machine.kubeconfig, "timeoutSeconds": 1, **more}


@pytest.mark.parametrize("form", [istiods_form, cert_managers_form])
def test_both_forms_are_read_and_the_key_stays_where_it_is(
    plugin: Plugin, machine: Machine, form: Callable[[list[Made]], dict[str, str]]
) -> None:
    made = authority()
    put(machine, form(made))

    created = plugin.create(KIND, inputs(machine))

    outputs = plain(created.properties)
    assert outputs["rootCertificate"] == made[1].pem
    assert outputs["intermediateCertificate"] == made[0].pem
    assert datetime.datetime.fromisoformat(outputs["intermediateExpiry"]) == made[0].certificate.not_valid_after_utc
    assert "PRIVATE KEY" not in str(raw(created.properties))


def test_the_root_is_taken_byte_for_byte_because_istiod_compares_bytes(plugin: Plugin, machine: Machine) -> None:
    made = authority()
    odd = made[1].pem.rstrip() + "\n\n"
    put(machine, {**istiods_form(made), "root-cert.pem": odd})

    assert plain(plugin.create(KIND, inputs(machine)).properties)["rootCertificate"] == odd


def test_a_secret_that_comes_late_is_awaited(plugin: Plugin, machine: Machine) -> None:
    future = plugin.create_future(KIND, inputs(machine, timeoutSeconds=20))
    threading.Timer(0.5, lambda: put(machine, cert_managers_form(authority()))).start()

    started = time.monotonic()
    assert future.result(20).id == "istio-system/cacerts"
    assert time.monotonic() - started < 18


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, ["Secret cacerts in namespace istio-system", "does not exist", "cert-manager"]),
        ({"ca-cert.pem": "x", "root-cert.pem": "x"}, ["it has no ca-key.pem, cert-chain.pem", "tls.crt"]),
        ({"tls.crt": "x", "tls.key": "x"}, ["it has no ca.crt"]),
        (cert_managers_form(authority(days=-1, since=-2)), ["tls.crt CN=CA ended at"]),
        (istiods_form(authority(ca=False)), ["ca-cert.pem CN=CA is no CA certificate"]),
    ],
)
def test_when_the_time_is_over_it_says_what_is_missing(
    plugin: Plugin, machine: Machine, data: dict[str, str] | None, says: list[str]
) -> None:
    if data is not None:
        put(machine, data)

    error = failed(lambda: plugin.create(KIND, inputs(machine)))

    for words in ["not ready within 1 s", *says]:
        assert words in error.details()
    assert "PRIVATE KEY" not in error.details()


def test_a_preview_promises_what_is_there_and_waits_for_nothing(plugin: Plugin, machine: Machine) -> None:
    assert plain(plugin.create(KIND, inputs(machine), preview=True).properties)["rootCertificate"] == UNKNOWN
    made = authority()
    put(machine, istiods_form(made))
    assert plain(plugin.create(KIND, inputs(machine), preview=True).properties)["rootCertificate"] == made[1].pem


def test_a_renewal_is_noticed_at_the_next_preview_and_leaves_the_root_alone(plugin: Plugin, machine: Machine) -> None:
    made = authority()
    put(machine, cert_managers_form(made))
    created = plugin.create(KIND, inputs(machine))
    assert not plugin.diff(KIND, created.properties, inputs(machine)).diffs

    renewed = authority(made[1], days=90)
    put(machine, cert_managers_form(renewed))
    difference = plugin.diff(KIND, created.properties, inputs(machine))
    foreseen = plain(plugin.update(KIND, created.id, created.properties, inputs(machine), preview=True).properties)
    updated = plain(plugin.update(KIND, created.id, created.properties, inputs(machine)).properties)

    assert list(difference.diffs) == ["secretName"]
    assert not difference.replaces
    assert {"rootCertificate", "rootExpiry"} <= set(difference.stables)
    assert "intermediateCertificate" not in difference.stables
    assert foreseen == updated
    assert updated["intermediateCertificate"] == renewed[0].pem


def test_a_refresh_reads_anew(plugin: Plugin, machine: Machine) -> None:
    put(machine, cert_managers_form(authority()))
    created = plugin.create(KIND, inputs(machine))
    other = authority()
    put(machine, cert_managers_form(other))

    assert plain(plugin.read(KIND, created.id, created.properties).properties)["rootCertificate"] == other[1].pem


def test_a_secret_or_cluster_that_is_away_for_a_while_is_no_change(plugin: Plugin, machine: Machine) -> None:
    put(machine, cert_managers_form(authority()))
    created = plugin.create(KIND, inputs(machine))
    del machine.answers[PATH]

    assert not plugin.diff(KIND, created.properties, inputs(machine)).diffs
    assert plugin.read(KIND, created.id, created.properties).properties == created.properties


def test_another_time_limit_is_no_change(plugin: Plugin, machine: Machine) -> None:
    put(machine, cert_managers_form(authority()))
    created = plugin.create(KIND, inputs(machine))

    assert not plugin.diff(KIND, created.properties, inputs(machine, timeoutSeconds=9)).diffs


def test_deleting_leaves_the_secret_alone(plugin: Plugin, machine: Machine) -> None:
    put(machine, cert_managers_form(authority()))
    created = plugin.create(KIND, inputs(machine))

    plugin.delete(KIND, created.id, created.properties)

    assert PATH in machine.answers
