from typing import Any

import pytest
import yaml
from tether_provider import kubeadm_patches


def test_every_control_plane_reads_the_patches_and_the_users_own_folder_comes_last() -> None:
    own = "kind: InitConfiguration\npatches: {directory: /mine}"

    config = kubeadm_patches.added_to({"nodes": [{}, {"role": "worker"}], "kubeadmConfigPatches": [own]})

    ours, users = config["kubeadmConfigPatches"]
    (mount,) = config["nodes"][0]["extraMounts"]
    assert yaml.safe_load(ours)["patches"]["directory"] == mount["containerPath"]
    assert mount["hostPath"] == str(kubeadm_patches.PATCHES)
    assert "extraMounts" not in config["nodes"][1]
    assert users == own


def patches() -> dict[str, Any]:
    return {file.name.partition("+")[0]: yaml.safe_load(file.read_text()) for file in kubeadm_patches.PATCHES.iterdir()}


STATIC_PODS = {"etcd": True, "kube-apiserver": True, "kube-controller-manager": False, "kube-scheduler": True}
"""Whether kubeadm has kubelet ask each second whether it is ready."""


@pytest.mark.parametrize("name", STATIC_PODS)
def test_a_static_pod_is_seldom_asked_and_seldom_collects_garbage_by_the_patch_that_its_file_names(name: str) -> None:
    """kubeadm chooses the static pod by the file's name and the container by its name within."""
    (container,) = patches()[name]["spec"]["containers"]

    seldom = {"readinessProbe": {"periodSeconds": 10}} if STATIC_PODS[name] else {}
    assert container == {"name": name, "env": [{"name": "GOGC", "value": "200"}], **seldom}


def test_coredns_is_there_once_and_asked_often() -> None:
    found = patches()["corednsdeployment"]["spec"]

    (container,) = found["template"]["spec"]["containers"]
    assert container == {"name": "coredns", "readinessProbe": {"periodSeconds": 1}}
    assert found["replicas"] == 1


def test_nothing_else_is_patched() -> None:
    assert patches().keys() == {"corednsdeployment", *STATIC_PODS}
