"""The language host, spoken to as the engine does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.errors import RunError
from pulumi.runtime import settings as sdk
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from toolchain import language_host

PROJECT = Path(__file__).parents[2]


class Running:
    """A host process and a client."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "toolchain.language_host", "-root=/", "127.0.0.1:1"],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.stub: Any = language_pb2_grpc.LanguageRuntimeStub(self.channel)

    def run_plugin(self, folder: Path, *args: str, env: dict[str, str] | None = None) -> Any:
        variables = [f"{name}={value}" for name, value in {**os.environ, **(env or {})}.items()]
        info = language_pb2.ProgramInfo(program_directory=str(folder))
        return self.stub.RunPlugin(
            language_pb2.RunPluginRequest(pwd=str(folder), args=args, env=variables, info=info), timeout=30
        )


@pytest.fixture
def host() -> Iterator[Running]:
    running = Running()
    yield running
    running.channel.close()
    running.process.terminate()
    running.process.wait(timeout=15)


def write(folder: Path, text: str) -> Path:
    (folder / "__main__.py").write_text(text)
    return folder


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_names_the_version_of_the_sdk(host: Running) -> None:
    assert host.stub.GetPluginInfo(empty_pb2.Empty()).version == version("pulumi")


def test_what_it_cannot_do_answers_unimplemented(host: Running) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.GenerateProject(language_pb2.GenerateProjectRequest())
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_plugin_s_output_and_exit_code_come_back(host: Running, tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        "import os, sys\n"
        "print('to stdout', sys.argv[1], os.environ['TOLD'])\n"
        "print('to stderr', file=sys.stderr)\n"
        "sys.exit(3)\n",
    )
    responses = list(host.run_plugin(folder, "argument", env={"TOLD": "yes"}))
    assert b"".join(one.stdout for one in responses) == b"to stdout argument yes\n"
    assert b"".join(one.stderr for one in responses) == b"to stderr\n"
    assert responses[-1].exitcode == 3


def test_a_cancelled_plugin_ends_with_what_it_started(host: Running, tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n",
    )
    stream = host.run_plugin(folder)
    grandchild = int(next(stream).stdout)
    assert alive(grandchild)
    stream.cancel()
    eventually(lambda: not alive(grandchild))


def test_plugins_end_with_the_host(tmp_path: Path) -> None:
    folder = write(tmp_path, "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
    running = Running()
    plugin = int(next(running.run_plugin(folder)).stdout)
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(timeout=15)
    eventually(lambda: not alive(plugin))
    running.channel.close()


def test_it_ends_at_once_when_the_engine_closes_it(host: Running) -> None:
    """Observed: with SIGINT ignored every command of the engine took ten seconds longer."""
    host.process.send_signal(signal.SIGINT)
    assert host.process.wait(timeout=2) == 0


def test_an_engine_that_does_not_answer_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Observed: ``Resource monitor has terminated, shutting down`` and nothing else, in run after run."""
    monkeypatch.setattr(sdk, "grpc_error_to_exception", sdk.grpc_error_to_exception)
    language_host.explain_unavailable()
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        nobody: Any = language_pb2_grpc.LanguageRuntimeStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            nobody.GetPluginInfo(empty_pb2.Empty())
    with pytest.raises(RunError, match="Connection refused"):
        sdk.handle_grpc_error(caught.value)


def test_a_failing_program_shows_its_own_frames_only(tmp_path: Path) -> None:
    write(tmp_path, "def deep():\n    raise ValueError('boom')\n\n\ndeep()\n")
    with pytest.raises(RunError) as caught:
        language_host.run_program(tmp_path)
    text = str(caught.value)
    assert text.startswith("Traceback (most recent call last):")
    assert "ValueError: boom" in text
    assert "deep()" in text
    assert "runpy" not in text
    assert "language_host" not in text


def test_a_program_that_says_it_cannot_run_is_quoted_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "import pulumi\nraise pulumi.RunError('a clean sentence')\n")
    with pytest.raises(RunError) as caught:
        language_host.run_program(tmp_path)
    assert str(caught.value) == "a clean sentence"


def test_a_plugin_runs_with_the_virtual_environment_that_its_file_names(tmp_path: Path) -> None:
    interpreter = tmp_path / ".venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.touch()
    info = language_pb2.ProgramInfo(root_directory=str(tmp_path))

    assert language_host.interpreter_of(info) == sys.executable
    info.options.update({"virtualenv": ".venv"})
    assert language_host.interpreter_of(info) == str(interpreter)
    info.options.update({"virtualenv": "elsewhere"})
    assert language_host.interpreter_of(info) == sys.executable
