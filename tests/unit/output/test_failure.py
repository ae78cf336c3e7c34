"""A failure for programs: one document on standard output, all that is wrong in it, and the same exit code."""

import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.cli.engine_bench import Bench
from tests.unit.cli.remote_world import World
from tests.unit.cli.workbench import STACK_YAML, checkout
from tests.unit.output.conftest import Typed
from tests.unit.output.golden import compare, parsed
from tests.unit.output.test_documents import means
from tests.unit.preflight.test_checks import GOOD
from tests.unit.verify import fake_mesh
from tests.unit.verify.fake_mesh import Faults
from tether.cli import doctor, failure, locks, main, page, variables, verify
from tether.errors import UsageError

WRONG = """\
config:
  tether:meshId: My Mesh
  tether:clusters:
    - {name: cluster1, role: primary, network: network1}
    - {name: cluster2, role: remote, network: network1, kubeconfg: secret-in-a-misspelt-key}
"""


def test_every_mistake_in_the_settings_is_told_with_its_field_and_its_fix(bench: Bench, typed: Typed) -> None:
    bench.place.stack_file.write_text(WRONG)
    code, out, err = typed("up", "-o", "json")
    told = compare("error-settings", out)
    assert (code, told["exitCode"]) == (2, 2)
    assert len(told["problems"]) > 2
    for problem in told["problems"]:
        assert problem["subject"] in err
        assert all(problem[name] for name in ("subject", "wrong", "why", "fix"))
    assert "secret-in-a-misspelt-key" not in out + err
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("words", "subject", "says"),
    [
        (("up", "--frobnicate", "-o", "json"), "tether up", "--frobnicate"),
        (("-o", "json", "verify", "--requests", "0"), "--requests", "greater than or equal to 1"),
        (("--output=json", "remote", "remove"), "name", "Missing argument"),
        (("-o", "json", "remote"), "tether remote", "Missing command"),
        (("-o", "json"), "tether", "Missing command"),
        (("frobnicate", "-ojson"), "tether", "frobnicate"),
        (("verify", "--dry-run", "-o", "json"), "", ""),
    ],
)
def test_a_command_line_that_nobody_can_carry_out(
    typed: Typed, words: tuple[str, ...], subject: str, says: str
) -> None:
    code, out, err = typed(*words)
    told = parsed(out)
    assert (code, told["kind"], told["exitCode"], told["reason"]) == (2, "error", 2, "usage")
    assert told["message"] in err
    if subject:
        (problem,) = told["problems"]
        assert problem["subject"] == subject
        assert says in problem["wrong"]
        assert problem["fix"].startswith("tether")
        assert problem["fix"].endswith(" --help")


def test_a_mistake_in_the_command_line_is_told_to_people_by_typer(typed: Typed) -> None:
    code, out, err = typed("up", "--frobnicate")
    assert (code, out) == (2, "")
    assert "No such option: --frobnicate" in err


def test_a_wrong_command_line_is_a_kept_document(typed: Typed) -> None:
    compare("error-usage", typed("verify", "--requests", "0", "-o", "json")[1])


def test_the_error_on_the_reference_page_is_a_real_one(bench: Bench, typed: Typed) -> None:
    bench.place.stack_file.write_text(STACK_YAML + "  tether:meshId: My Mesh\n")
    _, out, _ = typed("settings", "show", "--stack", "kind", "-o", "json")
    assert f"```json\n{out}```" in page.render()


def test_a_machine_that_cannot_carry_the_mesh(bench: Bench, typed: Typed) -> None:
    bench.facts = replace(GOOD, runtimes={})
    code, out, _ = typed("up", "-o", "json")
    told = parsed(out)
    assert (code, told["exitCode"], told["reason"]) == (3, 3, "preflight")
    assert told["problems"][0]["fix"]


def test_a_stack_that_is_in_use(world: World, typed: Typed) -> None:
    with locks.alone(world.place):
        code, out, _ = typed("remote", "remove", "west", "--stack", "kind", "--yes", "-o", "json")
    assert (code, parsed(out)["exitCode"], parsed(out)["reason"]) == (4, 4, "locked")


def test_tools_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    code, out, _ = typed("env", "--stack", "kind", "-o", "json")
    told = compare("error-no-tools", out, tmp_path)
    assert (code, told["exitCode"], told["reason"]) == (6, 6, "not-found")


def test_an_engine_that_failed(bench: Bench, typed: Typed) -> None:
    (bench.bin / "fail").touch()
    code, out, _ = typed("up", "-o", "json")
    assert (code, parsed(out)["exitCode"]) == (1, 1)
    assert "make down" in parsed(out)["message"]


def test_nobody_is_there_to_be_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    typed("up")
    monkeypatch.setattr(sys, "stdin", Path("/dev/null").open())  # noqa: SIM115 - pytest closes it
    code, out, err = typed("down", "-o", "json")
    assert (code, parsed(out)["kind"]) == (2, "error")
    assert "urn:pulumi:kind::tether" in err


def test_a_signal_is_told_with_the_exit_code_that_shells_expect(monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    mesh = fake_mesh.FakeMesh("cluster1", "cluster2", faults=Faults(unreachable={("cluster1", "cluster2")}))
    mesh.clusters["cluster1"].before_ask = lambda: signal.raise_signal(signal.SIGTERM)
    means(monkeypatch, verify, mesh.mesh)
    code, out, _ = typed("verify", "-o", "json", "--image", "app", "--only", "http", "--timeout", "30")
    assert code == 143
    compare("error-interrupted", out)


def test_a_mistake_of_ours_is_a_document_and_a_crash_message_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("token: t0ken-of-the-reader")

    monkeypatch.setattr(doctor, "rights", broken)
    monkeypatch.setattr(sys, "argv", ["tether", "doctor", "--rights", "-o", "json"])
    with pytest.raises(LookupError):
        main.main()
    told = parsed(capfd.readouterr().out)
    assert (told["exitCode"], "LookupError" in told["message"]) == (1, True)
    assert "t0ken" not in str(told)


def test_no_secret_gets_into_the_document_of_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, typed: Typed
) -> None:
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6.eyJpc3MiOiJrdWJlcm5ldGVz.c2lnbmF0dXJl"

    def refuse(*_: object) -> None:
        raise UsageError(f"Bearer {token} is refused")

    monkeypatch.setattr(variables, "show", refuse)
    _, out, err = typed("env", "-o", "json")
    assert "[secret]" in parsed(out)["message"]
    assert token not in out + err


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("up -o json", True),
        ("up -ojson", True),
        ("doctor -wo json", True),
        ("up --output json", True),
        ("--output=json up", True),
        ("-o json up -o text", False),
        ("up -o text --output json", True),
        ("up", False),
        ("up --output", False),
        ("trace --out json", False),
        ("trace --record json", False),
        ("up -- -o json", False),
    ],
)
def test_json_is_asked_for_in_every_way_that_options_are_written(words: str, *, asked: bool) -> None:
    assert failure.asks_for_json(words.split()) is asked
