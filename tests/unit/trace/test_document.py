import dataclasses
import json

import pytest

from tests.unit.trace.records import CERTIFICATE, DIAGNOSIS, REVIEW, TOKEN, failed, record
from tether.trace import document
from tether.trace.record import Outcome


def test_a_record_survives_its_json() -> None:
    for one in (record(), record(TOKEN, failed(CERTIFICATE), REVIEW, diagnosis=DIAGNOSIS, diagnosed=True)):
        assert document.read(document.write(one)) == one


def test_the_json_says_how_it_ended_and_for_whom() -> None:
    found = json.loads(document.write(record(TOKEN, failed(CERTIFICATE))))

    assert (found["schemaVersion"], found["ok"]) == (1, False)
    assert found["identity"] == "spiffe://cluster.local/ns/istio-system/sa/gateway"
    assert found["steps"][1]["sourceOfMessage"] == "istiod's log"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no record"),
        ("[]", "JSON object"),
        ('{"schemaVersion": 99}', "schema version 99"),
        ('{"schemaVersion": 1, "steps": []}', "no record"),
    ],
)
def test_what_is_no_record_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(document.DocumentError, match=words):
        document.read(text)


def test_an_unknown_outcome_is_refused() -> None:
    text = document.write(record()).replace('"outcome": "ok"', '"outcome": "splendid"')

    with pytest.raises(document.DocumentError):
        document.read(text)


def test_what_could_not_be_seen_speaks_neither_for_nor_against() -> None:
    unseen = dataclasses.replace(REVIEW, outcome=Outcome.UNSEEN)

    assert record(TOKEN, CERTIFICATE, unseen).ok
    assert not record(TOKEN, dataclasses.replace(CERTIFICATE, outcome=Outcome.SKIPPED)).ok
    assert record(TOKEN, failed(CERTIFICATE)).failed == failed(CERTIFICATE)
