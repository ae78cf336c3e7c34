import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tether.preflight import gather
from tether.preflight.machine import Port, read_docker, read_podman

PODMAN_INFO: dict[str, Any] = {
    "host": {
        "cgroupControllers": ["cpu", "memory", "pids"],
        "cgroupVersion": "v2",
        "memTotal": 1024,
        "networkBackend": "netavark",
        "security": {"rootless": True},
    },
    "store": {"graphDriverName": "overlay", "graphRoot": "/containers"},
    "version": {"Version": "5.0.0"},
}


def program(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_podmans_answer_is_read() -> None:
    facts = read_podman(PODMAN_INFO, "")
    assert facts.answers
    assert facts.rootless
    assert (facts.version, facts.network_backend, facts.storage_driver) == ("5.0.0", "netavark", "overlay")
    assert (facts.storage, facts.cgroup_version, facts.memory) == ("/containers", 2, 1024)
    assert facts.cgroup_controllers == {"cpu", "memory", "pids"}


def test_dockers_answer_is_read(tmp_path: Path) -> None:
    facts = read_docker(
        {
            "ServerVersion": "28.0.0",
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
            "CgroupVersion": "2",
            "MemoryLimit": True,
            "CPUShares": True,
            "PidsLimit": False,
            "MemTotal": 2048,
            "Driver": "overlay2",
            "DockerRootDir": str(tmp_path),
        },
        "",
    )
    assert facts.rootless
    assert facts.cgroup_controllers == {"memory", "cpu"}
    assert (facts.storage, facts.memory) == (str(tmp_path), 2048)


def test_a_docker_client_alone_answers_with_the_reason() -> None:
    facts = read_docker({"ServerErrors": ["Cannot connect to the Docker daemon"], "ClientInfo": {}}, "")
    assert (facts.installed, facts.answers, facts.said) == (True, False, "Cannot connect to the Docker daemon")


def test_programs_on_the_path_are_asked(tmp_path: Path) -> None:
    program(tmp_path, "podman", f"echo '{json.dumps(PODMAN_INFO)}'")
    program(tmp_path, "docker", "echo 'is the daemon running?' >&2; exit 1")
    facts = gather([], [tmp_path / "not" / "there"], {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert facts.runtimes["podman"].answers
    assert facts.runtimes["docker"].said == "is the daemon running?"
    assert facts.disk_free[str(tmp_path / "not" / "there")] > 0
    assert facts.devices[str(tmp_path / "not" / "there")] == tmp_path.stat().st_dev


def test_a_program_that_talks_nonsense_does_not_answer(tmp_path: Path) -> None:
    program(tmp_path, "podman", "echo nonsense")
    facts = gather([], [], {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (facts.runtimes["podman"].installed, facts.runtimes["podman"].answers) == (True, False)


def test_a_program_that_is_not_there_is_not_installed(tmp_path: Path) -> None:
    facts = gather([], [], {"PATH": str(tmp_path)})
    assert not any(runtime.installed for runtime in facts.runtimes.values())


@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_only_a_port_that_somebody_holds_is_taken(protocol: str, kind: socket.SocketKind, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        port = Port(cluster="c", setting="s", number=holder.getsockname()[1], protocol=protocol)
        assert gather([port], [], {"PATH": str(tmp_path)}).taken_ports == {port}
    assert gather([port], [], {"PATH": str(tmp_path)}).taken_ports == frozenset()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has inotify")
def test_inotify_instances_are_tried_up_to_what_is_wanted_and_given_back(tmp_path: Path) -> None:
    nobody = {"PATH": str(tmp_path)}
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert gather([], [], nobody, inotify=1).inotify_free == 1
    assert gather([], [], nobody).inotify_free == 0
    assert len(list(Path("/proc/self/fd").iterdir())) == before
