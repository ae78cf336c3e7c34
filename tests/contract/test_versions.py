"""The program refuses versions by the same verdict as the command line, before it declares anything."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.recording import record
from tests.unit.compatibility.making import RELEASED, write_charts
from tether import topology
from tether.compatibility import program, verdict
from tether.parts import Parts
from tether.settings import Settings, read

BAD = replace(RELEASED, istio_version="1.30.3")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_charts(tmp_path, BAD.istio_version)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(verdict.VARIABLE, raising=False)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return tmp_path


def run(settings: Settings, parts: Parts = BAD) -> str:
    """What the program is ended with; empty where it may go on."""
    said: list[str] = []

    def body() -> None:
        import pulumi

        try:
            program.check(settings, topology.plan(settings), parts)
        except pulumi.RunError as error:
            said.append(str(error))

    made = record(body)
    assert not [one for one in made.all() if not one.type.startswith("pulumi:")]
    return "\n".join(said)


@pytest.mark.usefixtures("folder")
def test_the_program_refuses_bad_versions_all_at_once() -> None:
    clusters = [
        {"name": "a", "role": "primary", "network": "n1"},
        {"name": "b", "role": "remote", "network": "n2", "nodeImage": "kindest/node:v1.31.9"},
    ]
    said = run(read({"tether:clusters": json.dumps(clusters)}))
    assert "istio_version = 1.30.3" in said
    assert "clusters[1].nodeImage" in said


def test_the_program_takes_what_the_toolchain_chooses(folder: Path) -> None:
    write_charts(folder, RELEASED.istio_version)
    assert run(Settings(), RELEASED) == ""


def test_the_program_refuses_to_leave_running_proxies_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_charts(folder, RELEASED.istio_version)
    backend = folder / "a state"
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend.as_uri())
    assert run(Settings(), RELEASED) == "", "there is no mesh yet"
    record_of = backend / ".pulumi" / "stacks" / "tether" / "test.json"
    record_of.parent.mkdir(parents=True)
    stack = {"type": "pulumi:pulumi:Stack", "outputs": {"mesh": {"istioVersion": "1.29.7"}}}
    record_of.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [stack]}}}))
    assert "stack output mesh.istioVersion = 1.29.7" in run(Settings(), RELEASED)


@pytest.mark.parametrize("url", ["s3://bucket/mesh", "https://api.pulumi.com", "file://elsewhere/state", ""])
def test_a_state_that_is_in_no_folder_is_not_read(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_charts(folder, RELEASED.istio_version)
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    assert run(Settings(), RELEASED) == ""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("way", ["setting", "variable"])
def test_the_program_warns_at_the_engine_where_it_is_allowed(
    way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if way == "variable":
        monkeypatch.setenv(verdict.VARIABLE, "true")
    with caplog.at_level(logging.WARNING):
        assert run(read({"tether:allowUnsupported": str(way == "setting").lower()})) == ""
    assert [line for line in caplog.messages if "istio_version = 1.30.3" in line]
