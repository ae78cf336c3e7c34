"""Scripts that run inside of a node."""

import subprocess

import pytest

from tether.cli import node_scripts


@pytest.mark.parametrize("script", [node_scripts.SETTLE, node_scripts.WAKE])
def test_a_script_is_bash_and_leaves_what_is_no_node_alone(script: str) -> None:
    """The load balancer of a cluster with several control planes has no systemd; here bash reads, and runs nothing."""
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert '[ "$(cat /proc/1/comm)" = systemd ] || exit 0' in script


def test_what_a_node_is_given_back_was_kept() -> None:
    for folder in ("/kind/service-rules", "/kind/held-manifests"):
        assert folder in node_scripts.SETTLE
        assert folder in node_scripts.WAKE
