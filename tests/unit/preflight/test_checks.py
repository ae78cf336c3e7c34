"""Each finding on a machine that has just that fault."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tether.errors import Problem
from tether.preflight import Facts, Finding, Need, RuntimeFacts, examine, need
from tether.preflight.checks import GIB
from tether.preflight.machine import Port
from tether.settings import ContainerRuntime, read

PODMAN = RuntimeFacts(
    installed=True, answers=True, version="5.0.0", network_backend="netavark", storage_driver="overlay",
    storage="/containers", cgroup_version=2, cgroup_controllers=frozenset({"cpu", "cpuset", "io", "memory", "pids"}),
    memory=16 * GIB,
)  # fmt: skip
DOCKER = replace(PODMAN, network_backend="", version="28.0.0")
GOOD = Facts(
    system="Linux", distribution="debian", root=True, runtimes={"podman": PODMAN}, memory_available=8 * GIB,
    disk_free={"/containers": 50 * GIB, "/cache": 50 * GIB}, devices={"/containers": 1, "/cache": 2},
    capabilities=(1 << 41) - 1, inotify_instances=1024, inotify_watches=524288,
)  # fmt: skip
EVERYWHERE = "0.0.0.0"  # noqa: S104 - compared, never bound
TWO = Need(clusters=2)
COLD = Need(clusters=2, tools_folder=Path("/cache"))


def with_podman(**changes: Any) -> Facts:
    return replace(GOOD, runtimes={"podman": replace(PODMAN, **changes)})


def findings(facts: Facts, wanted: Need = TWO) -> list[Finding]:
    return examine(facts, wanted)


def only(facts: Facts, wanted: Need = TWO, *, fatal: bool = True) -> Problem:
    (finding,) = findings(facts, wanted)
    assert finding.fatal is fatal
    assert finding.problem.why
    assert finding.problem.fix
    return finding.problem


def test_a_good_machine_has_no_findings() -> None:
    assert findings(GOOD, COLD) == []


def test_no_container_runtime_is_found_with_the_command_that_installs_one() -> None:
    problem = only(replace(GOOD, runtimes={}, root=False))
    assert problem.wrong == "docker is not installed; podman is not installed"
    assert problem.fix == "sudo apt-get install --yes podman netavark aardvark-dns runc"


def test_a_docker_client_without_daemon_is_no_runtime() -> None:
    silent = RuntimeFacts(installed=True, said="Cannot connect to the Docker daemon")
    problem = only(replace(GOOD, runtimes={"docker": silent, "podman": RuntimeFacts()}, distribution="fedora"))
    assert "docker does not answer (Cannot connect to the Docker daemon)" in problem.wrong
    assert problem.fix == "systemctl start docker"


def test_a_docker_client_without_daemon_does_no_harm_where_podman_answers() -> None:
    silent = RuntimeFacts(installed=True, said="Cannot connect to the Docker daemon")
    assert findings(replace(GOOD, runtimes={"docker": silent, "podman": PODMAN})) == []


def test_the_runtime_that_the_settings_name_must_answer_itself() -> None:
    problem = only(GOOD, replace(TWO, runtime=ContainerRuntime.DOCKER))
    assert problem.wrong == "docker is not installed"
    assert problem.fix == "apt-get install --yes docker.io"


def test_the_runtime_that_the_checkout_took_before_must_answer_itself() -> None:
    silent = RuntimeFacts(installed=True, said="Cannot connect to the Docker daemon")
    wanted = need(read({}), runtime="docker")
    problem = only(replace(GOOD, runtimes={"docker": silent, "podman": PODMAN}), wanted)
    assert problem.fix == "systemctl start docker"
    assert need(read({"tether:containerRuntime": "podman"}), runtime="docker").runtime == "podman"


@pytest.mark.parametrize(
    ("installed", "fix"), [(["docker"], "start docker"), ([], "install Docker Desktop or Podman and start it")]
)
def test_other_systems_are_told_what_to_start(installed: list[str], fix: str) -> None:
    runtimes = {name: RuntimeFacts(installed=True) for name in installed}
    assert only(replace(GOOD, system="Darwin", runtimes=runtimes)).fix == fix


def test_podman_with_cni_networks_cannot_resolve_names() -> None:
    assert "old CNI networks" in only(with_podman(network_backend="cni")).wrong


def test_podman_without_root_is_a_warning() -> None:
    assert only(with_podman(rootless=True), fatal=False).subject == "podman"


def test_a_copying_storage_driver_is_a_warning() -> None:
    assert "vfs" in only(with_podman(storage_driver="vfs"), fatal=False).wrong


def test_too_little_memory_is_refused_with_both_numbers() -> None:
    problem = only(replace(GOOD, memory_available=2 * GIB))
    assert (problem.shown, problem.wrong) == ("2.0 GiB free", "2 kind clusters need 2.4 GiB")


def test_memory_for_one_cluster_may_suffice_where_two_do_not_fit() -> None:
    assert findings(replace(GOOD, memory_available=2 * GIB), Need(clusters=1)) == []


def test_the_memory_of_the_machine_behind_the_runtime_counts() -> None:
    assert only(with_podman(memory=GIB)).subject == "memory"


def test_unknown_memory_is_no_finding() -> None:
    assert findings(replace(with_podman(memory=0), memory_available=None)) == []


def test_too_little_disk_for_containers_is_refused() -> None:
    problem = only(replace(GOOD, disk_free={"/containers": 2 * GIB, "/cache": 50 * GIB}))
    assert problem.subject == "disk at /containers"
    assert problem.wrong == "4.0 GiB are needed"


def test_folders_on_one_disk_share_its_space() -> None:
    free = {"/containers": 23 * GIB, "/cache": 23 * GIB}
    both = replace(GOOD, disk_free=free, devices={"/containers": 1, "/cache": 1})
    assert only(both, COLD).wrong == "24.0 GiB are needed"
    assert findings(replace(both, devices={"/containers": 1, "/cache": 2}), COLD) == []


def test_missing_controllers_are_named() -> None:
    problem = only(with_podman(cgroup_controllers=frozenset({"cpu", "pids"})))
    assert "the controller memory (cgroup v2)" in problem.wrong
    assert "cgroup_enable=memory" in problem.fix


def test_controllers_that_were_not_delegated_are_asked_of_systemd() -> None:
    problems = findings(with_podman(cgroup_controllers=frozenset({"memory", "pids"}), rootless=True))
    assert "delegate.conf" in problems[0].problem.fix


def test_without_root_the_old_cgroups_cannot_work() -> None:
    fatal = [finding.problem for finding in findings(with_podman(cgroup_version=1, rootless=True)) if finding.fatal]
    assert [problem.subject for problem in fatal] == ["cgroups"]


def test_with_root_the_old_cgroups_are_fine() -> None:
    assert findings(with_podman(cgroup_version=1)) == []


def test_missing_capabilities_are_named() -> None:
    problem = only(replace(GOOD, capabilities=GOOD.capabilities & ~(1 << 21) if GOOD.capabilities else 0))
    assert problem.wrong == "this process lacks CAP_SYS_ADMIN"


def test_a_daemon_needs_no_capabilities_of_ours() -> None:
    assert findings(replace(GOOD, capabilities=0, runtimes={"docker": DOCKER})) == []


def test_missing_resource_capability_alone_is_no_finding() -> None:
    assert findings(replace(GOOD, capabilities=((1 << 41) - 1) & ~(1 << 24))) == []


@pytest.mark.parametrize(("instances", "fatal"), [(69, True), (70, False), (511, False)])
def test_few_inotify_instances_warn_and_too_few_refuse(instances: int, fatal: bool) -> None:
    problem = only(replace(GOOD, inotify_instances=instances), fatal=fatal)
    assert problem.fix == "sysctl fs.inotify.max_user_instances=512"


def test_few_inotify_watches_warn() -> None:
    assert only(replace(GOOD, inotify_watches=8192), fatal=False).subject == "fs.inotify.max_user_watches"


def port(number: int, **changes: Any) -> Port:
    return Port(cluster="cluster1", setting="tether:clusters[0].kindConfig.x", number=number, **changes)


def test_a_taken_port_is_refused_with_who_has_it() -> None:
    wanted = replace(TWO, ports=(port(6443), port(6444)))
    problem = only(replace(GOOD, taken_ports=frozenset({port(6443)})), wanted)
    assert (problem.subject, problem.shown) == ("tether:clusters[0].kindConfig.x", "6443/tcp on 127.0.0.1")
    assert "ss -tlnp 'sport = :6443'" in problem.fix


def test_one_port_for_two_nodes_is_refused() -> None:
    wanted = replace(TWO, ports=(port(6443), replace(port(6443, address=EVERYWHERE), cluster="cluster2")))
    assert only(GOOD, wanted).wrong == "is wanted by cluster1 too"


@pytest.mark.parametrize("other", [port(6443, protocol="udp"), port(6443, address="127.0.0.2"), port(6444)])
def test_different_ports_do_not_clash(other: Port) -> None:
    assert findings(GOOD, replace(TWO, ports=(port(6443), other))) == []


def test_all_findings_come_at_once_and_the_fatal_ones_first() -> None:
    poor = replace(
        GOOD,
        memory_available=GIB,
        disk_free={"/containers": GIB},
        inotify_instances=128,
        runtimes={"podman": replace(PODMAN, cgroup_controllers=frozenset(), storage_driver="vfs")},
    )
    found = findings(poor)
    assert {finding.problem.subject for finding in found if finding.fatal} == {
        "memory",
        "disk at /containers",
        "cgroups",
    }
    assert [finding.fatal for finding in found] == sorted((finding.fatal for finding in found), reverse=True)
    assert len(found) == 5


def test_existing_clusters_ask_nothing_of_this_machine() -> None:
    settings = read(
        {
            "tether:clusters": '[{"name":"a","role":"primary","network":"n1","platform":"existing","context":"a"},'
            '{"name":"b","role":"remote","network":"n2","platform":"existing","context":"b",'
            '"apiServer":"https://b.example.org"}]'
        }
    )
    wanted = need(settings)
    assert wanted.is_nothing
    assert findings(Facts(system="Linux"), wanted) == []


def test_clusters_that_run_already_are_not_counted_again() -> None:
    assert need(read({}), made=2).is_nothing
    assert need(read({}), made=1).clusters == 1
    assert not need(read({}), made=2, tools_folder=Path("/cache")).is_nothing


def test_the_ports_that_a_kind_config_names_are_found() -> None:
    config = (
        '{"networking":{"apiServerPort":7001,"apiServerAddress":"127.0.0.5"},'
        '"nodes":[{"extraPortMappings":[{"hostPort":7002,"protocol":"UDP"},{"hostPort":0}]}]}'
    )
    settings = read(
        {
            "tether:clusters": '[{"name":"a","role":"primary","network":"n1","kindConfig":' + config + "},"
            '{"name":"b","role":"remote","network":"n2","kindConfig":{"networking":{"apiServerPort":0}}}]'
        }
    )
    assert [(one.number, one.address, one.protocol, one.setting) for one in need(settings).ports] == [
        (7001, "127.0.0.5", "tcp", "tether:clusters[0].kindConfig.networking.apiServerPort"),
        (7002, EVERYWHERE, "udp", "tether:clusters[0].kindConfig.nodes[0].extraPortMappings[0].hostPort"),
    ]
    assert need(settings, made=2).ports == ()


def test_memory_that_is_promised_to_what_comes_up_is_not_given_twice() -> None:
    facts = replace(GOOD, memory_available=4 * GIB)
    assert findings(facts, TWO) == []
    problem = only(facts, replace(TWO, promised={"pr-1": 2}))
    assert problem.wrong == "2 kind clusters need 2.4 GiB, beside 2.4 GiB for what is coming up: pr-1"
    assert "tether env list" in problem.fix
    assert findings(facts, Need(clusters=0, promised={"pr-1": 9})) == []


def test_inotify_instances_that_others_have_taken_are_missed_before_a_node_waits_for_them() -> None:
    facts = replace(GOOD, inotify_instances=1024, inotify_free=39)
    problem = only(facts)
    assert (problem.shown, problem.wrong.partition(" beside")[0]) == (
        "39 of 1024 free",
        "2 kind clusters take about 70",
    )
    assert findings(replace(facts, inotify_free=40)) == []
    assert findings(replace(facts, inotify_free=0), Need(clusters=0)) == []
