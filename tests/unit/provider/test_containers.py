import json
from collections.abc import Sequence
from typing import Any

import pytest
from tether_provider import containers, processes

PODMAN_NETWORK = {
    "name": "n",
    "subnets": [
        {"subnet": "fc00::/64", "gateway": "fc00::1"},
        {"subnet": "10.89.3.0/24", "gateway": "10.89.3.1"},
    ],
    "labels": {"tether.environment": "x"},
}
DOCKER_NETWORK = {
    "Name": "n",
    "IPAM": {
        "Config": [
            {"Subnet": "fc00::/64", "Gateway": "fc00::1"},
            {"Subnet": "10.89.3.0/24", "IPRange": "10.89.3.0/25", "Gateway": "10.89.3.1"},
        ]
    },
    "Labels": {"tether.environment": "x"},
}


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, str, str]]) -> list[list[str]]:
    """Let every program call be answered by its first words; calls that were not foreseen fail the test."""
    calls: list[list[str]] = []

    def run(arguments: Sequence[str], **_: Any) -> processes.Finished:
        calls.append(list(arguments))
        line = " ".join(arguments)
        key = next((key for key in answers if line.startswith(key)), None)
        assert key is not None, f"unhandled command: {line}"
        return processes.Finished(*answers[key])

    monkeypatch.setattr(processes, "run", run)
    return calls


@pytest.mark.parametrize(("name", "shape"), [("podman", PODMAN_NETWORK), ("docker", DOCKER_NETWORK)])
def test_both_runtimes_describe_a_network_alike(
    monkeypatch: pytest.MonkeyPatch, name: containers.Name, shape: dict[str, Any]
) -> None:
    answering(monkeypatch, {f"{name} network inspect n": (0, json.dumps([shape]), "")})

    found = containers.Runtime(name).network("n")

    assert found is not None
    assert (found.subnet, found.gateway, found.labels) == ("10.89.3.0/24", "10.89.3.1", {"tether.environment": "x"})
    assert found.ipv6_subnet == "fc00::/64"


@pytest.mark.parametrize("complaint", ["Error: No such network: n", "network n not found"])
def test_a_network_that_does_not_exist_is_none(monkeypatch: pytest.MonkeyPatch, complaint: str) -> None:
    answering(monkeypatch, {"docker network inspect": (1, "[]", complaint)})

    assert containers.Runtime("docker").network("n") is None


def test_a_runtime_that_is_down_is_not_taken_for_an_absent_network(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"docker network inspect": (1, "", "Cannot connect to the Docker daemon")})

    with pytest.raises(containers.RuntimeCallError, match="Cannot connect"):
        containers.Runtime("docker").network("n")


def test_a_docker_client_without_a_daemon_is_no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    client_only = json.dumps({"Client": {"Version": "28"}, "Server": None})
    answering(monkeypatch, {"docker version": (0, client_only, ""), "podman version": (0, client_only, "")})

    assert containers.Runtime("docker").version() is None
    assert containers.Runtime("podman").version() == "28"


@pytest.mark.parametrize(
    ("preference", "docker", "expected"),
    [("", True, "docker"), ("", False, "podman"), ("podman", True, "podman"), ("nerdctl", True, "docker")],
)
def test_auto_obeys_kind_s_own_variable_and_then_prefers_docker(
    monkeypatch: pytest.MonkeyPatch, preference: str, docker: bool, expected: str
) -> None:
    containers._choose.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", preference)
    server = json.dumps({"Server": {"Version": "28"}})
    answering(
        monkeypatch,
        {
            "docker version": (0, server, "") if docker else (1, "", "no daemon"),
            "podman version": (0, json.dumps({"Client": {"Version": "4"}}), ""),
        },
    )

    assert containers.choose("auto").name == expected
    containers._choose.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_nodes_are_killed_before_they_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answering(
        monkeypatch,
        {
            "podman kill": (0, "", ""),
            "podman rm --force --volumes": (0, "", ""),
            "podman volume ls": (0, "v1\nv2\n", ""),
            "podman volume rm": (0, "", ""),
        },
    )

    containers.Runtime("podman").remove(["id"], ["node"])

    assert [call[1] for call in calls] == ["kill", "rm", "volume", "volume"]
    assert calls[-1] == ["podman", "volume", "rm", "--force", "v1", "v2"]
    assert calls[2][-1] == "label=node"


def test_a_container_that_cannot_be_removed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {"podman kill": (125, "", "not running"), "podman rm": (125, "", "device busy")})

    with pytest.raises(containers.RuntimeCallError, match="device busy"):
        containers.Runtime("podman").remove(["id"], [])
