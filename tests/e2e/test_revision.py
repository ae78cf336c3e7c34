"""A mesh whose istiod has a revision: everything that a remote needs goes by the revision's names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.breaking.lab import ISTIO, PRIMARY, REMOTE, Lab
from tests.e2e.environment import TETHER, Environment, standing, until
from tether.doctor import handshake
from tether.doctor.handshake import Outcome
from tether.revision import DEFAULT, Revision
from tether.topology import WEBHOOK_PORT, XDS_PORT

REVISION = Revision("blue")
SECONDS = 60
"""For what the proof of `up` made to be forgotten."""
Place = tuple[Environment, dict[str, Any]]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    environment = Environment(settings={"istio": {"revision": REVISION.name}})
    with standing(environment) as result:
        yield environment, result


def contexts(environment: Environment, file: Path) -> list[str]:
    """Options for commands that are not told of any stack."""
    environment.write_contexts(file, (PRIMARY, REMOTE))
    return ["--primary", PRIMARY, "--remote", REMOTE, "--kubeconfig", str(file)]


def names(environment: Environment, cluster: str, kind: str) -> set[str]:
    listed = environment.get(cluster, "-n", ISTIO, kind)["items"]
    return {one["metadata"]["name"] for one in listed if one["metadata"]["name"].startswith("istio")}


def examined(environment: Environment, *options: str) -> dict[str, Any]:
    ran = environment.run(TETHER, "doctor", "--output", "json", *options)
    assert '"kind": "examination"' in ran.stdout, ran.talk
    return json.loads(ran.stdout)


@pytest.mark.timeout(900)
def test_up_proves_a_mesh_that_goes_by_the_names_of_its_revision(place: Place) -> None:
    environment, result = place
    assert result["mesh"]["revision"] == REVISION.name
    assert result["verification"]["answers"][REMOTE][PRIMARY] > 0
    assert result["verification"]["answers"][PRIMARY][REMOTE] > 0
    for cluster in (PRIMARY, REMOTE):
        assert names(environment, cluster, "mutatingwebhookconfigurations") == {REVISION.webhook(ISTIO)}
        assert {REVISION.istiod} == {name for name in names(environment, cluster, "services") if "istiod" in name}
    assert names(environment, PRIMARY, "deployments") >= {REVISION.istiod}
    assert names(environment, PRIMARY, "configmaps") >= {REVISION.mesh_config, REVISION.injector}


def test_the_primarys_gateway_passes_the_revisions_name_on_and_not_the_plain_one(place: Place) -> None:
    environment, result = place
    (primary,) = [one for one in result["endpoints"] if one["cluster"] == PRIMARY]
    address = primary["eastWestGateway"]["address"]
    root = Lab(environment).read(REMOTE, "configmap istio-ca-root-cert")["data"]["root-cert.pem"]
    for port in (XDS_PORT, WEBHOOK_PORT):
        assert handshake.greet(address, port, REVISION.host(ISTIO), root).outcome is Outcome.OK
        assert handshake.greet(address, port, DEFAULT.host(ISTIO), "").outcome is Outcome.CLOSED


@pytest.mark.parametrize("is_told", [True, False], ids=["stack", "contexts"])
def test_doctor_trace_and_verify_find_the_revision(place: Place, is_told: bool, tmp_path: Path) -> None:
    environment, _ = place
    options = [] if is_told else contexts(environment, tmp_path / "contexts")

    until("the doctor finds nothing wrong", lambda: not examined(environment, *options)["wrong"], seconds=SECONDS)
    found = examined(environment, *options)
    assert found["healthy"]
    assert not [one for one in found["findings"] if one["status"] == "unknown"]

    ran = environment.run(TETHER, "trace", "--output", "json", *options)
    assert ran.code == 0, ran.talk
    assert REVISION.host(ISTIO) in ran.stdout

    ran = environment.run(TETHER, "verify", "--only", "http", "--output", "json", *options)
    assert ran.code == 0, ran.talk
