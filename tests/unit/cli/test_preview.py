"""``tether preview`` and ``tether drift`` with a stand-in for the engine."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.engine_bench import Bench, always, tether
from tests.unit.cli.workbench import calls, exported, install_pulumi, stack, write_state
from tether.cli import preview as preview_module
from tether.cli import project

ENGINE = """
    if arguments[0] == "preview":
        (notes / "backend").write_text(os.environ.get("PULUMI_BACKEND_URL", ""))
        log = pathlib.Path(arguments[arguments.index("--event-log") + 1])
        if (notes / "events").exists():
            log.write_text((notes / "events").read_text())
        if (notes / "complaint").exists():
            print((notes / "complaint").read_text(), file=sys.stderr)
            sys.exit(1)
    elif arguments[:2] == ["stack", "export"]:
        print("error: no stack named 'kind' found", file=sys.stderr)
        sys.exit(6)
    elif arguments[:2] == ["stack", "init"]:
        with open("stacks/Pulumi.kind.yaml", "a") as file:
            file.write("encryptionsalt: v1:abc\\n")
    """
SUMMARY = {"summaryEvent": {"resourceChanges": {"same": 4}}}
CHANGE = {
    "resourcePreEvent": {
        "metadata": {"op": "update", "urn": "urn:pulumi:kind::tether::a:b:C::west", "type": "a:b:C", "diffs": ["port"]}
    }
}
REFUSAL = {
    "policyEvent": {"policyName": "names", "policyPackName": "ours", "enforcementLevel": "mandatory", "message": "no"}
}


@pytest.fixture
def engine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    environment = install_pulumi(bench.bin, ENGINE)
    monkeypatch.setattr(project, "full_environment", always(environment))
    monkeypatch.setattr(preview_module, "build_tools", bench._build)  # pyright: ignore[reportPrivateUsage]
    return bench


def up(bench: Bench, *events: object) -> None:
    write_state(bench.place, exported(stack()))
    (bench.bin / "events").write_text("".join(f"{json.dumps(event)}\n" for event in events))


def asked(bench: Bench) -> str:
    return next(call for call in calls(bench.bin) if call.startswith("preview"))


def test_a_preview_that_finds_changes_is_fine_and_drift_is_not(
    engine: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    up(engine, CHANGE, SUMMARY)
    assert tether(monkeypatch, ["preview", "--output", "json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document["kind"], document["verdict"]) == ("preview", "1 to change, 4 unchanged.")
    assert tether(monkeypatch, ["drift", "--output", "json"]) == 7
    assert json.loads(capfd.readouterr().out)["kind"] == "drift"


def test_drift_looks_at_what_is_really_there_and_a_preview_only_when_asked(
    engine: Bench, monkeypatch: pytest.MonkeyPatch
):
    up(engine, SUMMARY)
    assert tether(monkeypatch, ["preview"]) == 0
    assert "--refresh" not in asked(engine)
    (engine.bin / "calls").unlink()
    assert tether(monkeypatch, ["drift"]) == 0
    assert "--refresh" in asked(engine)


def test_a_mandatory_policy_is_exit_code_5_and_the_comment_is_written_all_the_same(
    engine: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "PulumiPolicy.yaml").touch()
    up(engine, CHANGE, REFUSAL, SUMMARY)
    (engine.bin / "complaint").write_text("error: preview failed")
    arguments = ["preview", "--policy-pack", "ours", "--output", "markdown", "--out", "preview.md"]
    assert tether(monkeypatch, arguments) == 5
    assert "refused by 1 policy" in Path("preview.md").read_text()
    assert f"--policy-pack={tmp_path / 'ours'}" in asked(engine)


def test_a_pack_that_is_not_there_is_a_mistake_of_the_command(engine: Bench, monkeypatch: pytest.MonkeyPatch):
    up(engine, SUMMARY)
    assert tether(monkeypatch, ["preview", "--policy-pack", "nowhere"]) == 2
    assert not (engine.bin / "calls").exists()


def test_an_error_of_the_program_is_told_and_exit_code_1(
    engine: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    up(engine, {"diagnosticEvent": {"severity": "error", "message": "no such chart"}}, SUMMARY)
    (engine.bin / "complaint").write_text("error: preview failed")
    assert tether(monkeypatch, ["preview"]) == 1
    assert "error: no such chart" in capfd.readouterr().out


def test_what_the_engine_refuses_before_it_begins_is_one_error_with_the_way_out(
    engine: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    up(engine)
    (engine.bin / "complaint").write_text("error: incorrect passphrase")
    assert tether(monkeypatch, ["preview"]) == 2
    assert "The passphrase does not fit" in capfd.readouterr().err


def test_a_stack_that_was_never_made_is_held_against_an_empty_one_and_its_file_stays_as_it_is(
    engine: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    (engine.bin / "events").write_text(json.dumps(SUMMARY))
    written = engine.place.stack_file.read_text()
    assert tether(monkeypatch, ["preview"]) == 0
    backend = (engine.bin / "backend").read_text()
    assert backend.startswith("file:///")
    assert not Path(backend.removeprefix("file://")).exists()
    assert engine.place.stack_file.read_text() == written
    assert "not there yet" in capfd.readouterr().err


def test_of_a_stack_that_was_never_made_nothing_can_have_drifted(
    engine: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    (engine.bin / "complaint").write_text("error: no stack named 'kind' found")
    assert tether(monkeypatch, ["drift"]) == 6
    assert "make up" in capfd.readouterr().err


def test_wrong_settings_are_told_before_the_engine_is_asked(engine: Bench, monkeypatch: pytest.MonkeyPatch):
    engine.place.stack_file.write_text("config: {tether:trustDomain: 'no domain'}\n")
    assert tether(monkeypatch, ["preview"]) == 2
    assert not (engine.bin / "calls").exists()
