"""Which calls of Podman are let finish."""

import pytest

from tether import podman_work


@pytest.mark.parametrize(
    "line",
    [
        "podman run --detach --name cluster1-feedbeef-control-plane image",
        "/usr/bin/podman --log-level=debug start cluster1-feedbeef-control-plane",
        "podman rm --force cluster1-feedbeef-control-plane",
        "podman network create tether-feedbeef",
        "/usr/lib/podman/netavark setup /run/netns/netns-1",
    ],
)
def test_what_changes_networks_is_let_finish(line: str) -> None:
    assert podman_work.is_half_way(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "podman exec cluster1-feedbeef-control-plane kubeadm init",
        "podman wait cluster1-feedbeef-control-plane",
        "podman --version",
        "docker run image",
        "kind create cluster --name run",
        "",
    ],
)
def test_everything_else_is_ended_at_once(line: str) -> None:
    assert not podman_work.is_half_way(line.split())
