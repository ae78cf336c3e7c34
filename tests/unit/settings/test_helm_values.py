"""Helm values of users: whose keys are whose, and what is told of a trespass."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether import helm_values
from tether.errors import Problem, SettingsError
from tether.helm_values import Chart
from tether.settings import read

ADDRESS = "metallb.io/loadBalancerIPs"
OWNED = [(chart, key) for chart, groups in helm_values.OWNED.items() for keys in groups.values() for key in keys]


def cluster(name: str, role: str, values: Any = None, *, platform: str = "kind") -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "role": role, "network": f"net-{name}", "platform": platform}
    if platform == "existing":
        made |= {"context": name, "apiServer": f"https://{name}.example.org:6443"}
    return made if values is None else {**made, "helmValues": values}


def problems(raw: dict[str, Any]) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as caught:
        read({f"tether:{key}": json.dumps(value) for key, value in raw.items()})
    found = {problem.subject: problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "every place is named once"
    return found


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value


def test_free_values_are_taken_for_the_mesh_and_for_a_cluster() -> None:
    mesh = {"istiod": {"resources": {"requests": {"cpu": "50m"}}, "meshConfig": {"accessLogFile": "/dev/stdout"}}}
    own = {"istiod": {"env": {"PILOT_ENABLE_STATUS": "true"}}, "gateway": {"replicaCount": 2}}
    clusters = [cluster("a", "primary", own), cluster("b", "remote")]
    settings = read({"tether:helmValues": json.dumps(mesh), "tether:clusters": json.dumps(clusters)})
    assert settings.helm_values.istiod == mesh["istiod"]
    assert settings.clusters[0].helm_values.gateway == {"replicaCount": 2}
    assert settings.clusters[1].helm_values.gateway == {}


@pytest.mark.parametrize(("chart", "key"), OWNED, ids=[f"{chart}-{key}" for chart, key in OWNED])
def test_every_owned_key_is_refused_by_name_wherever_it_is_set(chart: Chart, key: str) -> None:
    values = {chart.value: nested(helm_values.parts(key), "x")}
    found = problems({"helmValues": values, "clusters": [cluster("a", "primary", values), cluster("b", "remote")]})
    assert len(found) == 2
    for (subject, problem), above in zip(sorted(found.items()), ("clusters[0].helmValues", "helmValues"), strict=True):
        assert subject == f"tether:{above}.{chart}.{key}"
        assert problem.wrong == "is Tether's own"
        assert problem.why
        assert problem.fix == f"pulumi config rm --path '{subject}'"


def test_an_object_under_an_owned_key_is_refused_as_well() -> None:
    found = problems({"helmValues": {"istiod": {"global": {"meshID": {"a": 1}}}}})
    assert set(found) == {"tether:helmValues.istiod.global.meshID"}


@pytest.mark.parametrize("value", [None, "text", [], 7])
def test_what_would_take_an_owned_key_away_from_above_is_refused_once(value: object) -> None:
    found = problems({"helmValues": {"istiod": {"global": value}}})
    problem = found["tether:helmValues.istiod.global"]
    assert "is no object, and would take global." in problem.wrong
    assert len(found) == 1


def test_a_misspelt_chart_gets_a_suggestion_in_the_mesh_and_in_a_cluster() -> None:
    clusters = [cluster("a", "primary"), cluster("b", "remote", {"gatewy": {}})]
    found = problems({"helmValues": {"istoid": {"replicaCount": 2}}, "clusters": clusters})
    assert found["tether:helmValues.istoid"].wrong == "is no setting; did you mean istiod?"
    assert found["tether:clusters[1].helmValues.gatewy"].wrong == "is no setting; did you mean gateway?"


def test_the_values_of_a_misspelt_chart_are_moved_one_by_one() -> None:
    problem = problems({"helmValues": {"istoid": {"env": {"A": "b c"}, "replicaCount": 2}}})["tether:helmValues.istoid"]
    assert problem.fix == (
        "pulumi config rm --path 'tether:helmValues.istoid'"
        " && pulumi config set --path 'tether:helmValues.istiod.env.A' 'b c'"
        " && pulumi config set --path 'tether:helmValues.istiod.replicaCount' 2"
    )


def test_a_chart_that_is_like_nothing_lists_the_charts_and_not_the_settings() -> None:
    assert (
        "known here: base, istiod, gateway, metallb"
        in problems({"helmValues": {"zzz": {}}})["tether:helmValues.zzz"].wrong
    )


def test_values_that_are_no_object_are_refused() -> None:
    found = problems({"helmValues": {"istiod": "x"}, "clusters": [cluster("a", "primary", []), cluster("b", "remote")]})
    assert found["tether:helmValues.istiod"].wrong == "is not an object"
    assert found["tether:clusters[0].helmValues"].wrong == "is not an object"


def test_an_existing_cluster_may_choose_its_gateway_s_address_and_a_kind_cluster_may_not() -> None:
    values = {"gateway": {"service": {"annotations": {ADDRESS: "10.0.0.9"}, "loadBalancerIP": "10.0.0.9"}}}
    read(
        {"tether:clusters": json.dumps([cluster("a", "primary"), cluster("b", "remote", values, platform="existing")])}
    )
    found = problems({"clusters": [cluster("a", "primary"), cluster("b", "remote", values)]})
    assert set(found) == {
        f'tether:clusters[1].helmValues.gateway.service.annotations["{ADDRESS}"]',
        "tether:clusters[1].helmValues.gateway.service.loadBalancerIP",
    }


def test_values_of_the_load_balancer_are_refused_where_there_is_none() -> None:
    values = {"metallb": {"speaker": {"logLevel": "debug"}}}
    clusters = [cluster("a", "primary", platform="existing"), cluster("b", "remote", values, platform="existing")]
    found = problems({"helmValues": values, "clusters": clusters})
    assert set(found) == {"tether:helmValues.metallb", "tether:clusters[1].helmValues.metallb"}
    assert read({"tether:helmValues": json.dumps(values)}).helm_values.metallb == values["metallb"]


def test_a_value_of_helm_is_never_shown() -> None:
    for problem in problems({"helmValues": {"istiod": {"global": {"caName": "s3cret"}}}}).values():
        assert "s3cret" not in str(problem)


keys = st.sampled_from([*{part for _, key in OWNED for part in helm_values.parts(key)}, "resources", "replicaCount"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
documents = st.dictionaries(keys, values, max_size=5)


def own_values(chart: Chart) -> dict[str, Any]:
    """Something of ours under every owned key."""
    return helm_values.merged(*(nested(helm_values.parts(key), f"ours {key}") for one, key in OWNED if one is chart))


@given(st.sampled_from(Chart), documents, documents)
def test_values_that_pass_never_change_an_owned_key(chart: Chart, mesh: dict[str, Any], own: dict[str, Any]) -> None:
    before = own_values(chart)
    passed = [layer for layer in (mesh, own) if not helm_values.trespasses(chart, layer)]
    after = dict(helm_values.leaves(helm_values.merged(before, *passed)))
    assert {path: after.get(path) for path, _ in helm_values.leaves(before)} == dict(helm_values.leaves(before))


@given(st.sampled_from(Chart), documents)
def test_a_refusal_names_a_place_that_is_there(chart: Chart, written: dict[str, Any]) -> None:
    for found in helm_values.trespasses(chart, written):
        inner: Any = written
        for part in found.path:
            inner = inner[part]
        assert helm_values.parts(found.owned)[: len(found.path)] == found.path


@given(documents, documents, documents)
def test_the_last_layer_wins_and_no_layer_is_changed(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    before = json.dumps([one, two, three])
    whole = helm_values.merged(one, two, three)
    assert helm_values.merged(one) == one
    assert set(whole) == {*one, *two, *three}
    after = dict(helm_values.leaves(whole))
    assert all(after[path] == value for path, value in helm_values.leaves(three) if value != {})
    for inner in whole.values():
        if isinstance(inner, dict):
            inner["added"] = 1
    assert json.dumps([one, two, three]) == before
