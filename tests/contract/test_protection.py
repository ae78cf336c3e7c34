"""What of a protected mesh the engine is told to keep."""

import pulumi
import pytest

from components.mesh import Mesh
from components.protection import protected
from tests.contract.conftest import in_clouds, mesh_args
from tests.contract.recording import record
from tether import protection


def test_what_lasts_is_protected_and_nothing_else() -> None:
    asked = record(lambda: Mesh("mesh", mesh_args("cluster2"), protected()))

    kept = {one.key for one in asked.all() if one.protect}
    assert kept == {
        "tether:index:Mesh mesh",
        "tether:index:CertificateChain mesh",
        "tether:index:Cluster cluster1",
        "tether:index:Cluster cluster2",
    }


def test_without_the_setting_nothing_is_protected() -> None:
    asked = record(lambda: Mesh("mesh", mesh_args("cluster2")))

    assert not any(one.protect for one in asked.all())


def test_a_program_may_say_otherwise_of_one_resource() -> None:
    options = pulumi.ResourceOptions.merge(protected(), pulumi.ResourceOptions(protect=False))
    asked = record(lambda: Mesh("mesh", mesh_args("cluster2"), options))

    assert not asked.one("tether:index:Mesh", "mesh").protect


@pytest.mark.parametrize("platform", ["eks", "gke", "aks"])
def test_the_cluster_of_every_cloud_lasts(platform: str) -> None:
    made = {one.type for one in in_clouds().all()}
    names = {"eks": "aws:", "gke": "gcp:", "aks": "azure:"}

    assert any(kind.startswith(names[platform]) and protection.lasts(kind) for kind in made)
