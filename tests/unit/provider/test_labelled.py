"""The program that kind takes for the container runtime."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tether_provider import labelled
from tether_provider.errors import ProviderError

from tether.environments import labels

MARKS = {"tether-env.name": "it's", "tether-env.folder": '/a b/$HOME "x"'}


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman that prints its arguments, one a line."""
    folder = tmp_path / "real one"
    folder.mkdir()
    program = folder / "podman"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(labels.VARIABLE, labels.encode(MARKS))
    return program


def called(tmp_path: Path, arguments: Sequence[str]) -> list[str]:
    private = tmp_path / "private"
    private.mkdir()
    found = labelled.environment("podman", private)
    done = subprocess.run(
        ["podman", *arguments], env={**os.environ, **found}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, "the exit code is the runtime's own"
    return done.stdout.splitlines()


@pytest.mark.parametrize("command", [["run"], ["create"], ["volume", "create"]])
def test_what_is_made_is_labelled_and_the_rest_of_the_command_stays(
    runtime: Path, tmp_path: Path, command: list[str]
) -> None:
    rest = ["--name", "node 1", "", "--label", "of=kind", "image"]
    marks = [part for key, value in sorted(MARKS.items()) for part in ("--label", f"{key}={value}")]
    assert called(tmp_path, [*command, *rest]) == [*command, *marks, *rest]


@pytest.mark.parametrize("command", [["exec", "node", "run", "x"], ["ps", "-a"], ["running"], ["volume", "rm", "run"]])
def test_what_makes_nothing_is_passed_on_as_it_is(runtime: Path, tmp_path: Path, command: list[str]) -> None:
    assert called(tmp_path, command) == command


def test_nothing_is_put_before_the_runtime_where_no_labels_are_wanted(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(labels.VARIABLE)
    assert labelled.environment("podman", tmp_path) == {}
    assert labelled.wanted() == {}


@pytest.mark.parametrize("value", ["{", "[]", '"x"'])
def test_a_variable_without_labels_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(labels.VARIABLE, value)
    with pytest.raises(ProviderError, match=f"unset {labels.VARIABLE}"):
        labelled.wanted()
