"""A token that ends: made, renewed in time, revoked with what it is bound to."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.protobuf import struct_pb2

from tests.provider.fake_machine import Machine
from tests.provider.provider_harness import Plugin, Told, failed, plain, raw, struct
from tether.topology import BOUND_TOKEN_LABEL

KIND = "BoundToken"
READER = "istio-reader-service-account"
NAMESPACE = "/api/v1/namespaces/istio-system"
SECRETS = f"{NAMESPACE}/secrets"
REQUEST = f"{NAMESPACE}/serviceaccounts/{READER}/token"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
AUTHORITY = "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt"
HOUR = 3600


@dataclass
class Issuer:
    """An API server that gives tokens away and knows them while the Secrets are there that they are bound to."""

    answers: dict[str, Any]
    most_seconds: int = 10**9
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    valid: dict[str, str] = field(default_factory=dict[str, str])
    """Token: path of its Secret."""

    def __post_init__(self) -> None:
        self.answers.update(
            {
                SECRETS: self.keep,
                REQUEST: self.issue,
                REVIEW: self.review,
                AUTHORITY: {"data": {"ca.crt": "CA of the API server"}},
            }
        )

    def keep(self, body: dict[str, Any], _: str) -> tuple[int, Any]:
        body["metadata"]["uid"] = f"uid-{body['metadata']['name']}"
        self.answers[f"{SECRETS}/{body['metadata']['name']}"] = body
        return 201, body

    def issue(self, body: dict[str, Any], _: str) -> tuple[int, Any]:
        spec = body["spec"]
        self.requests.append({**spec})
        bound_to = spec["boundObjectRef"]
        assert bound_to["uid"] == f"uid-{bound_to['name']}"
        spec["expirationSeconds"] = min(spec["expirationSeconds"], self.most_seconds)
        token = f"token-{len(self.requests)}"
        self.valid[token] = f"{SECRETS}/{bound_to['name']}"
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=spec["expirationSeconds"])
        status = {"token": token, "expirationTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return 201, {"spec": spec, "status": status}

    def review(self, _: dict[str, Any], credential: str) -> tuple[int, Any]:
        if self.valid.get(credential.removeprefix("Bearer ")) in self.answers:
            return 201, {"status": {"userInfo": {"username": READER}}}
        return 401, {"message": "Unauthorized"}

    @property
    def anchors(self) -> list[str]:
        return [path for path in self.answers if path.startswith(f"{SECRETS}/")]


@pytest.fixture
def issuer(machine: Machine) -> Issuer:
    return Issuer(machine.answers)


def inputs(machine: Machine, **more: Any) -> dict[str, Any]:
    wanted = {"namespace": "istio-system", "serviceAccount": READER, "lifetimeHours": 48, "labels": {"team": "mesh"}}
    return {"kubeconfig": machine.kubeconfig, **wanted, **more}


def with_left(state: struct_pb2.Struct, left: float, **more: Any) -> struct_pb2.Struct:
    """The state once the token has only so many seconds left."""
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=left)
    return struct({**raw(state), "expiry": ends.isoformat(timespec="seconds"), **more})


def test_a_token_is_bound_to_a_secret_of_its_own_and_stays_secret(
    plugin: Plugin, machine: Machine, issuer: Issuer
) -> None:
    created = plugin.create(KIND, inputs(machine))

    outputs = plain(created.properties)
    (anchor,) = issuer.anchors
    assert machine.answers[anchor]["metadata"]["labels"] == {"team": "mesh", BOUND_TOKEN_LABEL: READER}
    assert "data" not in machine.answers[anchor]
    assert (outputs["token"], outputs["certificateAuthority"]) == ("token-1", "CA of the API server")
    assert anchor == f"{SECRETS}/{outputs['secretName']}" == f"{SECRETS}/{created.id}"
    assert issuer.requests[0]["expirationSeconds"] == outputs["lifetimeSeconds"] == 48 * HOUR
    left = datetime.datetime.fromisoformat(outputs["expiry"]) - datetime.datetime.now(datetime.UTC)
    assert abs(left.total_seconds() - 48 * HOUR) < 60
    assert raw(created.properties)["token"] == {**raw(created.properties)["kubeconfig"], "value": "token-1"}


def test_a_preview_asks_for_no_token(plugin: Plugin, machine: Machine, issuer: Issuer) -> None:
    plugin.create(KIND, inputs(machine), preview=True)

    assert issuer.requests == issuer.anchors == []


def test_a_token_with_more_than_half_of_its_life_is_left_alone(
    plugin: Plugin, machine: Machine, issuer: Issuer
) -> None:
    created = plugin.create(KIND, inputs(machine))

    assert not plugin.diff(KIND, with_left(created.properties, 25 * HOUR), inputs(machine)).diffs


@pytest.mark.parametrize(("hours", "loud"), [(23, False), (11, True), (-1, True)])
def test_a_token_with_less_is_replaced_before_the_old_one_goes(
    start_plugin: Callable[..., Plugin], told: Told, machine: Machine, issuer: Issuer, hours: int, loud: bool
) -> None:
    plugin = start_plugin(engine=told.address)
    created = plugin.create(KIND, inputs(machine))
    old = with_left(created.properties, hours * HOUR)

    difference = plugin.diff(KIND, old, inputs(machine))
    renewed = plugin.create(KIND, inputs(machine))

    assert list(difference.replaces) == ["lifetimeHours"]
    assert not difference.deleteBeforeReplace
    assert len(issuer.anchors) == 2
    plugin.delete(KIND, created.id, old)
    assert issuer.anchors == [f"{SECRETS}/{renewed.id}"]
    assert plain(renewed.properties)["token"] == "token-2"
    said = "ended 60 min ago" if hours < 0 else f"ends in {hours} h"
    assert [said in message for message in told.everything] == [True]
    assert bool(told.warnings) is loud
    assert "token-1" not in str(told.everything)


@pytest.mark.parametrize("more", [{}, {"kubeconfig": "another way"}])
def test_a_token_that_was_revoked_is_replaced(
    start_plugin: Callable[..., Plugin], told: Told, machine: Machine, issuer: Issuer, more: dict[str, str]
) -> None:
    """Also where the kubeconfig is another at every run, as those with a token of an hour are."""
    plugin = start_plugin(engine=told.address)
    created = plugin.create(KIND, inputs(machine))
    del machine.answers[issuer.anchors[0]]

    difference = plugin.diff(KIND, struct({**raw(created.properties), **more}), inputs(machine))

    assert list(difference.replaces) == ["lifetimeHours"]
    assert "revoked" in told.warnings[0]
    assert plugin.read(KIND, created.id, created.properties).id == ""


def test_a_cluster_that_is_away_for_a_while_has_revoked_nothing(
    plugin: Plugin, machine: Machine, issuer: Issuer
) -> None:
    created = plugin.create(KIND, inputs(machine))
    silent = inputs(machine, kubeconfig=machine.kubeconfig.replace(machine.api_server, "https://127.0.0.1:1"))

    assert not plugin.diff(KIND, created.properties, silent).replaces


@pytest.mark.parametrize("hours", [24, 96])
def test_another_lifetime_is_another_token(plugin: Plugin, machine: Machine, issuer: Issuer, hours: int) -> None:
    created = plugin.create(KIND, inputs(machine))

    assert list(plugin.diff(KIND, created.properties, inputs(machine, lifetimeHours=hours)).replaces) == [
        "lifetimeHours"
    ]


def test_a_shorter_life_than_asked_for_is_told_with_what_follows_and_is_no_change(
    start_plugin: Callable[..., Plugin], told: Told, machine: Machine, issuer: Issuer
) -> None:
    plugin = start_plugin(engine=told.address)
    issuer.most_seconds = 24 * HOUR

    created = plugin.create(KIND, inputs(machine))

    assert plain(created.properties)["lifetimeSeconds"] == 24 * HOUR
    (warning,) = told.warnings
    assert "grants a token for 24 h, not the 2 days that were asked for" in warning
    assert "at least every 12 h" in warning
    assert not plugin.diff(KIND, created.properties, inputs(machine)).diffs
    assert plugin.diff(KIND, with_left(created.properties, 11 * HOUR), inputs(machine)).replaces


def test_a_refresh_changes_nothing_while_the_secret_is_there(plugin: Plugin, machine: Machine, issuer: Issuer) -> None:
    created = plugin.create(KIND, inputs(machine))

    assert plugin.read(KIND, created.id, created.properties).properties == created.properties


def test_other_labels_are_put_on_the_secret_and_the_token_stays(
    plugin: Plugin, machine: Machine, issuer: Issuer
) -> None:
    created = plugin.create(KIND, inputs(machine))
    change = inputs(machine, labels={"cost": "1"})

    difference = plugin.diff(KIND, created.properties, change)
    foreseen = plugin.update(KIND, created.id, created.properties, change, preview=True)
    updated = plugin.update(KIND, created.id, created.properties, change)

    assert (list(difference.diffs), list(difference.replaces)) == (["labels"], [])
    assert {"token", "expiry"} <= set(difference.stables)
    assert plain(foreseen.properties) == plain(updated.properties)
    assert machine.answers[issuer.anchors[0]]["metadata"]["labels"] == {"cost": "1", BOUND_TOKEN_LABEL: READER}
    assert len(issuer.requests) == 1


def test_where_no_token_is_given_no_secret_stays(plugin: Plugin, machine: Machine, issuer: Issuer) -> None:
    def refuse(_: Any, __: str) -> tuple[int, Any]:
        return 404, {"message": f'serviceaccounts "{READER}" not found'}

    machine.answers[REQUEST] = refuse

    error = failed(lambda: plugin.create(KIND, inputs(machine)))

    assert f'token of ServiceAccount istio-system/{READER}: serviceaccounts "{READER}" not found' in error.details()
    assert issuer.anchors == []


def test_what_is_gone_already_is_no_error(plugin: Plugin, machine: Machine, issuer: Issuer) -> None:
    created = plugin.create(KIND, inputs(machine))

    for _ in range(2):
        plugin.delete(KIND, created.id, created.properties)
    assert issuer.anchors == []


@pytest.mark.parametrize("environment", [{}, {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}])
def test_a_cluster_that_does_not_answer_is_given_up_only_where_that_was_asked_for(
    start_plugin: Callable[..., Plugin], machine: Machine, issuer: Issuer, environment: Mapping[str, str]
) -> None:
    plugin = start_plugin(**environment)
    created = plugin.create(KIND, inputs(machine))
    created.properties.update({"kubeconfig": machine.kubeconfig.replace(machine.api_server, "https://127.0.0.1:1")})

    if environment:
        assert plugin.read(KIND, created.id, created.properties).id == ""
        plugin.delete(KIND, created.id, created.properties)
    else:
        for ask in (plugin.read, plugin.delete):
            error = failed(lambda ask=ask: ask(KIND, created.id, created.properties))
            assert "token of ServiceAccount istio-system" in error.details()
