"""The doctor needs no more than the rights that it prints, names those that it lacks, and changes nothing."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.breakages import PRIMARY, REMOTE, Lab
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, Environment, until

ISTIO = "istio-system"
KINDS = (
    "pods,services,configmaps,secrets,serviceaccounts,namespaces,endpoints,endpointslices,deployments,replicasets,"
    "roles,rolebindings,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations,"
    "customresourcedefinitions,gateways.networking.istio.io,virtualservices.networking.istio.io"
)
WELL_SECONDS = 90.0
LEADER = "control-plane.alpha.kubernetes.io/leader"
ASK_ISTIOD = {"D05", "D17", "D25", "D27", "D28", "D29", "D30", "D31", "D35"}
"""Checks that ask istiod itself."""
BY_METRICS = {"D05", "D17", "D30", "D31"}
"""Those of them that istiod's metrics and version answer; its debug interface is not had through the API server."""
PROXY = {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]}


@dataclass(frozen=True)
class Account:
    """The ServiceAccount that the doctor prints, in both clusters, with a token of an hour."""

    environment: Environment
    kubeconfig: Path

    def examine(self) -> list[dict[str, Any]]:
        """What the doctor finds with the account's rights alone."""
        ran = self.environment.run(TETHER, "doctor", "--output", "json", "--primary", PRIMARY, "--remote", REMOTE,
                                   "--kubeconfig", self.kubeconfig)  # fmt: skip
        assert ran.code == 0, ran.talk
        return json.loads(ran.stdout)["findings"]

    def until_unknown(self, checks: set[str]) -> list[dict[str, Any]]:
        """What the doctor finds once just these questions are open."""
        found: list[dict[str, Any]] = []

        def are_open() -> bool:
            found[:] = self.examine()
            return {one["id"] for one in unknown(found)} == checks

        until(f"open: {', '.join(sorted(checks))}", are_open, seconds=60)
        return found


def unknown(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Questions that stay open."""
    return [one for one in found if one["status"] == "unknown"]


@pytest.fixture(scope="module")
def account(mesh: Mesh) -> Iterator[Account]:
    environment = mesh.environment
    environment.be_well(WELL_SECONDS)
    printed = environment.run(TETHER, "doctor", "--rights").stdout
    file = PROJECT / ".tether" / f"doctor-account-{environment.stack}.kubeconfig"
    file.touch(mode=0o600)
    whole: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    try:
        for cluster in (PRIMARY, REMOTE):
            kubectl(environment, cluster, "apply", "-f", "-", stdin=printed)
            token = kubectl(environment, cluster, "-n", ISTIO, "create", "token", "tether-doctor").strip()
            document = yaml.safe_load(environment.kubeconfig(cluster).read_text())
            whole["clusters"].append({"name": cluster, "cluster": document["clusters"][0]["cluster"]})
            whole["users"].append({"name": cluster, "user": {"token": token}})
            whole["contexts"].append({"name": cluster, "context": {"cluster": cluster, "user": cluster}})
        file.write_text(yaml.safe_dump(whole))
        yield Account(environment, file)
    finally:
        file.unlink()
        for cluster in (PRIMARY, REMOTE):
            kubectl(environment, cluster, "delete", "--ignore-not-found", "-f", "-", stdin=printed)


def kubectl(environment: Environment, cluster: str, *arguments: str, stdin: str | None = None) -> str:
    ran = environment.run("kubectl", "--kubeconfig", environment.kubeconfig(cluster), *arguments, stdin=stdin)
    assert ran.code == 0, ran.talk
    return ran.stdout


def everything(environment: Environment) -> dict[str, str]:
    """Version of every object, without the locks that their owners renew all the time."""
    found: dict[str, str] = {}
    for cluster in (PRIMARY, REMOTE):
        for item in json.loads(kubectl(environment, cluster, "get", KINDS, "-A", "-o", "json"))["items"]:
            meta = item["metadata"]
            if LEADER not in (meta.get("annotations") or {}):
                found[f"{cluster} {item['kind']} {meta.get('namespace', '')}/{meta['name']}"] = meta["resourceVersion"]
    return found


def test_the_rights_that_the_doctor_prints_are_enough(account: Account) -> None:
    found = account.examine()

    assert unknown(found) == []
    assert {one["status"] for one in found if one["severity"] == "error"} == {"ok"}


def test_an_examination_leaves_every_object_as_it_was(account: Account) -> None:
    before = everything(account.environment)

    account.examine()

    assert everything(account.environment) == before


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    lab = Lab(account.environment)
    yield lab
    lab.restore()


def rules_without_port_forward(lab: Lab) -> list[dict[str, Any]]:
    """What the account may do in the primary but to reach ports inside of pods; the role is put back at the end."""
    rules = lab.keep(PRIMARY, "role tether-doctor")["rules"]
    return [rule for rule in rules if "pods/portforward" not in rule["resources"]]


def test_the_right_that_is_missing_is_named_by_every_question_that_needs_it(account: Account, lab: Lab) -> None:
    lab.restart_istiod()  # Its metrics tell of a connection for as long as it is the first.
    account.environment.be_well(WELL_SECONDS)
    fewer = rules_without_port_forward(lab)
    lab.patch(PRIMARY, "role tether-doctor", {"rules": fewer})
    found = account.examine()
    lab.patch(PRIMARY, "role tether-doctor", {"rules": [*fewer, PROXY]})
    with_proxy = account.until_unknown(ASK_ISTIOD - BY_METRICS)

    assert {one["id"] for one in unknown(found)} == ASK_ISTIOD
    assert all("create and get pods/portforward" in one["seen"] for one in unknown(found))
    assert all(f"in namespace {ISTIO} of {PRIMARY}" in one["seen"] for one in unknown(found))
    assert "istiod has read all of cluster2" in {one["seen"] for one in with_proxy}


def test_metrics_of_a_remote_whose_credential_changed_are_not_taken_for_a_closed_connection(
    account: Account, lab: Lab
) -> None:
    lab.patch(PRIMARY, "role tether-doctor", {"rules": [*rules_without_port_forward(lab), PROXY]})
    secret = f"secret istio-remote-secret-{REMOTE}"
    kubeconfig = base64.b64decode(lab.keep(PRIMARY, secret)["data"][REMOTE])
    lab.patch(PRIMARY, secret, {"data": {REMOTE: base64.b64encode(kubeconfig + b"\n").decode()}})

    account.until_unknown(ASK_ISTIOD - BY_METRICS | {"D17", "D31"})


def test_a_cluster_in_which_nothing_may_be_read_is_no_broken_cluster(account: Account) -> None:
    binding = ("clusterrolebinding", "tether-doctor")
    kubectl(account.environment, REMOTE, "delete", *binding)
    try:
        found = account.examine()
    finally:
        printed = account.environment.run(TETHER, "doctor", "--rights").stdout
        kubectl(account.environment, REMOTE, "apply", "-f", "-", stdin=printed)
    # Warnings may tell of what another test did in the last minute.
    assert {one["status"] for one in found if one["severity"] == "error"} <= {"ok", "unknown"}
    seen = {one["id"]: one["seen"] for one in unknown(found)}
    assert "services is forbidden" in seen["D07"]
    assert "mutatingwebhookconfigurations.admissionregistration.k8s.io is forbidden" in seen["D08"]
