"""Every check: what it says of a broken mesh, the fix word by word, and what a missing right makes of it."""

import subprocess

import pytest

from tests.unit.doctor.breaking import Case
from tests.unit.doctor.cases import CASES
from tests.unit.doctor.fake_mesh import SYSTEM, WEBHOOKS, FakeMesh
from tether.doctor.check import Severity, Status
from tether.doctor.registry import CHECKS


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_cause_comes_first_with_the_command_that_mends_it(mesh: FakeMesh, case: Case) -> None:
    mesh.stack = case.stack
    case.do(mesh)

    found = mesh.examine()

    first = found.wrong[0]
    assert (first.check.id, first.subject) == (case.check, case.subject), first.answer
    assert case.seen in first.answer.seen
    assert case.cause in (first.answer.cause or first.check.cause)
    if case.fix.endswith("…"):
        assert first.answer.fix.startswith(case.fix[:-1]), first.answer.fix
    else:
        assert first.answer.fix == case.fix
    assert {one.check.id for one in found.wrong if one.check.severity is Severity.ERROR} <= {case.check}
    assert shell_complaint(first.answer.fix) == ""


def shell_complaint(commands: str) -> str:
    """What a shell says of commands that it reads without running them."""
    return subprocess.run(["bash", "-n"], input=commands, text=True, capture_output=True, check=False).stderr


def test_every_check_is_broken_by_some_test() -> None:
    assert {case.check for case in CASES} == {check.id for check in CHECKS}


DEBUG = ("primary", r"create .*/portforward$", "pods/portforward")
SECRETS = ("primary", r"get .*/secrets", "secrets")
HOOKS = ("remote", r"get .*webhookconfigurations", "mutatingwebhookconfigurations")
SERVICES = ("remote", r"get .*/services", "services")
MISSING = {
    "D02": ("primary", r"get /version$", ""),
    "D42": ("remote", r"get .*/kube-system/endpointslices", "endpointslices"),
    "D32": ("primary", r"get .*/pods$", "pods"),
    "D03": HOOKS,
    "D04": ("remote", r"get /api/v1/namespaces/istio-system$", "namespaces"),
    "D05": DEBUG,
    "D06": SECRETS,
    "D33": SECRETS,
    "D07": SERVICES,
    "D08": HOOKS,
    "D09": ("remote", r"get /api/v1/nodes", "nodes"),
    "D10": ("primary", r"get /api/v1/services", "services"),
    "D11": SECRETS,
    "D12": ("remote", r"get .*/kube-root-ca.crt", "configmaps"),
    "D13": SECRETS,
    "D40": SECRETS,
    "D14": HOOKS,
    "D15": SERVICES,
    "D17": DEBUG,
    "D18": SECRETS,
    "D16": ("remote", r"get /api/v1/namespaces/istio-system$", "namespaces"),
    "D34": ("remote", r"get .*/istio-namespace-controller-election", "configmaps"),
    "D19": ("remote", r"get .*/endpointslices", "endpointslices"),
    "D37": ("primary", r"get .*/pods$", "pods"),
    "D20": ("primary", r"get .*/istio-ca-root-cert", "configmaps"),
    "D21": HOOKS,
    "D24": ("remote", r"get /api/v1/configmaps", "configmaps"),
    "D22": ("remote", r"create .*/pods$", "pods"),
    "D23": ("remote", r"get .*/pods$", "pods"),
    "D35": DEBUG,
    "D25": DEBUG,
    "D26": ("primary", r"get .*/gateways$", "gateways"),
    "D38": ("remote", r"get /api/v1/services", "services"),
    "D27": DEBUG,
    "D28": DEBUG,
    "D29": DEBUG,
    "D30": DEBUG,
    "D39": ("primary", r"get .*/log", "pods/log"),
    "D31": SECRETS,
    "D36": ("remote", r"get /api/v1/namespaces$", "namespaces"),
    "D41": ("remote", r"get .*/pods$", "pods"),
}  # fmt: skip
"""Check → the cluster that refuses, what it refuses, and the name of the right."""


@pytest.mark.parametrize("name", [name for name in MISSING if name != "D02"])
def test_a_missing_right_leaves_the_question_open_and_is_named(mesh: FakeMesh, name: str) -> None:
    where, pattern, right = MISSING[name]
    cluster = mesh.primary if where == "primary" else mesh.remote
    cluster.refuse(pattern, right)

    found = mesh.examine()

    answers = [one.answer.seen for one in found.findings if one.check.id == name and one.status is Status.UNKNOWN]
    assert answers
    assert right in answers[0]
    assert found.wrong == ()


def test_who_may_not_even_ask_for_the_version_is_told_that_the_api_server_does_not_answer(mesh: FakeMesh) -> None:
    mesh.remote.refuse(r"get /version$", "the version", 401)

    (first, *others) = mesh.examine().wrong

    assert (first.check.id, first.subject, others) == ("D01", "cluster2", [])


def test_every_check_is_asked_without_its_right() -> None:
    assert set(MISSING) | {"D01"} == {check.id for check in CHECKS}


@pytest.mark.parametrize("planned", [True, False])
def test_without_an_istiod_nothing_else_is_said_of_a_mesh_that_nobody_planned(mesh: FakeMesh, planned: bool) -> None:
    mesh.planned = planned
    mesh.primary.objects.pop(f"{SYSTEM}/pods/istiod-1")

    found = mesh.examine()

    assert [one.check.id for one in found.wrong] == ["D32"]
    assert found.unknown == ()


@pytest.mark.parametrize("planned", [True, False])
def test_a_missing_webhook_is_the_cause_also_where_nothing_else_tells_the_cluster_id(
    mesh: FakeMesh, planned: bool
) -> None:
    mesh.planned = planned
    mesh.remote.objects.pop(f"{WEBHOOKS}/istio-sidecar-injector")
    mesh.remote.answers.pop("pods")

    assert [one.check.id for one in mesh.examine().wrong] == ["D22"]
