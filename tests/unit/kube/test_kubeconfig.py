"""Kubeconfigs that settings name."""

from pathlib import Path

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


def test_a_context_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(kubeconfig.KubeconfigFileError, match="no context x; it has: a, b"):
        kubeconfig.load(ONE, "x")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(kubeconfig.KubeconfigFileError, match="absent: No such file"):
        kubeconfig.load(str(tmp_path / "absent"))
