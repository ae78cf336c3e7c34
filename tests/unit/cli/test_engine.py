"""The engine's answers are sorted, and it is ended in good order."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.unit.cli.workbench import calls, checkout, exported, install_pulumi, stack, write_state
from tether.cli.engine import Engine, EngineError, InterruptedRunError
from tether.errors import ExitCode, LockedError, NotFoundError, TetherError, UsageError

COUNTS_INTERRUPTS = """
    seen = []
    def note(number, frame):
        seen.append(number)
        (notes / "interrupts").write_text(str(len(seen)))
        raise SystemExit(1)
    signal.signal(signal.SIGINT, note)
    (notes / "started").touch()
    time.sleep(30)
    """


def engine(folder: Path, script: str, **environment: str) -> Engine:
    return Engine(checkout(folder), {**install_pulumi(folder / "bin", script), **environment})


def fails(text: str, code: int = 1) -> str:
    return f"print({text!r}, file=sys.stderr); sys.exit({code})"


def wait_for(file: Path) -> None:
    until = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < until, f"{file.name} was not written"
        time.sleep(0.02)


def test_every_command_names_the_stack_and_asks_nothing(tmp_path: Path) -> None:
    assert engine(tmp_path, "print('out')").ask("stack", "output") == "out\n"
    assert calls(tmp_path / "bin") == ["stack output --stack kind --non-interactive"]


def test_an_engine_that_is_missing_is_one_error_that_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(TetherError, match=r"is missing\. Make it with: make tools"):
        Engine(checkout(tmp_path), {"PATH": str(tmp_path)}).ask("stack", "export")


def test_what_is_given_on_standard_input_arrives(tmp_path: Path) -> None:
    assert engine(tmp_path, "print(sys.stdin.read())").ask("stack", "import", stdin="{}") == "{}\n"


@pytest.mark.parametrize("text", ["error: no stack named 'kind' found", "error: no stack selected; please use"])
def test_a_stack_that_is_not_there_is_not_found(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        engine(tmp_path, fails(text)).ask("stack", "output")
    assert caught.value.exit_code is ExitCode.NOT_FOUND


def test_a_stack_that_is_not_there_exports_nothing_and_only_of_a_shared_state_the_engine_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = engine(tmp_path, fails("error: no stack named 'kind' found"))
    assert (one.export(), calls(tmp_path / "bin")) == (None, [])
    monkeypatch.setenv("TETHER_BACKEND_URL", "s3://bucket")
    assert one.export() is None
    assert [call.split()[:2] for call in calls(tmp_path / "bin")] == [["stack", "export"]]


def test_a_state_that_the_engine_packed_is_left_to_it(tmp_path: Path) -> None:
    one = engine(tmp_path, "print('{\"version\": 3}')")
    packed = one.project.state / "stacks" / one.project.name / "kind.json.gz"
    packed.parent.mkdir(parents=True)
    packed.touch()
    assert one.export() == {"version": 3}


def test_the_state_is_read_without_asking_where_its_file_lies(tmp_path: Path) -> None:
    one = engine(tmp_path, fails("must not be called"))
    document = exported(stack())
    write_state(checkout(tmp_path / "other"), document)
    (tmp_path / "other" / ".tether").rename(tmp_path / ".tether")
    assert one.export() == document
    assert calls(tmp_path / "bin") == []


@pytest.mark.parametrize(
    ("environment", "subject"),
    [({"PULUMI_CONFIG_PASSPHRASE": "x"}, "PULUMI_CONFIG_PASSPHRASE"), ({}, ".tether/passphrase")],
)
def test_a_wrong_passphrase_is_one_error_that_says_which(
    tmp_path: Path, environment: dict[str, str], subject: str, capfd: pytest.CaptureFixture[str]
) -> None:
    one = engine(tmp_path, fails("error: get stack secrets manager: incorrect passphrase"), **environment)
    with pytest.raises(UsageError) as caught:
        one.run("up")
    assert caught.value.exit_code is ExitCode.USAGE
    (problem,) = caught.value.problems
    assert problem.subject == subject
    assert "incorrect passphrase" not in capfd.readouterr().err


def test_a_locked_stack_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(LockedError) as caught:
        engine(tmp_path, fails("error: the stack is currently locked by 1 lock(s).")).run("up")
    assert caught.value.exit_code is ExitCode.LOCKED


def test_a_failure_tells_the_last_complaint_and_the_way_on(tmp_path: Path) -> None:
    told = r"code 3: error: disk is full(.|\n)*tether doctor --stack kind(.|\n)*make up"
    with pytest.raises(EngineError, match=told) as caught:
        engine(tmp_path, fails("warning: using x from $PATH at /x\nerror: disk is full", 3)).run("up")
    assert caught.value.exit_code is ExitCode.FAILED


def test_a_run_talks_on_standard_error_without_noise(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = "print('display'); print('warning: using x from $PATH at /x\\nwarning: mind', file=sys.stderr)"
    engine(tmp_path, script).run("up")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "display" in captured.err
    assert "warning: mind" in captured.err
    assert "$PATH" not in captured.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_engine_once_and_waits_for_it(tmp_path: Path, number: signal.Signals) -> None:
    one = engine(tmp_path, COUNTS_INTERRUPTS)

    def interrupt() -> None:
        wait_for(tmp_path / "bin" / "started")
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(InterruptedRunError, match="make up"):
        one.run("up")
    killer.join()
    assert (tmp_path / "bin" / "interrupts").read_text() == "1"
    assert signal.getsignal(number) is before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_an_engine_whose_command_was_killed_is_cancelled_by_the_kernel(tmp_path: Path) -> None:
    environment = install_pulumi(tmp_path / "bin", COUNTS_INTERRUPTS)
    checkout(tmp_path)
    program = f"""
        import os, pathlib
        from tether.cli import project
        from tether.cli.engine import Engine
        Engine(project.find(pathlib.Path({str(tmp_path)!r}), "kind"), os.environ).run("up")
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], env=environment)
    wait_for(tmp_path / "bin" / "started")
    parent.kill()
    parent.wait()
    wait_for(tmp_path / "bin" / "interrupts")


def test_errors_are_all_of_one_family(tmp_path: Path) -> None:
    with pytest.raises(TetherError):
        engine(tmp_path, fails("x")).ask("stack", "export")
