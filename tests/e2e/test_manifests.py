"""A user's own manifests in a cluster of the mesh, by the Kubernetes plugin as it is built here."""

import json
from pathlib import Path

from tests.e2e.conftest import Mesh
from tests.e2e.program import Program

PRIMARY = "cluster1"


def test_manifests_of_every_sort_of_kind_come_and_go(mesh: Mesh, tmp_path: Path) -> None:
    settings = {"KUBECONFIG_OF_TEST": str(mesh.environment.kubeconfig(PRIMARY))}
    program = Program(name="manifests", stack="manifests", state=tmp_path, settings=settings)
    program.pulumi("stack", "init", program.stack)
    try:
        program.pulumi("up", "--yes")
        written = program.pulumi("stack", "export")
        objects = [
            one for one in json.loads(written)["deployment"]["resources"] if "metadata" in one.get("outputs", {})
        ]
        named = {one["type"]: one["outputs"]["metadata"]["name"] for one in objects}
        assert named == {
            "kubernetes:core/v1:ConfigMap": "listed",
            "kubernetes:core/v1:Namespace": "manifests",
            "kubernetes:core/v1:Secret": "hidden",
            "kubernetes:rbac.authorization.k8s.io/v1:Role": "reader",
            "kubernetes:networking.istio.io/v1:ServiceEntry": "elsewhere",
        }
        assert "planted-secret" not in written
        assert mesh.environment.get(PRIMARY, "-n", "manifests", "configmap", "listed")["data"] == {"said": "listed"}
        program.pulumi("preview", "--refresh", "--expect-no-changes")
    finally:
        program.pulumi("destroy", "--yes")
        program.forget()
    assert mesh.environment.staying(PRIMARY, "namespaces", "--field-selector", "metadata.name=manifests") == []
