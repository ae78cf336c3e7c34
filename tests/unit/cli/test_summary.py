import datetime
import io
from dataclasses import replace
from typing import Any

from rich.console import Console

from tether.cli import mesh_document, summary
from tether.cli.summary import Outcome

OUTPUTS: dict[str, Any] = {
    "clusters": ["cluster1", "cluster2"],
    "endpoints": [
        {
            "cluster": "cluster1",
            "role": "primary",
            "network": "network1",
            "apiServer": "https://cluster1-0a1b2c3d-control-plane:6443",
            "eastWestGateway": {"address": "10.89.3.128", "ports": {"tls": 15443, "status": 15021}},
            "istiod": {"address": "10.89.3.128", "ports": {"xds": 15012, "webhook": 15017}},
        },
        {
            "cluster": "cluster2",
            "role": "remote",
            "network": "network2",
            "apiServer": "https://cluster2-0a1b2c3d-control-plane:6443",
            "eastWestGateway": {"address": "10.89.3.144", "ports": {"tls": 15443, "status": 15021}},
            "istiod": None,
        },
    ],
    "mesh": {
        "meshId": "mesh1",
        "trustDomain": "cluster.local",
        "rootCertificateFingerprint": "AB:" * 31 + "AB",
        "rootCertificateExpiry": "2036-11-20T00:28:58+00:00",
        "intermediateCertificateFingerprint": "CD:" * 31 + "CD",
        "intermediateCertificateExpiry": "2031-11-22T00:28:58+00:00",
        "certificateAuthority": "provided",
        "istioVersion": "1.31",
        "envoyVersion": "1.39.3",
        "dataPlane": "envoy",
        "source": "packages",
    },
    "verification": {
        "answers": {"cluster1": {"cluster1": 12, "cluster2": 8}, "cluster2": {"cluster1": 9, "cluster2": 11}},
        "requests": 40,
        "seconds": 5.73,
    },
    "readme": "# Mesh",
}
OUTCOME = Outcome(outputs=OUTPUTS, changes=44, seconds=61.4, kubeconfigs=".tether/kubeconfigs/kind")


def told(outcome: Outcome) -> dict[str, Any]:
    return mesh_document.document(outcome).plain()


def shown(outcome: Outcome) -> str:
    text = io.StringIO()
    summary.show(outcome, Console(file=text, width=80, highlight=False))
    return text.getvalue()


def test_an_ingress_gateway_is_shown_where_there_is_one() -> None:
    gateway = {"address": "10.89.3.145", "ports": {"http": 80, "https": 443}}
    endpoints = [OUTPUTS["endpoints"][0], {**OUTPUTS["endpoints"][1], "ingressGateway": gateway}]
    text = shown(replace(OUTCOME, outputs={**OUTPUTS, "endpoints": endpoints}))
    assert [line.split() for line in text.splitlines() if "ingress" in line] == [
        ["ingress", "gateway", "10.89.3.145", "80,", "443"]
    ]


def test_one_resource_that_changed_is_no_plural() -> None:
    assert "1 resource changed, " in shown(replace(OUTCOME, changes=1))


def test_the_screenful_has_every_endpoint_whole_on_eighty_columns() -> None:
    text = shown(OUTCOME)
    for line in (
        "Mesh mesh1 is up: 2 clusters, 44 resources changed, 61 s.",
        "https://cluster1-0a1b2c3d-control-plane:6443",
        "https://cluster2-0a1b2c3d-control-plane:6443",
        "10.89.3.128  15021, 15443",
        "10.89.3.128  15012, 15017",
        "10.89.3.144  15021, 15443",
        "domain cluster.local",
        "until 2036-11-20",
        "Istio 1.31, Envoy 1.39.3 (envoy data plane), parts from: packages",
    ):
        assert line in text
    assert len(text.splitlines()) <= 24


def ending(days: float) -> Outcome:
    expiry = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).isoformat(timespec="seconds")
    mesh = {**OUTPUTS["mesh"], "intermediateCertificateExpiry": expiry}
    return replace(OUTCOME, outputs={**OUTPUTS, "mesh": mesh})


def test_days_that_are_left_count_from_now_and_only_whole_ones_count() -> None:
    assert "Authority    provided, istiod signs until " in shown(ending(5.5))
    assert ", 5 days left" in shown(ending(5.5))
    assert told(ending(5.5))["daysLeft"]["intermediate"] == 5
    assert told(ending(-0.5))["daysLeft"]["intermediate"] == -1
    assert told(OUTCOME)["daysLeft"]["root"] > 3000


def test_only_tokens_that_end_have_days_left() -> None:
    expiry = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=5.5)).isoformat(timespec="seconds")
    credentials = [
        {"cluster": "cluster2", "kind": "bound", "expiry": expiry},
        {"cluster": "cluster3", "kind": "token-secret", "expiry": None},
    ]
    outcome = replace(OUTCOME, outputs={**OUTPUTS, "credentials": credentials})

    assert "Credentials  cluster2 is read for 5 days more\n" in shown(outcome)
    assert "Credentials" not in shown(OUTCOME)
    assert told(outcome)["daysLeft"]["credentials"] == {"cluster2": 5}
    assert told(outcome)["credentials"] == credentials


def test_a_mesh_that_says_nothing_of_its_authority_is_shown_without() -> None:
    mesh = {key: value for key, value in OUTPUTS["mesh"].items() if "ntermediate" not in key}
    old = replace(OUTCOME, outputs={**OUTPUTS, "mesh": mesh})
    assert "Authority" not in shown(old)
    assert told(old)["daysLeft"]["intermediate"] is None


def test_the_screenful_says_what_was_proved() -> None:
    assert "40 mTLS requests answered in 5.7 s" in shown(OUTCOME)
    assert "cluster2 heard 9 × cluster1, 11 × cluster2" in shown(OUTCOME)  # noqa: RUF001


def test_the_screenful_ends_with_three_commands() -> None:
    commands = shown(OUTCOME).partition("Next:\n")[2].splitlines()
    assert len(commands) == 3
    assert "kubectl --kubeconfig .tether/kubeconfigs/kind/cluster2 " in commands[1]
    assert commands[2].strip().startswith("make down")


def test_a_mesh_that_was_not_verified_says_so() -> None:
    assert "not asked for" in shown(Outcome({**OUTPUTS, "verification": None}, 0, 2.0, "k"))
    assert "nothing to change" in shown(Outcome(OUTPUTS, 0, 2.0, "k"))


def test_an_endpoint_may_list_its_ports_without_names() -> None:
    assert summary.address({"address": "a", "ports": [15443, 15021]}) == "a  15021, 15443"


def test_machines_get_the_same_with_a_schema_version() -> None:
    document = told(OUTCOME)
    assert document["schemaVersion"] == 1
    assert document["endpoints"] == OUTPUTS["endpoints"]
    assert document["verification"] == OUTPUTS["verification"]
    assert (document["changes"], document["seconds"]) == (44, 61.4)
    assert "readme" not in document
