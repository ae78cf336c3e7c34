"""``tether up`` with policy packs, and ``tether down`` of a protected mesh, with a stand-in for the engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.engine_bench import ENGINE, Bench, tether
from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import calls, cluster, exported, install_pulumi, random_id, stack

PREVIEW = """
    if arguments[0] == "preview":
        log = pathlib.Path(arguments[arguments.index("--event-log") + 1])
        log.write_text((notes / "events.jsonl").read_text())
        sys.exit(1 if (notes / "refuse").exists() else 0)
    """


def event(policy: str, level: str, resource: str) -> str:
    urn = f"urn:pulumi:kind::tether::tether:index:Mesh$tether:index:CertificateChain::{resource}"
    return json.dumps({"policyEvent": {"policyName": policy, "enforcementLevel": level, "resourceUrn": urn}}) + "\n"


@pytest.fixture
def pack(bench: Bench) -> Path:
    script = PREVIEW + ENGINE.replace("STATE", repr(str(bench.place.state)))
    install_pulumi(bench.bin, script)
    (bench.bin / "events.jsonl").write_text("")
    folder = bench.place.root / "policy"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").touch()
    return folder


def test_the_pack_judges_a_preview_before_the_update(bench: Bench, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tether(monkeypatch, ["up", "--policy-pack", "policy"]) == 0

    assert bench.calls() == ["stack init", "preview", "up", "stack output"]
    asked = [line for line in calls(bench.bin) if line.startswith(("preview", "up "))]
    assert all(f"--policy-pack={pack}" in line for line in asked)


def test_make_up_names_the_pack_by_the_environment(bench: Bench, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETHER_POLICY_PACK", str(pack))
    assert tether(monkeypatch, ["up"]) == 0
    assert "preview" in bench.calls()


def test_a_variable_of_a_pipeline_that_nobody_set_names_no_file(
    bench: Bench, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TETHER_POLICY_PACK_CONFIG", "")
    assert tether(monkeypatch, ["up", "--policy-pack", "policy"]) == 0
    assert not any("--policy-pack-config" in line for line in calls(bench.bin))


def test_a_refusal_ends_with_5_and_changes_nothing(
    bench: Bench, pack: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = [event("ca-lifetime", "mandatory", "mesh"), event("names-and-labels", "advisory", "other")]
    (bench.bin / "events.jsonl").write_text("".join(said))
    (bench.bin / "refuse").touch()

    assert tether(monkeypatch, ["up", "--policy-pack", "policy"]) == 5

    told = capfd.readouterr().err
    assert "1 violation" in told
    assert "ca-lifetime  CertificateChain mesh" in told
    assert "names-and-labels" not in told
    assert "up" not in bench.calls()


def test_a_preview_that_fails_for_another_reason_is_no_refusal(
    bench: Bench, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.bin / "refuse").touch()
    assert tether(monkeypatch, ["up", "--policy-pack", "policy"]) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--policy-pack", "nowhere"], "PulumiPolicy.yaml is missing"),
        (["--policy-pack", "policy", "--policy-pack-config", "absent.json"], "is no file"),
        (["--policy-pack-config", "Pulumi.yaml"], "1 file for 0 packs"),
    ],
)
def test_a_pack_that_is_not_there_ends_with_2_before_anything_is_built(
    options: list[str], told: str, bench: Bench, pack: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert pack.is_dir()
    assert tether(monkeypatch, ["up", *options]) == 2
    assert told in capfd.readouterr().err
    assert bench.built == 0


def test_a_protected_mesh_is_not_removed_and_ends_with_5(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept: dict[str, Any] = {**cluster("cluster1"), "protect": True}
    bench.after_up(exported(stack(**OUTPUTS), random_id(), kept, cluster("cluster2")))
    tether(monkeypatch, ["up"])
    (bench.bin / "calls").unlink()

    for options in (["--yes"], ["--yes", "--force"], ["--dry-run"]):
        assert tether(monkeypatch, ["down", *options]) == 5

    assert bench.calls() == []
    told = capfd.readouterr().err
    assert "tether:protect = true" in told
    assert "pulumi config set 'tether:protect' false && make up && make down" in told
