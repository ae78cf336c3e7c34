"""What clouds do otherwise is no fault."""

from typing import Any

from tests.unit.doctor.breaking import name_moved, named
from tests.unit.doctor.fake_mesh import SLICES, SYSTEM, WEBHOOKS, FakeMesh
from tether import istiod_endpoints

AKS: list[dict[str, Any]] = [
    {"key": "control-plane", "operator": "NotIn", "values": ["true"]},
    {"key": "kubernetes.azure.com/managedby", "operator": "NotIn", "values": ["aks"]},
]
"""What its admissions enforcer adds to every webhook (Azure/AKS#1771)."""


def test_a_gateway_with_a_name_is_well_while_istiod_is_at_some_of_its_addresses(mesh: FakeMesh) -> None:
    named(mesh, "10.0.1.2", "10.0.1.1")

    found = mesh.examine()

    assert found.wrong == ()
    (seen,) = [one.answer.seen for one in found.findings if one.check.id == "D19"]
    assert seen == "Service istiod → 10.0.1.1, the primary's east-west gateway"


def test_a_name_that_this_machine_does_not_know_is_no_fault_of_the_mesh(mesh: FakeMesh) -> None:
    name_moved(mesh)
    mesh.names.clear()

    found = mesh.examine()

    assert found.wrong == ()
    assert [one.answer.seen for one in found.findings if one.check.id == "D19"] == [
        "Service istiod → 10.0.1.1; this machine does not know where the gateway's name leads"
    ]


def test_v1_endpoints_and_a_second_slice_are_as_good_as_one_slice(mesh: FakeMesh) -> None:
    mesh.remote.put("/api/v1/nodes/n", {"spec": {"providerID": "azure:///subscriptions/s/x"}})
    mesh.remote.put(f"{SYSTEM}/endpoints/istiod", istiod_endpoints.endpoints("istio-system", ["10.0.1.1"]))
    mesh.remote.put(f"{SLICES}/istiod-gateway", istiod_endpoints.endpoint_slice("istio-system", ["10.0.1.1"]))

    assert mesh.examine().wrong == ()


def test_v1_endpoints_that_may_not_be_read_leave_no_question_open_where_nobody_needs_them(mesh: FakeMesh) -> None:
    mesh.remote.refuse(r"get .*/endpoints/istiod", "endpoints")

    found = mesh.examine()

    assert found.wrong == found.unknown == ()


def test_namespace_selectors_that_an_admission_controller_edits_are_no_fault(mesh: FakeMesh) -> None:
    for cluster in (mesh.primary, mesh.remote):
        for hook in cluster.objects[f"{WEBHOOKS}/istio-sidecar-injector"]["webhooks"]:
            hook["namespaceSelector"] = {"matchExpressions": AKS}

    assert mesh.examine().wrong == ()
