"""Objects of Kubernetes and Helm's releases are to the engine what Pulumi's SDK makes of them."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes as sdk
import pytest
from pulumi_kubernetes.helm.v3 import Release

from components.helm_release import HelmRelease
from components.kubernetes_object import KubernetesObject, Secret
from tests.contract.recording import Registration, is_secret, record

ABOUT: Any = {"name": "one", "namespace": "shop", "labels": {"of": "us"}}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "one"}
READER = {"kind": "ServiceAccount", "name": "reader", "namespace": "shop"}
Declare = Callable[[], object]
Options = pulumi.ResourceOptions


def ours(api_version: str, kind: str, rest: dict[str, Any]) -> Declare:
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": ABOUT, **rest}
    return lambda: KubernetesObject("one", manifest)


PAIRS: dict[str, tuple[Declare, Declare]] = {
    "a Namespace": (ours("v1", "Namespace", {}), lambda: sdk.core.v1.Namespace("one", metadata=ABOUT)),
    "the patch of a Namespace": (
        lambda: KubernetesObject("one", {"apiVersion": "v1", "kind": "Namespace", "metadata": ABOUT}, patch=True),
        lambda: sdk.core.v1.NamespacePatch("one", metadata=ABOUT),
    ),
    "a Secret with data": (
        lambda: Secret("one", {"metadata": ABOUT, "data": {"key": "dmFsdWU="}}),
        lambda: sdk.core.v1.Secret("one", metadata=ABOUT, data={"key": "dmFsdWU="}),
    ),
    "a Secret with text": (
        lambda: Secret("one", {"metadata": ABOUT, "type": "Opaque", "stringData": {"key": "value"}}),
        lambda: sdk.core.v1.Secret("one", metadata=ABOUT, type="Opaque", string_data={"key": "value"}),
    ),
    "a Secret that is protected": (
        lambda: Secret("one", {"metadata": ABOUT}, Options(protect=True, ignore_changes=["data"])),
        lambda: sdk.core.v1.Secret("one", metadata=ABOUT, opts=Options(protect=True, ignore_changes=["data"])),
    ),
    "a Service": (
        ours("v1", "Service", {"spec": {"ports": [{"name": "a", "port": 443, "targetPort": 15017}]}}),
        lambda: sdk.core.v1.Service(
            "one", metadata=ABOUT, spec={"ports": [{"name": "a", "port": 443, "target_port": 15017}]}
        ),
    ),
    "Endpoints": (
        ours("v1", "Endpoints", {"subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 15012}]}]}),
        lambda: sdk.core.v1.Endpoints(
            "one", metadata=ABOUT, subsets=[{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 15012}]}]
        ),
    ),
    "an EndpointSlice": (
        ours("discovery.k8s.io/v1", "EndpointSlice", {"addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}]}),
        lambda: sdk.discovery.v1.EndpointSlice(
            "one", metadata=ABOUT, address_type="IPv4", endpoints=[{"addresses": ["::1"]}]
        ),
    ),
    "a ClusterRole": (
        ours("rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": [RULE]}),
        lambda: sdk.rbac.v1.ClusterRole(
            "one", metadata=ABOUT, rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["list"]}]
        ),
    ),
    "a ClusterRoleBinding": (
        ours("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", {"roleRef": ROLE, "subjects": [READER]}),
        lambda: sdk.rbac.v1.ClusterRoleBinding(
            "one", metadata=ABOUT, subjects=[{"kind": "ServiceAccount", "name": "reader", "namespace": "shop"}],
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "one"},
        ),
    ),
    "an object of Istio": (
        ours("networking.istio.io/v1", "Gateway", {"spec": {"selector": {"istio": "eastwestgateway"}}}),
        lambda: sdk.apiextensions.CustomResource(
            "one", api_version="networking.istio.io/v1", kind="Gateway", metadata=ABOUT,
            spec={"selector": {"istio": "eastwestgateway"}},
        ),
    ),
    "a release of Helm": (
        lambda: HelmRelease(
            "one",
            {"chart": "./charts/base", "name": "istio-base", "namespace": "shop", "createNamespace": True,
             "values": {"a_b": {"cD": 1}}, "timeout": 60, "disableOpenapiValidation": True},
        ),
        lambda: Release(
            "one", chart="./charts/base", name="istio-base", namespace="shop", create_namespace=True,
            values={"a_b": {"cD": 1}}, timeout=60, disable_openapi_validation=True,
        ),
    ),
}  # fmt: skip


def registered(declare: Declare) -> Registration:
    """The one resource that was declared, whatever surrounds it."""
    (one,) = (found for found in record(declare).all() if found.custom and not found.type.startswith("pulumi:"))
    return replace(one, provider="")


@pytest.mark.parametrize(("own", "of_sdk"), PAIRS.values(), ids=PAIRS.keys())
def test_the_engine_sees_no_difference_to_the_class_of_the_sdk(own: Declare, of_sdk: Declare) -> None:
    assert registered(own) == registered(of_sdk)


def test_what_a_secret_holds_is_secret_on_the_wire() -> None:
    one = registered(PAIRS["a Secret with text"][0])
    assert is_secret(one.inputs["stringData"])
    assert one.secret_outputs == {"data", "stringData"}


def test_the_number_of_a_release_s_last_change_is_a_whole_one() -> None:
    seen: list[str] = []
    record(lambda: HelmRelease("one", {"chart": "./charts/base", "name": "one"}).revision.apply(seen.append))
    assert seen == ["3"]


def test_a_program_of_the_components_does_without_the_sdk_s_classes_of_kinds() -> None:
    """Whose import takes longer than that of everything else."""
    ask = "import sys, components.from_settings, components.mesh; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    # Packages stand there from the start, and are filled when one of their classes is asked for.
    assert [name for name in loaded if name.startswith("pulumi_kubernetes.") and name.endswith(".v1._inputs")] == []
