"""A front of an API server: passes everything on, but says another version of Kubernetes."""

import contextlib
import http.client
import http.server
import json
import ssl
import threading
from base64 import b64decode, b64encode
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.e2e.breaking.before import server

HOST = "localhost"
SECONDS = 30
DROPPED = frozenset({"transfer-encoding", "connection", "content-length"})
"""Headers that say how an answer came, not what it is."""
OWN = frozenset({"host", "authorization"})
"""Headers by which the front is asked, and not what is behind it."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """Where it is, and what came by."""

    kubeconfig: str
    """Leads to the front; who passes it is known to the API server as the user of the kubeconfig behind it."""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Method and path of every request, in order."""


@contextlib.contextmanager
def front(kubeconfig: str, version: str, folder: Path) -> Generator[Front]:
    """Stand before an API server for the length of a block.

    Args:
        kubeconfig: of the API server, with a client certificate as kind gives it.
        version: what ``/version`` says instead of the truth, as ``v1.28.15``.
        folder: private and empty, for keys.
    """
    certificate, key = server(HOST, 1)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(*_files(folder, "front", certificate, key))
    behind, trust = _behind(kubeconfig, folder)
    asked: list[tuple[str, str]] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(behind, trust, version, asked)) as listener:
        listener.daemon_threads = True
        listener.socket = shown.wrap_socket(listener.socket, server_side=True)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield Front(kubeconfig=_kubeconfig(listener.server_address[1], certificate), asked=asked)
        finally:
            listener.shutdown()


def _files(folder: Path, name: str, certificate: str, key: str) -> tuple[Path, Path]:
    files = folder / f"{name}.crt", folder / f"{name}.key"
    for file, text in zip(files, (certificate, key), strict=True):
        file.touch(mode=0o600)
        file.write_text(text)
    return files


def _behind(kubeconfig: str, folder: Path) -> tuple[str, ssl.SSLContext]:
    """Host with port of the API server, and the way to know it and to be known."""
    document: Any = yaml.safe_load(kubeconfig)
    (cluster,), (user,) = document["clusters"], document["users"]
    texts = [b64decode(user["user"][f"client-{part}-data"]).decode() for part in ("certificate", "key")]
    trust = ssl.create_default_context(cadata=b64decode(cluster["cluster"]["certificate-authority-data"]).decode())
    trust.load_cert_chain(*_files(folder, "behind", *texts))
    return urlsplit(str(cluster["cluster"]["server"])).netloc, trust


def _kubeconfig(port: int, certificate: str) -> str:
    trust = b64encode(certificate.encode()).decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "front", "cluster": {"server": f"https://{HOST}:{port}", "certificate-authority-data": trust}}
            ],
            "users": [{"name": "front", "user": {"token": "none"}}],
            "contexts": [{"name": "front", "context": {"cluster": "front", "user": "front"}}],
            "current-context": "front",
        }
    )


def _handler(
    behind: str, trust: ssl.SSLContext, version: str, asked: list[tuple[str, str]]
) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            asked.append((self.command, self.path))
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {key: value for key, value in self.headers.items() if key.lower() not in OWN}
            connection = http.client.HTTPSConnection(behind, context=trust, timeout=SECONDS)
            with contextlib.closing(connection):
                connection.request(self.command, self.path, sent, headers)
                answer = connection.getresponse()
                body = answer.read()
            if urlsplit(self.path).path == "/version":
                _, minor, _ = version.removeprefix("v").split(".")
                body = json.dumps({**json.loads(body), "gitVersion": version, "minor": minor}).encode()
            self.send_response(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in DROPPED:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            """Say nothing."""

    return Handler
