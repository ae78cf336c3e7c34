import json
import os
import ssl
import stat
import sys
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from tether_provider import certificates

from tests.provider.fake_machine import Machine
from tests.provider.provider_harness import Plugin, Told, listening

FAKE_TOOLS = Path(__file__).parent
Answer = Callable[[Any, str], tuple[int, Any]]


class FakeApi:
    """An API server that answers what it was given and keeps what it is told, over TLS.

    Where it was given a function, that gets the body of a POST and the credential, and says status and answer.
    """

    def __init__(self, folder: Path) -> None:
        self.answers: dict[str, Any] = {}
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(answers.get(self._place))

            def do_POST(self) -> None:
                body = self._body()
                if callable(answers.get(self._place)):
                    make = cast("Answer", answers[self._place])
                    status, answer = make(body, self.headers["Authorization"])
                    self._answer(answer, status)
                    return
                answers[f"{self._place}/{body['metadata']['name']}"] = body
                self._answer(body)

            def do_PATCH(self) -> None:
                found = answers.get(self._place)
                if found is not None:
                    _merge(found, self._body())
                self._answer(found)

            def do_DELETE(self) -> None:
                self._answer(answers.pop(self._place, None))

            @property
            def _place(self) -> str:
                return self.path.partition("?")[0]

            def _body(self) -> Any:
                return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

            def _answer(self, found: Any, status: int = 200) -> None:
                body = json.dumps(found if found is not None else {"message": "not found"}).encode()
                self.send_response(status if found is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...

        authority = certificates.make_root("ecdsa-p256", 1, "Test")
        pem = folder / "api.pem"
        pem.write_text(authority.certificate_pem + authority.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _merge(found: dict[str, Any], patch: dict[str, Any]) -> None:
    """A merge patch (RFC 7386), in place."""
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            _merge(found.setdefault(key, {}), cast("dict[str, Any]", value))
        else:
            found[key] = value


@pytest.fixture(scope="module")
def machine_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("machine")
    (home / "bin").mkdir()
    for program in ("podman", "docker", "kind"):
        script = home / "bin" / program
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{FAKE_TOOLS}/fake_{program}.py" "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return home


@pytest.fixture(scope="module")
def api_server(machine_home: Path) -> Generator[FakeApi]:
    api = FakeApi(machine_home)
    yield api
    api.close()


@pytest.fixture
def machine(machine_home: Path, api_server: FakeApi) -> Machine:
    """A machine with a network of the environment 0a0a0a0a and nothing else on it."""
    machine = Machine(machine_home, api_server.answers, api_server.url)
    machine.reset()
    return machine


@pytest.fixture(scope="module")
def tool_environment(machine_home: Path) -> dict[str, str]:
    return {
        "PATH": f"{machine_home / 'bin'}:{os.environ['PATH']}",
        "FAKE_ROOT": str(machine_home),
        "KIND_EXPERIMENTAL_PROVIDER": "podman",
    }


@pytest.fixture(scope="module")
def shared_plugin(tool_environment: dict[str, str]) -> Generator[Plugin]:
    plugin = Plugin(tool_environment)
    yield plugin
    plugin.close()


@pytest.fixture
def plugin(shared_plugin: Plugin, machine: Machine) -> Plugin:
    """A running plugin on the fake machine; not for tests that cancel, because that is for good."""
    return shared_plugin


@pytest.fixture
def start_plugin(tool_environment: dict[str, str], machine: Machine) -> Generator[Callable[..., Plugin]]:
    """Starts plugins of a test's own."""
    started: list[Plugin] = []

    def start(engine: str = "127.0.0.1:1", **environment: str) -> Plugin:
        started.append(Plugin({**tool_environment, **environment}, engine))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.close()


@pytest.fixture
def told() -> Generator[Told]:
    """An engine that listens; its address is for ``start_plugin``."""
    with listening() as engine:
        yield engine
