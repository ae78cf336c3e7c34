"""Secrets stand in many places; none is left in what is collected."""

import base64
import json
from typing import Any

import pytest

from tether.diagnosis.masking import Masking, values_of
from tether.redact import MASK

PASSWORD = "Gu7-planted-password"


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


@pytest.mark.parametrize(
    "written",
    [PASSWORD, encoded(PASSWORD), f"https://user:{PASSWORD}@example.com", f'{{"a": "{PASSWORD}"}}'],
    ids=["as it is", "in base64", "in a URL", "in JSON"],
)
def test_a_known_value_is_masked_however_it_is_written(written: str) -> None:
    assert PASSWORD not in Masking([PASSWORD]).text(written)
    assert encoded(PASSWORD) not in Masking([PASSWORD]).text(written)


def test_a_value_of_several_lines_is_masked_in_a_document() -> None:
    value = f"first line\n{PASSWORD}\nlast line"
    assert PASSWORD not in Masking([value]).document({"kind": "ConfigMap", "data": {"x": value}})


def test_a_secret_keeps_its_name_and_loses_what_it_holds() -> None:
    last_applied = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"data":"{encoded(PASSWORD)}"}}'}
    secret: dict[str, Any] = {
        "kind": "Secret",
        "metadata": {"name": "database", "annotations": last_applied, "managedFields": [{}]},
        "data": {"key": encoded(PASSWORD)},
        "stringData": {"other": PASSWORD},
    }

    shown = json.loads(Masking().document({"items": [secret]}))["items"][0]

    assert shown["metadata"] == {"name": "database", "annotations": {}}
    assert shown["holds"] == {"key": f"{len(encoded(PASSWORD))} characters", "other": f"{len(PASSWORD)} characters"}
    assert "data" not in shown
    assert "stringData" not in shown


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_KEY", "apikey", "GITHUB_TOKEN", "credential", "PWD"])
def test_a_variable_with_a_telling_name_loses_its_value(name: str) -> None:
    pod = {"kind": "Pod", "spec": {"containers": [{"env": [{"name": name, "value": PASSWORD}]}]}}
    assert PASSWORD not in Masking().document(pod)


def test_a_variable_that_tells_nothing_keeps_its_value() -> None:
    pod = {"kind": "Pod", "spec": {"containers": [{"env": [{"name": "ISTIO_META_NETWORK", "value": "network1"}]}]}}
    assert "network1" in Masking().document(pod)


@pytest.mark.parametrize(
    "arguments", [["--password", PASSWORD], [f"--password={PASSWORD}"], ["--db-token", PASSWORD, "--verbose"]], ids=str
)
def test_an_argument_with_a_telling_name_loses_its_value(arguments: list[str]) -> None:
    shown = Masking().document({"kind": "Pod", "spec": {"containers": [{"args": arguments}]}})
    assert PASSWORD not in shown
    assert ("--verbose" in arguments) == ("--verbose" in shown)


def test_names_stay_readable_though_a_secret_holds_them() -> None:
    masking = Masking(["istio-system", "production"], names={"istio-system"})
    assert masking.text("istio-system of production") == f"istio-system of {MASK}"


def test_short_values_are_no_reason_to_take_a_text_apart() -> None:
    assert Masking(["true", "a"]).text("true is a word") == "true is a word"


def test_more_can_be_known_later() -> None:
    assert Masking(["first-secret"]).knowing(["second-secret"]).text("first-secret second-secret") == f"{MASK} {MASK}"


def test_of_a_secret_is_secret_what_is_no_certificate_and_no_name() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    held = {"token": "t0ken-of-the-reader", "namespace": "istio-system", "ca.crt": certificate, "own.pem": certificate}
    secret = {"kind": "Secret", "data": {key: encoded(value) for key, value in held.items()}}

    assert list(values_of(secret)) == ["t0ken-of-the-reader"]


def test_what_is_no_text_is_known_in_base64_alone() -> None:
    binary = base64.b64encode(b"\xff\xfe\x00\x01\x02\x03").decode()
    assert list(values_of({"kind": "Secret", "data": {"binary": binary, "broken": "%%%"}})) == [binary]


def test_a_release_of_helm_is_looked_for_nowhere() -> None:
    assert list(values_of({"type": "helm.sh/release.v1", "data": {"release": encoded(PASSWORD)}})) == []


def test_a_secret_whose_data_the_engine_encrypted_as_one_is_no_stumbling_block() -> None:
    document = Masking().document({"kind": "Secret", "metadata": {"name": "cacerts"}, "data": "[secret]"})

    assert json.loads(document) == {"kind": "Secret", "metadata": {"name": "cacerts"}, "holds": {}}
