import yaml
from tether_provider import idle


def test_every_control_plane_reads_the_patches_and_the_users_own_folder_comes_last() -> None:
    own = "kind: InitConfiguration\npatches: {directory: /mine}"

    config = idle.with_rare_probes({"nodes": [{}, {"role": "worker"}], "kubeadmConfigPatches": [own]})

    ours, users = config["kubeadmConfigPatches"]
    (mount,) = config["nodes"][0]["extraMounts"]
    assert yaml.safe_load(ours)["patches"]["directory"] == mount["containerPath"]
    assert mount["hostPath"] == str(idle.PATCHES)
    assert "extraMounts" not in config["nodes"][1]
    assert users == own


def test_each_patch_is_for_the_container_that_its_file_names() -> None:
    """kubeadm chooses the static pod by the file's name and the container by its name within."""
    files = {file.name.partition("+")[0]: yaml.safe_load(file.read_text()) for file in idle.PATCHES.iterdir()}

    assert set(files) == {"etcd", "kube-apiserver", "kube-scheduler"}
    for name, patch in files.items():
        (container,) = patch["spec"]["containers"]
        assert container == {"name": name, "readinessProbe": {"periodSeconds": 10}}
