"""A small Python language host for the Pulumi engine.

The official host is not published as a package. This one serves the same
``pulumirpc.LanguageRuntime`` for the two things that Tether needs: to run a
Python program, and to run a Python plugin (``PulumiPlugin.yaml``), both with the
interpreter that runs the host. Where the official Pulumi is installed, its own
host is used instead and this file is not touched.

Protocol: the engine starts ``pulumi-language-python … <engine address>``, reads a
port number from the first line of standard output, and calls that port on the
loopback interface. What is not implemented answers UNIMPLEMENTED.
"""

import os
import queue
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.errors import RunError
from pulumi.runtime import settings as sdk
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

PLUGIN_GRACE_SECONDS = 10.0
"""How long a plugin may take to end itself before it is killed; ours removes half-made clusters meanwhile."""

ENGINE_CHECK_SECONDS = 0.5

UNLIMITED_MESSAGES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Host(LanguageServer):
    """Runs programs in this process and plugins in processes of their own."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(program=lambda: None)
        self.engine_address = engine_address
        self.children: set[subprocess.Popen[bytes]] = set()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Take the engine's address; it replaces the one of the command line."""
        self.engine_address = request.engine_address or self.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Say which version of the SDK programs run with."""
        from importlib.metadata import version

        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802 - as above
        """Install nothing: what programs and plugins need is in the environment that runs this host."""
        yield from ()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Run the program; its errors are already in the engine's log when this returns."""
        directory = Path(request.info.program_directory or request.pwd)
        entry_point = directory / (request.info.entry_point or ".")
        os.chdir(directory)
        sys.path.insert(0, str(directory))
        self.program = lambda: run_program(entry_point)
        if not request.args:
            request.args.append(self.engine_address)
        result: Any = super().Run(request, cast(Any, context))  # pyright: ignore[reportUnknownMemberType]
        return language_pb2.RunResponse(bail=True) if result.error else result

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802 - the protocol's name
        """Run a plugin's folder; stream its output, then its exit code."""
        folder = request.info.program_directory or request.program
        child = subprocess.Popen(
            [interpreter_of(request.info), "-u", folder, *request.args],
            cwd=request.pwd or None,
            env=dict(pair.split("=", 1) for pair in request.env) or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.children.add(child)
        context.add_callback(lambda: end(child))
        yield from output_of(child)
        self.children.discard(child)
        yield language_pb2.RunPluginResponse(exitcode=child.wait())

    def close(self) -> None:
        """End every plugin that is still there."""
        for child in tuple(self.children):
            end(child)


def interpreter_of(info: Any) -> str:
    """Python of the virtual environment that a plugin names, else the one that runs this host.

    Args:
        info: ``ProgramInfo`` of the protocol; its options are those under ``runtime`` in the plugin's file.
    """
    named = dict(info.options).get("virtualenv")
    interpreter = Path(info.root_directory, str(named), "bin", "python")
    return str(interpreter) if named and interpreter.exists() else sys.executable


def run_program(entry_point: Path) -> None:
    """Run the user's program as ``__main__``.

    Raises:
        RunError: the program failed; the text is the user's own traceback, without
            the frames of this host and of the runtime around it.
    """
    try:
        runpy.run_path(str(entry_point), run_name="__main__")
    except RunError:
        raise
    except Exception as error:
        raise RunError(traceback_of_program(error, entry_point)) from error


def explain_unavailable() -> None:
    """Have programs quote why the engine did not answer.

    The SDK takes every such error for the engine's own end and leaves the reason out
    (``pulumi/runtime/settings.py``), but it may be about a plugin, or about the connection.
    """
    of_sdk = sdk.grpc_error_to_exception

    def explained(error: Any) -> Exception:
        found = of_sdk(error)
        return RunError(f"{found}: {error.details()}") if isinstance(found, RunError) else found

    sdk.grpc_error_to_exception = explained


def traceback_of_program(error: BaseException, entry_point: Path) -> str:
    """The traceback from the program's first own frame on."""
    root = str(entry_point if entry_point.is_dir() else entry_point.parent)
    frames = traceback.extract_tb(error.__traceback__)
    own = next((index for index, frame in enumerate(frames) if frame.filename.startswith(root)), 0)
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames[own:])]
    return "".join([*lines, *traceback.format_exception_only(error)])


def from_stdout(chunk: bytes) -> language_pb2.RunPluginResponse:
    """One piece of a plugin's standard output, as the protocol carries it."""
    return language_pb2.RunPluginResponse(stdout=chunk)


def from_stderr(chunk: bytes) -> language_pb2.RunPluginResponse:
    """One piece of a plugin's standard error, as the protocol carries it."""
    return language_pb2.RunPluginResponse(stderr=chunk)


def output_of(child: subprocess.Popen[bytes]) -> Iterator[Any]:
    """Both streams of a child, in the order of arrival, until both are closed."""
    chunks: queue.Queue[Any] = queue.Queue()

    def pump(stream: IO[bytes], respond: Callable[[bytes], Any]) -> None:
        while chunk := os.read(stream.fileno(), 65536):
            chunks.put(respond(chunk))
        chunks.put(None)

    threading.Thread(target=pump, args=(child.stdout, from_stdout), daemon=True).start()
    threading.Thread(target=pump, args=(child.stderr, from_stderr), daemon=True).start()
    for _stream in ("stdout", "stderr"):
        yield from iter(chunks.get, None)


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a plugin's process group to end, and kill what is left of it."""
    for request, patience in ((signal.SIGTERM, PLUGIN_GRACE_SECONDS), (signal.SIGKILL, PLUGIN_GRACE_SECONDS)):
        if child.poll() is not None:
            return
        try:
            os.killpg(child.pid, request)
            child.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def wait_for_the_end(stopped: threading.Event) -> None:
    """Return on a signal, or when the engine that started this host is gone."""
    engine = os.getppid()
    while not stopped.wait(ENGINE_CHECK_SECONDS):
        if os.getppid() != engine:
            return


def serve(engine_address: str) -> None:
    """Serve one engine until it ends."""
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=UNLIMITED_MESSAGES)
    explain_unavailable()
    host = Host(engine_address)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    # SIGINT is how the engine ends a plugin; it runs them in groups of their own, out of reach of Ctrl-C,
    # and waits five seconds for those that do not listen.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    wait_for_the_end(stopped)
    host.close()
    server.stop(grace=None)
    sys.stdout.flush()
    # The program is over and its threads own nothing; joining them would only keep the engine waiting.
    os._exit(0)


def main() -> None:
    """Entry point: the last argument is the engine's address."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    serve(addresses[-1] if addresses else "")


if __name__ == "__main__":
    main()
