"""Kubeconfigs that settings name."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tether import kubeconfig

ONE = yaml.safe_dump({"contexts": [{"name": "a"}, {"name": "b"}], "current-context": "a"})


def test_without_a_path_the_file_of_kubectl_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(ONE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert yaml.safe_load(kubeconfig.load("", "b"))["current-context"] == "b"

    other = tmp_path / "other"
    other.write_text(ONE.replace("name: b", "name: c"))
    monkeypatch.setenv("KUBECONFIG", f"{other}:{tmp_path / 'absent'}")
    assert yaml.safe_load(kubeconfig.load("", "c"))["current-context"] == "c"


def test_a_login_program_is_written_as_kubectl_reads_it() -> None:
    login = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": ["eks", "get-token"]}
    written = kubeconfig.for_cluster(name="east", server="https://east", bundle="Y2E=", user={"exec": login})
    document = yaml.safe_load(written)
    assert document["users"] == [{"name": "east", "user": {"exec": login}}]
    assert document["clusters"][0]["cluster"] == {"certificate-authority-data": "Y2E=", "server": "https://east"}
    assert kubeconfig.load(written, "east") == written


def test_one_line_of_json_is_content_and_no_path() -> None:
    written = json.dumps(yaml.safe_load(ONE))
    assert kubeconfig.load(written) == written
    assert yaml.safe_load(kubeconfig.load(written, "b"))["current-context"] == "b"


def test_a_context_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(kubeconfig.KubeconfigFileError, match="no context x; it has: a, b"):
        kubeconfig.load(ONE, "x")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(kubeconfig.KubeconfigFileError, match="absent: No such file"):
        kubeconfig.load(str(tmp_path / "absent"))


def of(server: str, user: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "clusters": [
                {"name": "x", "cluster": {"server": "https://10.0.0.1"}}, {"name": "c", "cluster": {"server": server}},
            ],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "a",
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "needs"),
    [
        (of("https://34.1.2.3", {"exec": {"command": "gke-gcloud-auth-plugin"}}), True),
        (of("https://34.1.2.3", {"exec": {"command": "/usr/lib/gke-gcloud-auth-plugin"}}), True),
        (of("https://mesh-abc.hcp.westeurope.azmk8s.io:443", {"token": "t"}), True),
        (of("https://azmk8s.io.example.com:443", {"token": "t"}), False),
        (of("https://ABC.gr7.eu-west-1.eks.amazonaws.com", {"exec": {"command": "aws"}}), False),
        (of("https://10.0.0.1:6443", {"token": "t"}), False),
        (ONE, False),
    ],
)
def test_a_kubeconfig_shows_clouds_whose_webhooks_need_v1_endpoints(content: str, needs: bool) -> None:
    assert kubeconfig.is_of_endpoints_cloud(content) is needs
