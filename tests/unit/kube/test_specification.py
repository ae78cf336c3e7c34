"""What the first preview after ``up`` asks for is made while nobody waits."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tether import kube, specification


@dataclass
class Slow:
    """An API server that thinks until it is told to stop."""

    kubeconfig: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    heard: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def slow() -> Iterator[Slow]:
    found = Slow()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, self.headers["Accept"]))
            found.heard.set()
            found.stop.wait(30)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.kubeconfig = kubeconfig(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    found.stop.set()
    server.shutdown()
    server.server_close()


def kubeconfig(port: int) -> str:
    return json.dumps(
        {
            "current-context": "one",
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "clusters": [{"name": "one", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "one", "user": {"token": "token"}}],
        }
    )


def test_every_api_server_is_asked_once_and_not_waited_for(slow: Slow) -> None:
    with kube.connect(slow.kubeconfig) as one:
        specification.prepare([one, one])
    assert not slow.stop.is_set(), "nobody has answered"
    assert slow.heard.wait(10)
    assert slow.asked == [("/openapi/v2", specification.FORM)] * 2


def test_one_that_does_not_answer_at_all_spoils_nothing(slow: Slow) -> None:
    with kube.connect(kubeconfig(1)) as gone, kube.connect(slow.kubeconfig) as one:
        with pytest.raises(kube.KubeError, match="does not answer"):
            gone.begin("/openapi/v2", specification.FORM)
        specification.prepare([gone, one])
    assert slow.heard.wait(10)
