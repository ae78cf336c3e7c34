"""``tether up`` judges versions before the engine is called."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.cli.engine_bench import Bench, tether
from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import STACK_YAML, exported, stack, write_state
from tests.unit.compatibility.making import RELEASED
from tether.compatibility import asking
from tether.topology import Topology

OLD_IMAGE = "      nodeImage: kindest/node:v1.31.9\n"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def permission(bench: Bench) -> str:
    return (bench.bin / "permission").read_text()


def test_up_with_unsupported_versions_ends_with_3_and_never_calls_the_engine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.parts = replace(RELEASED, istio_version="1.30.3")
    bench.place.stack_file.write_text(STACK_YAML + OLD_IMAGE)

    assert tether(monkeypatch, ["up"]) == 3

    captured = capfd.readouterr()
    assert captured.out == ""
    assert bench.calls() == []
    assert "nothing was created" in captured.err
    for subject in ("istio_version = 1.30.3", "tether:clusters[1].nodeImage", "charts.istiod"):
        assert subject in captured.err
    assert "pulumi config rm --path 'tether:clusters[1].nodeImage'" in captured.err


def test_up_that_allows_them_warns_of_what_may_break_and_tells_the_program(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.place.stack_file.write_text(STACK_YAML + OLD_IMAGE)

    assert tether(monkeypatch, ["up", "--allow-unsupported"]) == 0

    said = capfd.readouterr().err
    assert "warning: tether:clusters[1].nodeImage" in said
    assert "Why: Istio does not test it" in said
    assert permission(bench) == "true"


def test_the_setting_allows_them_without_the_option(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.place.stack_file.write_text(f"{STACK_YAML}{OLD_IMAGE}  tether:allowUnsupported: true\n")

    assert tether(monkeypatch, ["up"]) == 0
    assert permission(bench) == ""


def test_supported_versions_are_not_talked_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tether(monkeypatch, ["up"]) == 0
    assert "warning" not in capfd.readouterr().err
    assert permission(bench) == ""


@pytest.mark.parametrize("shared", ["", "s3://bucket"])
def test_up_that_would_skip_a_line_of_istio_is_refused_wherever_the_state_is(
    shared: str, bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TETHER_BACKEND_URL", shared)
    old = {**OUTPUTS, "mesh": {**OUTPUTS["mesh"], "istioVersion": "1.29.8"}}
    write_state(bench.place, exported(stack(**old)))

    assert tether(monkeypatch, ["up"]) == 3
    assert "stack output mesh.istioVersion = 1.29.8" in capfd.readouterr().err
    assert {call.partition(" --")[0] for call in bench.calls()} <= {"stack export"}


def test_an_existing_cluster_is_asked_before_the_engine_is_called(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.place.stack_file.write_text(
        f"{STACK_YAML}      platform: existing\n      kubeconfig: west.yaml\n      apiServer: https://west.example.com\n"
    )
    answers: Mapping[str, str] = {"cluster2": "v1.30.14"}

    def ask(_: Topology, folder: Path) -> asking.Answers:
        assert folder == bench.place.root
        return asking.Answers(dict(answers))

    monkeypatch.setattr(asking, "ask", ask)

    assert tether(monkeypatch, ["up"]) == 3
    assert "tether:clusters[1].kubeconfig = cluster2 with Kubernetes v1.30.14" in capfd.readouterr().err
    assert bench.calls() == []
