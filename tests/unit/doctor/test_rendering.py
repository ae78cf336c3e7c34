"""One examination in four forms that say the same."""

import io
import json
from xml.etree import ElementTree

import pytest
from rich.console import Console

from tests.unit.doctor.breaking import SECRET, drop
from tests.unit.doctor.fake_mesh import SYSTEM, FakeMesh
from tether.doctor import document as documents
from tether.doctor import rendering
from tether.doctor.check import Status


@pytest.fixture
def broken(mesh: FakeMesh) -> FakeMesh:
    """No remote secret, one open question."""
    drop(SECRET, "primary")(mesh)
    mesh.remote.refuse(r"get /api/v1/nodes", "nodes")
    mesh.primary.texts[f"{SYSTEM}/pods/istiod-1/log"] = (
        'error Failed to authenticate: client claims to be in cluster "cluster2", but we only know about cluster1'
    )
    return mesh


def shown(mesh: FakeMesh) -> str:
    out = io.StringIO()
    rendering.show(mesh.mesh, mesh.examine(), 1.25, Console(file=out, width=80, highlight=False))
    return out.getvalue()


def test_the_text_begins_with_the_cause_and_ends_with_the_verdict(broken: FakeMesh) -> None:
    text = shown(broken)

    lines = text.splitlines()
    assert lines[0].startswith("Mesh: cluster1 (primary), cluster2 (remote)   [58 checks, 1.2 s]")
    assert lines[2] == "✗ D11 cluster2  error: not so: There is a remote secret"
    assert "    seen    no Secret in istio-system of cluster1 holds a kubeconfig of cluster2" in lines
    assert "    page    docs/reference/doctor.md#d11" in lines
    assert "    log     cluster1 istiod: error Failed to authenticate: client claims to be in cluster" in text
    assert "? D09 cluster2  nodes is forbidden" in text
    assert "mutes   D12 cluster2, D13 cluster2" in text
    assert lines[-1] == "Unhealthy: 1 error; 1 question could not be asked."


def test_a_fix_is_shown_flush_left_so_that_it_can_be_pasted(mesh: FakeMesh) -> None:
    drop(f"{SYSTEM}/services/istiod")(mesh)

    lines = shown(mesh).splitlines()

    start = lines.index("kubectl --context cluster2 apply -f - <<'END'")
    assert lines[start + 1] == "apiVersion: v1"
    assert "END" in lines[start:]


def test_a_long_command_is_not_wrapped(broken: FakeMesh) -> None:
    fix = broken.examine().wrong[0].answer.fix

    assert len(fix) > 80
    assert fix in shown(broken)


def test_the_document_says_everything_in_the_order_of_the_checks(broken: FakeMesh) -> None:
    found = broken.examine()

    document = json.loads(documents.of_examination(broken.mesh, found, 1.234).text())

    assert (document["schemaVersion"], document["healthy"], document["seconds"]) == (1, False, 1.23)
    assert [one["id"] for one in document["wrong"]] == ["D11"]
    assert document["wrong"][0]["fix"].startswith("istioctl create-remote-secret")
    assert document["wrong"][0]["evidence"] == [
        'cluster1 istiod: error Failed to authenticate: client claims to be in cluster "cluster2", but we only know '
        "about cluster1"
    ]
    assert len(document["findings"]) == len(found.findings)
    muted = next(one for one in document["findings"] if one["id"] == "D12")
    assert (muted["status"], muted["mutedBy"]) == ("muted", ["D11"])
    assert document["mesh"]["clusters"] == [
        {"name": "cluster1", "role": "primary"}, {"name": "cluster2", "role": "remote"},
    ]  # fmt: skip


def test_junit_fails_what_is_wrong_and_skips_what_was_not_asked(broken: FakeMesh) -> None:
    found = broken.examine()

    suite = ElementTree.fromstring(rendering.junit(broken.mesh, found, 1))[0]  # noqa: S314 - our own

    others = sum(one.status in (Status.MUTED, Status.UNKNOWN) for one in found.findings)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("58", "1", str(others))
    (failed,) = [case for case in suite if case.find("failure") is not None]
    assert failed.get("name") == "D11 cluster2: There is a remote secret"
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("type") == "error"
    assert "istioctl create-remote-secret" in (failure.text or "")


def test_markdown_has_the_fix_as_a_block_and_a_row_for_every_answer(broken: FakeMesh) -> None:
    found = broken.examine()

    text = rendering.markdown(broken.mesh, found)

    assert text.startswith("## Unhealthy: 1 error")
    assert "### D11 cluster2: not so: There is a remote secret" in text
    assert "```shell\nistioctl create-remote-secret" in text
    assert sum(line.startswith("| D") for line in text.splitlines()) == len(found.findings)


def test_what_comes_from_a_cluster_cannot_break_the_markdown_table(mesh: FakeMesh) -> None:
    mesh.remote.put("/version", {"gitVersion": "v1.34.4|<b>\nx"})

    rows = [line for line in rendering.markdown(mesh.mesh, mesh.examine()).splitlines() if line.startswith("| D01")]

    assert rows[1].endswith("| Kubernetes v1.34.4\\|&lt;b> x |")


def test_every_form_is_of_a_healthy_mesh_too(mesh: FakeMesh) -> None:
    found = mesh.examine()

    assert shown(mesh).splitlines()[-1] == "Healthy."
    assert documents.of_examination(mesh.mesh, found, 1).wrong == ()
    assert 'failures="0"' in rendering.junit(mesh.mesh, found, 1)
    assert rendering.markdown(mesh.mesh, found).startswith("## Healthy.")


def test_a_mesh_about_which_little_could_be_asked_is_not_called_healthy(mesh: FakeMesh) -> None:
    mesh.remote.refuse(r"get /api/v1/nodes", "nodes")

    assert rendering.verdict(mesh.examine()) == "Nothing is known to be wrong; 1 question could not be asked."


def test_no_form_shows_a_secret(mesh: FakeMesh) -> None:
    mesh.primary.texts[f"{SYSTEM}/pods/istiod-1/log"] = "error is forbidden: User x token: t0ken-of-the-reader"
    mesh.denied.add("create tokenreviews")
    found = mesh.examine()

    for text in (shown(mesh), documents.of_examination(mesh.mesh, found, 1).text(),
                 rendering.junit(mesh.mesh, found, 1), rendering.markdown(mesh.mesh, found)):  # fmt: skip
        assert "D13" in text
        assert "t0ken" not in text
