import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from tests.provider.fake_machine import CLUSTER, INPUTS, NETWORK, NODE, Machine
from tests.provider.provider_harness import SECRET, SIGNATURE, UNKNOWN, Plugin, failed, kept, plain, raw


def assert_nothing_left(machine: Machine) -> None:
    assert machine.containers == []
    assert machine.volumes == []


def test_a_created_cluster_says_everything_about_itself(plugin: Plugin, machine: Machine) -> None:
    created = plugin.create("Cluster", INPUTS)

    outputs = plain(created.properties)
    assert created.id == CLUSTER
    assert outputs["name"] == CLUSTER
    assert outputs["apiServer"] == f"https://{NODE}:6443"
    assert outputs["subnet"] == "10.89.0.0/24"
    assert outputs["network"] == NETWORK
    assert outputs["containerRuntime"] == "podman"
    assert [(node["name"], node["address"]) for node in outputs["nodes"]] == [(NODE, "10.89.0.2")]
    assert yaml.safe_load(outputs["kubeconfig"])["clusters"][0]["cluster"]["server"] == machine.api_server
    internal = yaml.safe_load(outputs["internalKubeconfig"])
    assert internal["clusters"][0]["cluster"]["server"] == f"https://{NODE}:6443"
    assert internal["users"] == yaml.safe_load(outputs["kubeconfig"])["users"]


def test_both_kubeconfigs_are_secret_on_the_wire(plugin: Plugin) -> None:
    on_the_wire = raw(plugin.create("Cluster", INPUTS).properties)

    for name in ("kubeconfig", "internalKubeconfig"):
        assert on_the_wire.pop(name)[SIGNATURE] == SECRET
    assert "very-secret-token" not in str(on_the_wire)


def test_kind_is_told_network_and_runtime_and_writes_a_file_of_its_own(plugin: Plugin, machine: Machine) -> None:
    plugin.create("Cluster", INPUTS)

    (call,) = machine.calls("kind")
    assert call["environment"]["KIND_EXPERIMENTAL_PROVIDER"] == "podman"
    assert call["environment"]["KIND_EXPERIMENTAL_PODMAN_NETWORK"] == NETWORK
    arguments = call["arguments"]
    kubeconfig = Path(arguments[arguments.index("--kubeconfig") + 1])
    assert kubeconfig != Path.home() / ".kube" / "config"
    assert not kubeconfig.parent.exists()
    assert "very-secret-token" not in " ".join(arguments)


def test_the_kind_configuration_is_ours_with_the_users_on_top(plugin: Plugin, machine: Machine) -> None:
    extra: dict[str, Any] = {
        "nodes": [{"role": "control-plane", "extraPortMappings": [{"containerPort": 80, "hostPort": 8080}]}],
        "kubeadmConfigPatches": ["kind: KubeletConfiguration"],
        "featureGates": {"Mine": True},
    }

    plugin.create("Cluster", {**INPUTS, "kindConfig": extra, "podCidr": "10.1.0.0/16", "serviceCidr": "10.2.0.0/16"})

    config = yaml.safe_load((machine.root / f"{CLUSTER}.config.yaml").read_text())
    assert config["networking"] == {
        "disableDefaultCNI": True,
        "ipFamily": "ipv4",
        "podSubnet": "10.1.0.0/16",
        "serviceSubnet": "10.2.0.0/16",
    }
    assert config["nodes"][0]["extraPortMappings"] == extra["nodes"][0]["extraPortMappings"]
    assert isinstance(config["nodes"][0]["extraPortMappings"][0]["hostPort"], int)
    assert config["featureGates"]["Mine"] is True
    _, _, ours, _, users = config["kubeadmConfigPatches"]
    assert yaml.safe_load(ours)["dns"]["imageTag"].startswith("v")
    assert users == extra["kubeadmConfigPatches"][0]


@pytest.mark.parametrize(
    ("family", "pods", "services", "published"),
    [
        ("ipv6", "fd01::/56", "fd02::/112", {"apiServerAddress": "127.0.0.1"}),
        ("dual", "10.1.0.0/16,fd01::/56", "10.2.0.0/16,fd02::/112", {}),
    ],
)
def test_kind_is_told_the_ip_family_and_publishes_the_api_server_where_this_machine_reaches_it(
    plugin: Plugin, machine: Machine, family: str, pods: str, services: str, published: dict[str, str]
) -> None:
    plugin.create("Cluster", {**INPUTS, "ipFamily": family, "podCidr": pods, "serviceCidr": services})

    networking = yaml.safe_load((machine.root / f"{CLUSTER}.config.yaml").read_text())["networking"]
    assert networking == {
        "disableDefaultCNI": True, "ipFamily": family, "podSubnet": pods, "serviceSubnet": services, **published,
    }  # fmt: skip


def test_pods_with_ipv6_alone_reach_the_api_server_by_address(plugin: Plugin) -> None:
    """No name server with an IPv6 address knows the nodes' names."""
    ipv6 = {**INPUTS, "ipFamily": "ipv6", "podCidr": "fd01::/56", "serviceCidr": "fd02::/112"}

    made, promised = (plain(plugin.create("Cluster", ipv6, preview=preview).properties) for preview in (False, True))

    assert re.fullmatch(r"https://\[fd74:a0a:a0a::\d+\]:6443", made["apiServer"])
    assert made["apiServer"] in made["internalKubeconfig"]
    assert made["apiServer"] == f"https://[{made['nodes'][0]['address']}]:6443"
    assert promised["apiServer"] == UNKNOWN


def test_an_image_of_kinds_own_keeps_kinds_own_network_and_dns(plugin: Plugin, machine: Machine) -> None:
    plugin.create("Cluster", {**INPUTS, "nodeImageHasNetwork": False})

    config = yaml.safe_load((machine.root / f"{CLUSTER}.config.yaml").read_text())
    assert config["networking"]["disableDefaultCNI"] is False
    assert not any("dns" in yaml.safe_load(patch) for patch in config["kubeadmConfigPatches"])


def test_a_cluster_is_made_when_its_nodes_lead_to_services_too(plugin: Plugin, machine: Machine) -> None:
    """MetalLB, which comes next, ends where it does not reach the API server by its Service."""
    machine.answers["/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"] = {
        "metadata": {"name": "kube-proxy", "generation": 1},
        "spec": {"selector": {"matchLabels": {"k8s-app": "kube-proxy"}}},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 1, "numberReady": 0, "updatedNumberScheduled": 1},
    }
    machine.answers["/api/v1/namespaces/kube-system/pods"] = {"items": []}

    error = failed(lambda: plugin.create("Cluster", {**INPUTS, "createTimeoutSeconds": 2}))

    assert "Services: DaemonSet kube-proxy: 0 of 1 pods are ready" in error.details()
    assert_nothing_left(machine)


def test_success_of_kind_is_not_believed_until_the_nodes_are_ready(plugin: Plugin, machine: Machine) -> None:
    machine.show_node(ready=False)

    error = failed(lambda: plugin.create("Cluster", {**INPUTS, "createTimeoutSeconds": 2}))

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "not ready within 2 s" in error.details()
    assert "no network plugin yet" in error.details()
    assert "tether:createTimeoutSeconds 4" in error.details()
    assert_nothing_left(machine)


def test_a_create_that_fails_half_way_leaves_nothing(plugin: Plugin, machine: Machine) -> None:
    machine.mood(kind="fails half-way")

    error = failed(lambda: plugin.create("Cluster", INPUTS))

    assert "failed to init node with kubeadm" in error.details()
    assert "\n" not in error.details()
    assert "abcdef.0123456789abcdef" not in error.details()
    assert kept(error) is None
    assert_nothing_left(machine)


def test_remains_are_kept_on_request_and_replaced_by_the_next_up(plugin: Plugin, machine: Machine) -> None:
    machine.mood(kind="fails half-way")
    inputs = {**INPUTS, "retainOnFailure": True}

    error = failed(lambda: plugin.create("Cluster", inputs))

    state = kept(error)
    assert state.id == CLUSTER
    assert plain(state.properties)["nodes"][0]["name"] == NODE
    assert "podman logs" in state.reasons[0]
    assert machine.containers == [NODE]
    difference = plugin.diff("Cluster", state.properties, inputs)
    assert list(difference.replaces) == ["retainOnFailure"]
    assert difference.deleteBeforeReplace
    assert plugin.read("Cluster", CLUSTER, state.properties).id == CLUSTER
    plugin.delete("Cluster", CLUSTER, state.properties)
    assert_nothing_left(machine)


def test_remains_that_cannot_be_removed_are_reported(plugin: Plugin, machine: Machine) -> None:
    machine.mood(kind="fails half-way", remove="fails")

    error = failed(lambda: plugin.create("Cluster", INPUTS))

    assert "could not be removed" in error.details()
    assert "device or resource busy" in error.details()


def test_cancel_ends_kind_and_its_children_long_before_the_time_out(
    start_plugin: Callable[..., Plugin], machine: Machine
) -> None:
    machine.mood(kind="hangs")
    plugin = start_plugin()
    creating = plugin.create_future("Cluster", {**INPUTS, "createTimeoutSeconds": 300})
    pids = wait_for(machine.root / "pids")

    assert plugin.cancel() < 30
    deadline = time.monotonic() + 30
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not any(map(alive, pids))
    error = failed(creating.result)
    assert error.code() is grpc.StatusCode.CANCELLED
    assert_nothing_left(machine)


def test_nothing_is_created_after_a_cancel(start_plugin: Callable[..., Plugin], machine: Machine) -> None:
    plugin = start_plugin()
    plugin.cancel()

    assert failed(lambda: plugin.create("Cluster", INPUTS)).code() is grpc.StatusCode.CANCELLED
    assert machine.calls("kind") == []


def test_a_time_limit_of_the_resources_own_names_the_last_step(plugin: Plugin, machine: Machine) -> None:
    machine.mood(kind="hangs")

    error = failed(lambda: plugin.create("Cluster", {**INPUTS, "createTimeoutSeconds": 2}))

    assert "last step: Starting control-plane" in error.details()
    assert_nothing_left(machine)


def test_a_name_of_somebody_elses_cluster_is_refused_and_left_alone(plugin: Plugin, machine: Machine) -> None:
    machine.add_container(NODE, "foreign", cluster=CLUSTER, network="kind")

    error = failed(lambda: plugin.create("Cluster", INPUTS))

    assert "this stack did not make" in error.details()
    assert f"kind delete cluster --name {CLUSTER}" in error.details()
    assert machine.containers == [NODE]
    assert machine.calls("kind") == []


def test_a_name_that_is_taken_while_kind_runs_is_left_alone_too(plugin: Plugin, machine: Machine) -> None:
    machine.mood(kind="finds name taken")

    error = failed(lambda: plugin.create("Cluster", INPUTS))

    assert "exists already" in error.details()
    assert machine.containers == [NODE]


def test_what_a_killed_run_of_this_environment_left_is_replaced(plugin: Plugin, machine: Machine) -> None:
    machine.add_container(NODE, "left-over", cluster=CLUSTER)

    created = plugin.create("Cluster", INPUTS)

    assert machine.containers == [NODE]
    assert plain(created.properties)["nodes"][0]["id"] != "left-over"


@pytest.mark.parametrize("environment", ["", "0b0b0b0b"])
def test_a_left_over_of_another_environment_is_not_ours(plugin: Plugin, machine: Machine, environment: str) -> None:
    machine.add_container(NODE, "left-over", cluster=CLUSTER)

    error = failed(lambda: plugin.create("Cluster", {**INPUTS, "environment": environment}))

    assert "this stack did not make" in error.details()
    assert machine.containers == [NODE]


def test_a_missing_network_is_an_error_because_kind_would_make_one(plugin: Plugin, machine: Machine) -> None:
    error = failed(lambda: plugin.create("Cluster", {**INPUTS, "network": "nowhere"}))

    assert "no container network nowhere" in error.details()
    assert machine.calls("kind") == []


@pytest.mark.parametrize(
    ("mood", "sentence"),
    [
        ("cannot pull", "nodeImage — tether.test/node:v1.34.4 is not on this machine"),
        ("port taken", "a port of this machine that it asks for is taken"),
    ],
)
def test_what_kind_complains_of_is_said_in_terms_of_the_settings(
    plugin: Plugin, machine: Machine, mood: str, sentence: str
) -> None:
    machine.mood(kind=mood)

    error = failed(lambda: plugin.create("Cluster", INPUTS))

    assert sentence in error.details()
    assert_nothing_left(machine)


def test_nodes_of_another_version_than_asked_for_are_refused(plugin: Plugin, machine: Machine) -> None:
    machine.show_node(version="v1.33.1")

    error = failed(lambda: plugin.create("Cluster", {**INPUTS, "kubernetesVersion": "1.34.4"}))

    assert "runs Kubernetes 1.33.1, not 1.34.4" in error.details()
    assert_nothing_left(machine)


def test_a_preview_promises_names_and_makes_nothing(plugin: Plugin, machine: Machine) -> None:
    promised = plain(plugin.create("Cluster", {**INPUTS, "network": UNKNOWN}, preview=True).properties)

    assert promised["apiServer"] == f"https://{NODE}:6443"
    assert promised["kubeconfig"] == UNKNOWN
    assert promised["network"] == UNKNOWN
    assert machine.calls("kind") == []


def test_all_that_is_wrong_with_inputs_is_said_at_once(plugin: Plugin) -> None:
    response = plugin.check("Cluster", {"nmae": "x", "runtime": "lxc", "createTimeoutSeconds": -1, "network": NETWORK})

    reasons = {failure.property: failure.reason for failure in response.failures}
    assert set(reasons) == {"nmae", "name", "runtime", "createTimeoutSeconds"}
    assert "did you mean name?" in reasons["nmae"]


def test_kind_settings_that_tether_owns_are_refused(plugin: Plugin) -> None:
    extra = {
        "name": "x",
        "networking": {"podSubnet": "10.0.0.0/8"},
        "nodes": [{"image": "x"}, {"role": "worker"}],
    }

    response = plugin.check("Cluster", {**INPUTS, "kindConfig": extra})

    reasons = " / ".join(failure.reason for failure in response.failures)
    for word in ("sets name", "networking.podSubnet", "nodes.image", "2 nodes"):
        assert word in reasons


def test_without_kind_the_error_says_where_it_comes_from(
    start_plugin: Callable[..., Plugin], machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / "podman").symlink_to(machine.root / "bin" / "podman")
    plugin = start_plugin(PATH=f"{tmp_path}:/usr/bin:/bin")

    error = failed(lambda: plugin.create("Cluster", INPUTS))

    assert "kind — not found on PATH" in error.details()
    assert 'eval "$(make env)"' in error.details()


def test_without_a_container_runtime_the_error_says_how_to_get_one(
    start_plugin: Callable[..., Plugin], machine: Machine
) -> None:
    machine.mood(podman="dead")
    plugin = start_plugin()

    error = failed(lambda: plugin.create("Cluster", INPUTS))

    assert "podman does not answer" in error.details()
    assert "apt-get install podman" in error.details()


def wait_for(path: Path, seconds: float = 15) -> list[int]:
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
    pids = [int(part) for part in path.read_text().split()]
    path.unlink()
    return pids


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
