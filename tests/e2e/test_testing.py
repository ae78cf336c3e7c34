"""The project in ``examples/`` is tested on a real mesh, as its owner would, away from this checkout."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archives import inside
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, until

EXAMPLE = PROJECT / "examples" / "two-clusters"
NOTHING: list[str] = []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example that nothing of the checkout is around."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "two-clusters", ignore=shutil.ignore_patterns("__pycache__", ".*")))


def run(project: Path, mesh: Mesh, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, f"--basetemp={project.parent / 'base'}", "--mesh-reuse", mesh.environment.stack, *options],
        cwd=project, env=mesh.environment.variables, capture_output=True, text=True, check=False,
    )  # fmt: skip


def namespaces_of_tests(mesh: Mesh, cluster: str) -> list[str]:
    listed = mesh.environment.get(cluster, "namespaces")["items"]
    return [name for one in listed if (name := one["metadata"]["name"]).startswith("test-")]


def test_the_example_passes_in_two_processes_and_leaves_nothing(mesh: Mesh, project: Path) -> None:
    done = run(project, mesh, "-n", "2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    for cluster in ("cluster1", "cluster2"):
        assert namespaces_of_tests(mesh, cluster) == NOTHING


def test_a_failure_shows_an_archive_of_the_mesh_and_the_pods_of_its_namespace(mesh: Mesh, project: Path) -> None:
    (project / "tests" / "test_services.py").write_text(
        "from tether.testing import wait_for\n\n\ndef test_nobody_answers(mesh_namespace):\n"
        '    wait_for(lambda: mesh_namespace.call("http://nobody/", source="cluster2"), lambda calls: calls.ok,\n'
        '             timeout=3, what="nobody")\n'
    )
    done = run(project, mesh, "--mesh-keep-failed")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "WaitError: nobody was not ready within 3 s: 1 request to http://nobody/ from cluster2: " in done.stdout
    assert "cluster2: pod caller-" in done.stdout
    (archive,) = (project.parent / "base").rglob("mesh.tar.gz")
    assert str(archive) in done.stdout
    assert {"manifest.json", "clusters/cluster2/pods.json"} <= set(inside(archive))
    (kept,) = namespaces_of_tests(mesh, "cluster2")
    for cluster in ("cluster1", "cluster2"):
        mesh.environment.kubectl(cluster, "delete", "namespace", kept, "--wait=false")
        until(f"{kept} is gone", lambda cluster=cluster: not namespaces_of_tests(mesh, cluster), seconds=60)
