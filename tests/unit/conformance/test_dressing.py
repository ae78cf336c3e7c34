"""What ended tests leave behind is taken away; what was there before stays."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance import dressing
from conformance.dressing import Order
from conformance.stand import Cluster, Stand

CLUSTER = Cluster(name="one", network="n", api_server="https://one-control-plane:6443", kubeconfig=Path("one"))


class Scripted(Stand):
    """Answers by what is asked for, and remembers what it was told to change."""

    answers: Mapping[str, str]
    told: list[tuple[str, ...]]

    def kubectl(self, cluster: Cluster, *arguments: str | Path, stdin: str = "") -> str:
        words = tuple(str(word) for word in arguments)
        if {"delete", "patch", "create"} & set(words):
            self.told.append((*words, stdin))
            return ""
        return next(answer for sign, answer in self.answers.items() if sign in words)


def stand(**answers: str) -> Scripted:
    made = Scripted(clusters=(CLUSTER,), folder=Path(), variables={})
    state: dict[str, Any] = {"answers": answers, "told": []}
    for name, value in state.items():
        object.__setattr__(made, name, value)
    return made


def thing(kind: str, name: str, api_version: str = "networking.istio.io/v1") -> dict[str, Any]:
    meta = {"name": name, "namespace": "istio-system", "uid": "1", "resourceVersion": "2"}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": {"of": name}, "status": {"seen": True}}


def listed(*things: dict[str, Any]) -> str:
    return json.dumps({"items": things})


MINE, SECRET = thing("Gateway", "mine"), thing("Secret", "istio-remote-secret-two", "v1")
BARE = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": {"of": "mine"},
        "metadata": {"name": "mine", "namespace": "istio-system"}}  # fmt: skip
CALM = {"istio-io": listed(MINE), "secrets": listed(SECRET), "namespaces": "", "configmap": "a: 1"}


def before() -> Mapping[str, Order]:
    return dressing.order(stand(**CALM))


def test_a_tidy_mesh_is_left_alone() -> None:
    calm = stand(**CALM)
    assert dressing.tidy(calm, before()) == []
    assert calm.told == []


def test_objects_namespaces_and_the_mesh_configuration_of_tests_are_taken_away() -> None:
    messy = stand(
        **{
            "istio-io": listed(MINE, thing("AuthorizationPolicy", "deny", "security.istio.io/v1")),
            "secrets": listed(SECRET, thing("Secret", "istio-remote-secret-bad", "v1")),
            "namespaces": "namespace/echo-1\n",
            "configmap": "a: 2",
        }
    )
    removed = dressing.tidy(messy, before())
    assert removed == [
        "one: authorizationpolicy.security.istio.io/deny",
        "one: secret/istio-remote-secret-bad",
        "one: configmap/istio",
        "one: namespace/echo-1",
    ]
    deleted = {word for words in messy.told if "delete" in words for word in words if "/" in word}
    assert deleted == {
        "authorizationpolicy.security.istio.io/deny",
        "secret/istio-remote-secret-bad",
        "namespace/echo-1",
    }
    (patch,) = [words for words in messy.told if "patch" in words]
    assert json.loads(patch[-2]) == {"data": {"mesh": "a: 1"}}


def test_what_tests_took_is_put_back_as_it_was() -> None:
    robbed = stand(**{**CALM, "istio-io": listed()})

    assert dressing.tidy(robbed, before()) == ["one: gateway.networking.istio.io/mine, put back"]

    ((*words, stdin),) = robbed.told
    assert words == ["create", "-f", "-"]
    assert json.loads(stdin) == BARE


def test_a_service_that_a_node_does_not_know_yet_is_refused_in_every_family() -> None:
    told = stand(**{"servicecidrs.networking.k8s.io": "10.96.0.0/16 fd00:10:96::/112"})

    rules = [" ".join(rule) for rule in dressing.keep_inside(dressing.service_ranges(told, CLUSTER))]

    assert rules == [
        "iptables -A FORWARD -d 10.96.0.0/16 -j REJECT",
        "iptables -A OUTPUT -d 10.96.0.0/16 -j REJECT",
        "ip6tables -A FORWARD -d fd00:10:96::/112 -j REJECT",
        "ip6tables -A OUTPUT -d fd00:10:96::/112 -j REJECT",
    ]


def test_a_remote_without_a_mesh_configuration_is_left_without_one() -> None:
    bare = stand(**{**CALM, "configmap": ""})
    assert dressing.tidy(bare, dressing.order(bare)) == []
    assert bare.told == []
