"""What is read of a mesh, and that no planted secret is in it."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.archives import inside
from tests.unit.doctor.fake_mesh import SYSTEM, FakeMesh
from tether import kube, trace
from tether.diagnosis import archive, collecting, collectors

PASSWORD = "Gu7-planted-password"
READERS_TOKEN = "t0ken-of-the-reader"
"""In the kubeconfigs and in the remote secret of the mesh in memory."""


@pytest.fixture
def collected(mesh: FakeMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Files of an archive of a mesh full of planted secrets."""
    monkeypatch.setattr(trace, "play", _unplayed)
    plant(mesh)
    out = tmp_path / "mesh.tar.gz"
    masking = collecting.masking_of(mesh.mesh)
    with archive.opened(out, masking, 0) as made:
        found = collecting.collect(collectors.of_mesh(mesh.mesh, masking), made)
        made.add(collecting.MANIFEST, collecting.manifest({}, found))
    return inside(out)


def _unplayed(*_: Any, **__: Any) -> Any:
    raise kube.KubeError(f"the gateway said {PASSWORD}")


def plant(mesh: FakeMesh) -> None:
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    remote = mesh.remote
    remote.put("/api/v1/namespaces/app/secrets/database", {"data": {"password": encoded}})
    remote.put("/api/v1/namespaces/app/configmaps/settings", {"data": {"url": f"db://user:{PASSWORD}@db"}})
    status = {"containerStatuses": [{"name": "app", "ready": False, "restartCount": 0}]}
    environment = [{"name": "URL", "value": f"db://user:{PASSWORD}@db"}, {"name": "TOKEN", "value": "short"}]
    containers = [{"name": "app", "env": environment, "args": [f"--key={PASSWORD}"]}]
    remote.put("/api/v1/namespaces/app/pods/app-1", {"spec": {"containers": containers}, "status": status})
    remote.texts["/api/v1/namespaces/app/pods/app-1/log"] = f"cannot log in with {PASSWORD}\n"
    remote.put(f"{SYSTEM}/configmaps/istio", {"data": {"mesh": f"# {encoded}\n"}})


def test_no_planted_secret_is_in_the_archive(collected: Mapping[str, str]) -> None:
    encoded = [base64.b64encode(value.encode()).decode() for value in (PASSWORD, READERS_TOKEN)]
    for name, content in collected.items():
        for secret in (PASSWORD, READERS_TOKEN, *encoded, "BEGIN PRIVATE KEY", "BEGIN EC PRIVATE KEY"):
            assert secret not in content, f"{secret} in {name}"


def test_what_is_no_secret_is_there(collected: Mapping[str, str]) -> None:
    pods = json.loads(collected["clusters/cluster2/pods.json"])["items"]
    assert "app-1" in {pod["metadata"]["name"] for pod in pods}
    secrets = json.loads(collected["clusters/cluster2/secrets.json"])["items"]
    assert "database" in {secret["metadata"]["name"] for secret in secrets}
    assert collected["clusters/cluster2/logs/app/app-1/app.log"] == "cannot log in with [secret]\n"
    assert json.loads(collected["clusters/cluster1/version.json"])["gitVersion"] == "v1.34.4"
    assert "network1" in collected["istiod/networkz.json"]
    assert json.loads(collected["doctor.json"])["healthy"] is True


def test_what_could_not_be_read_is_named_and_keeps_nothing_else_out(collected: Mapping[str, str]) -> None:
    manifest = {entry["name"]: entry for entry in json.loads(collected["manifest.json"])["collectors"]}
    assert manifest["trace/cluster2"]["error"].startswith("KubeError: the gateway said")
    assert manifest["clusters/cluster2/pods"]["files"] == ["clusters/cluster2/pods.json"]


def test_a_cluster_that_does_not_answer_is_named_in_each_of_its_entries(mesh: FakeMesh, tmp_path: Path) -> None:
    mesh.remote.refuse(".*", "everything")
    masking = collecting.masking_of(mesh.mesh)
    with archive.opened(tmp_path / "mesh.tar.gz", masking, 0) as made:
        of_clusters = [one for one in collectors.of_mesh(mesh.mesh, masking) if one.name.startswith("clusters/")]
        found = collecting.collect(of_clusters, made)
    failed = {one.collector.name for one in found if one.error}
    assert failed == {one.name for one in of_clusters if one.name.startswith("clusters/cluster2/")}
