"""The picture and the page of the real mesh say what the mesh is."""

import base64
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import Mesh
from tests.e2e.environment import TETHER
from tether.report.document import TopologyDocument

PRIMARY, REMOTE = "cluster1", "cluster2"
HEALTHY = re.compile(r"Healthy(\.|, with \d+ warnings?\.)")
"""A warning may tell of what another test did in the last minute."""


def drawn(mesh: Mesh, *options: str) -> str:
    ran = mesh.environment.run(TETHER, "topology", *options)
    assert (ran.code, ran.stderr) == (0, ""), ran.talk
    return ran.stdout


def facts(mesh: Mesh) -> dict[str, Any]:
    """What the stack says, with which the picture must agree."""
    places = {place["cluster"]: place for place in mesh.result["endpoints"]}
    return {
        "root": mesh.result["mesh"]["rootCertificateFingerprint"],
        "primary": places[PRIMARY]["eastWestGateway"]["address"],
        "remote": places[REMOTE]["eastWestGateway"]["address"],
        "server": places[REMOTE]["apiServer"],
    }


def test_the_picture_says_of_the_mesh_what_the_stack_says(mesh: Mesh) -> None:
    text = drawn(mesh, "--output", "json")
    TopologyDocument.model_validate_json(text)
    found, expected = json.loads(text), facts(mesh)
    assert (found["schemaVersion"], found["kind"]) == (1, "topology")
    assert found["mesh"] == {"id": "mesh1", "stack": mesh.environment.stack, "trustDomain": "cluster.local"}
    assert found["trust"]["rootFingerprint"] == expected["root"]
    assert found["trust"]["sharedBy"] == [PRIMARY, REMOTE]
    assert (found["istiod"]["pods"], found["istiod"]["ready"]) == (1, 1)
    primary, remote = found["clusters"]
    assert primary["eastWestGateways"][0]["addresses"] == [expected["primary"]]
    assert remote["eastWestGateways"][0]["addresses"] == [expected["remote"]]
    assert remote["istiodAddresses"] == [expected["primary"]]
    assert remote["remoteSecret"] == {
        "name": f"istio-system/istio-remote-secret-{REMOTE}",
        "clusterId": REMOTE,
        "reads": expected["server"],
        "state": "synced",
    }
    assert [cluster["gaps"] for cluster in (primary, remote)] == [[], []]


def test_mermaid_and_svg_show_the_real_addresses(mesh: Mesh, tmp_path: Path) -> None:
    expected = facts(mesh)
    text = drawn(mesh)
    assert text.splitlines()[3] == "flowchart LR"
    file = tmp_path / "mesh.svg"
    assert drawn(mesh, "--out", str(file)).strip() == str(file)
    svg = "".join(ElementTree.parse(file).getroot().itertext())  # noqa: S314 - our own file
    for value in (expected["primary"], expected["remote"], expected["root"][:23]):
        assert value in text
        assert value in svg


@pytest.fixture(scope="module")
def written(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("report") / "mesh.html"
    ran = mesh.environment.run(TETHER, "report", "--out", str(file))
    assert ran.code == 0, ran.talk
    assert ran.stdout.strip() == str(file)
    assert HEALTHY.search(ran.stderr)
    return file.read_text()


def test_the_report_names_the_real_addresses_and_the_real_root(mesh: Mesh, written: str) -> None:
    expected = facts(mesh)
    assert HEALTHY.search(written)
    for value in (*expected.values(), f"istio-system/istio-remote-secret-{REMOTE}"):
        assert value in written
    pictures = [base64.b64decode(code).decode() for code in re.findall(r"svg\+xml;base64,([\w+/=]+)", written)]
    assert expected["primary"] in pictures[0]
    assert expected["root"][:23] in pictures[0]


def test_the_report_lists_every_kind_of_certificate_with_its_time_left(mesh: Mesh, written: str) -> None:
    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", written, re.DOTALL)]
    for what, unit in (("Root certificate", "days"), ("Intermediate certificate", "days"),
                       ("istiod, port 15012", "days"), ("istiod, port 15017", "days"),
                       ("Gateway istio-system/istio-eastwestgateway", "hours")):  # fmt: skip
        found = [row for row in rows if row.strip().startswith(what)]
        assert found, what
        assert all(unit in row and "good" in row for row in found), found
    identities = [row for row in rows if "spiffe://cluster.local/ns/istio-system/sa/istio-eastwestgateway" in row]
    assert {name for row in identities for name in (PRIMARY, REMOTE) if f" {name} " in row} == {PRIMARY, REMOTE}


def test_the_report_names_the_versions_that_run(mesh: Mesh, written: str) -> None:
    used = mesh.result["mesh"]
    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", written, re.DOTALL)]
    for part, version in (("istiod", used["istioVersion"]), ("Envoy", used["envoyVersion"]), ("Istio agent", "1.31"),
                          ("Kubernetes", "v1."), ("Tether", "0.")):  # fmt: skip
        assert [row for row in rows if row.strip().startswith(part) and version in row], part
    plane = "plain upstream Envoy" if used["dataPlane"] == "envoy" else "Istio's proxy"
    assert plane in written.replace("&#39;", "'")


def test_the_report_holds_no_credential_of_the_mesh(mesh: Mesh, written: str) -> None:
    secret = mesh.environment.get(PRIMARY, "-n", "istio-system", "secret", f"istio-remote-secret-{REMOTE}")
    kubeconfig = base64.b64decode(secret["data"][REMOTE]).decode()
    token = kubeconfig.partition("token: ")[2].split()[0]
    assert len(token) > 100
    assert token not in written
    assert "PRIVATE KEY" not in written
    assert "token:" not in written


def test_a_verification_is_made_for_the_report_or_taken_from_a_file(mesh: Mesh, tmp_path: Path) -> None:
    stack = mesh.environment.stack
    made, matrix, taken = tmp_path / "made.html", tmp_path / "matrix.json", tmp_path / "taken.html"

    def tether(*arguments: str | Path) -> str:
        ran = mesh.environment.run(TETHER, *arguments)
        assert ran.code == 0, ran.talk
        return ran.stdout

    tether("report", "--no-trace", "--verify", "--out", made)
    matrix.write_text(tether("verify", "--stack", stack, "--only", "http", "--requests", "7", "--output", "json"))
    contexts = tmp_path / "contexts"
    mesh.environment.write_contexts(contexts, (PRIMARY, REMOTE))
    named = ("--primary", PRIMARY, "--remote", REMOTE, "--kubeconfig", contexts)
    tether("report", "--no-trace", "--matrix", matrix, "--out", taken, *named)

    sent = json.loads(matrix.read_text())["requests"]
    for file, number in ((made, r"\d+"), (taken, str(sent))):
        page = file.read_text()
        assert re.search(f"Proved: {number} requests, none lost", page)
        assert f"/sa/echo-{REMOTE}" in page


def test_a_mesh_that_is_not_there_is_said_with_the_command_that_makes_it(mesh: Mesh) -> None:
    ran = mesh.environment.run(TETHER, "topology", "--stack", "nobody-made-this")
    assert ran.code != 0
    assert ran.stdout == ""
    assert "nobody-made-this" in ran.stderr
