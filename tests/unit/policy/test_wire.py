"""Values as the engine sends them."""

from typing import Any

from tether_policy import wire
from tether_policy.policy import Declared
from tether_policy.secrets import NO_PLAINTEXT_SECRET

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def secret(value: Any) -> dict[str, Any]:
    return {wire.SIGNATURE: wire.SECRET, "value": value}


def test_secrets_are_opened_or_left_out() -> None:
    sent = {"token": secret("t"), "list": ["a", secret("b")], "days": 10.0}

    assert wire.opened(sent) == {"token": "t", "list": ["a", "b"], "days": 10}
    assert wire.without_secrets(sent) == {"list": ["a"], "days": 10}


def test_what_is_not_known_yet_is_left_out() -> None:
    assert wire.opened({"address": UNKNOWN, "hosts": [UNKNOWN], "inner": secret(UNKNOWN)}) == {"hosts": []}


def test_an_asset_is_no_value() -> None:
    assert wire.opened({"file": {wire.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "x"}}) == {}


def test_an_input_that_the_organisation_lets_pass_is_passed() -> None:
    sent = {"values": {"token": "plain"}}
    one = Declared(type="a:b:C", name="n", urn="urn:pulumi:s::p::a:b:C::n", inputs=sent, open_inputs=sent)
    judge = NO_PLAINTEXT_SECRET.of_resource
    assert judge is not None

    assert [problem.subject for problem in judge(one, {"except": []})] == ["values.token"]
    assert list(judge(one, {"except": ["values.token"]})) == []
