"""Conversations with a server that stands in for istiod on this machine: TLS, names, headers, refusals."""

import contextlib
import dataclasses
import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from cryptography import x509

from tests.unit.trace.authority import Authority, new_key, pem, private
from tether.trace import istiod, messages

HOST = "istiod.istio-system.svc"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJl"
RPC: Any = cast("Any", grpc)


@dataclass
class Istiod:
    """What the server saw, and what it is to do."""

    authority: Authority
    port: int = 0
    refusal: str = ""
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    requests: list[bytes] = field(default_factory=list[bytes])
    clients: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def endpoint(self, **changes: str) -> istiod.Endpoint:
        known = istiod.Endpoint(address="127.0.0.1", port=self.port, host=HOST, root=pem(self.authority.root))
        return dataclasses.replace(known, **cast("Any", changes))

    def sign(self, request: bytes, context: Any) -> bytes:
        self._look(context)
        self.requests.append(request)
        return b"\x0a\x04leaf\x0a\x04root"

    def stream(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        self._look(context)
        self.requests.append(next(requests))
        yield b"\x12\x05\x1a\x03one" + b"\x2a\x017"
        self.requests += requests

    def _look(self, context: Any) -> None:
        self.headers.append(dict(context.invocation_metadata()))
        self.clients.append(dict(context.auth_context()))
        if self.refusal:
            context.abort(RPC.StatusCode.UNAUTHENTICATED, self.refusal)


@pytest.fixture
def server() -> Iterator[Istiod]:
    with serving(asks_for_certificates=False) as found:
        yield found


@contextlib.contextmanager
def serving(*, asks_for_certificates: bool) -> Generator[Istiod]:
    authority, key = Authority(), new_key()
    leaf = authority.leaf(x509.DNSName(HOST), key=key, now=datetime.datetime.now(datetime.UTC))
    found = Istiod(authority)
    service, method = messages.CREATE_CERTIFICATE[1:].split("/")
    streams, stream = messages.DELTA_RESOURCES[1:].split("/")
    handlers = (
        RPC.method_handlers_generic_handler(service, {method: RPC.unary_unary_rpc_method_handler(found.sign)}),
        RPC.method_handlers_generic_handler(streams, {stream: RPC.stream_stream_rpc_method_handler(found.stream)}),
    )
    made = RPC.server(ThreadPoolExecutor(4), handlers=handlers)
    credentials = RPC.ssl_server_credentials(
        [(private(key), (pem(leaf) + pem(authority.root)).encode())],
        pem(authority.root).encode(),
        asks_for_certificates,
    )
    found.port = made.add_secure_port("127.0.0.1:0", credentials)
    made.start()
    yield found
    made.stop(None).wait()


def test_a_request_carries_token_and_cluster_id(server: Istiod) -> None:
    with istiod.Channel(server.endpoint(), "c2", TOKEN) as channel:
        assert channel.sign("csr", 600) == ("leaf", "root")

    assert server.requests == [messages.certificate_request("csr", 600)]
    assert server.headers[0]["clusterid"] == "c2"
    assert server.headers[0]["authorization"] == f"Bearer {TOKEN}"


def test_without_a_token_the_header_is_left_out(server: Istiod) -> None:
    with istiod.Channel(server.endpoint(), "c2", "") as channel:
        channel.sign("csr", 600)

    assert "authorization" not in server.headers[0]


def test_a_certificate_is_shown_where_there_is_one(tmp_path: Path) -> None:
    key, identity = new_key(), "spiffe://cluster.local/ns/a/sa/b"
    with serving(asks_for_certificates=True) as server:
        leaf = server.authority.leaf(
            x509.UniformResourceIdentifier(identity), key=key, now=datetime.datetime.now(datetime.UTC)
        )
        file = tmp_path / "client.pem"
        file.write_bytes(pem(leaf).encode() + private(key))

        with istiod.Channel(server.endpoint(), "c2", TOKEN, file) as channel:
            channel.sign("csr", 600)

    assert server.clients[0]["x509_subject_alternative_name"] == [identity.encode()]


def test_a_stream_gives_the_names_and_accepts_them(server: Istiod) -> None:
    with istiod.Channel(server.endpoint(), "c2", TOKEN) as channel:
        assert channel.discover("node", {"NAMESPACE": "a"}) == ["one"]

    assert server.requests[0] == messages.first_request("node", {"NAMESPACE": "a"}, messages.CLUSTER_TYPE)


def test_a_refusal_is_the_servers_own_words_without_the_token(server: Istiod) -> None:
    server.refusal = f"cannot take {TOKEN}, sorry"

    with istiod.Channel(server.endpoint(), "c2", TOKEN) as channel:
        for call in (lambda: channel.sign("csr", 600), lambda: channel.discover("node", {})):
            with pytest.raises(istiod.CallError) as caught:
                call()
            assert caught.value.code == "UNAUTHENTICATED"
            assert str(caught.value) == "UNAUTHENTICATED: cannot take [secret], sorry"


@pytest.mark.parametrize("wrong", ["root", "host"])
def test_a_server_that_does_not_prove_to_be_istiod_is_told_nothing(server: Istiod, wrong: str) -> None:
    other = {"root": pem(Authority().root), "host": "istiod.other.svc"}[wrong]

    with (
        istiod.Channel(server.endpoint(**{wrong: other}), "c2", TOKEN) as channel,
        pytest.raises(istiod.CallError) as caught,
    ):
        channel.sign("csr", 600)

    assert caught.value.code == "UNAVAILABLE"
    assert server.headers == []


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[tuple[Istiod, dict[str, Any]]]:
    authority, key = Authority(), new_key()
    leaf = authority.leaf(x509.DNSName(HOST), key=key, now=datetime.datetime.now(datetime.UTC))
    file = tmp_path / "server.pem"
    file.write_bytes(private(key) + pem(leaf).encode())
    seen: dict[str, Any] = {"status": 200, "answer": {"response": {"allowed": True}}}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen["path"], seen["host"] = self.path, self.headers["Host"]
            seen["body"] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = json.dumps(seen["answer"]).encode()
            self.send_response(seen["status"])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...

    made = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield Istiod(authority, made.server_port), seen
    made.shutdown()
    made.server_close()


def test_the_webhook_is_asked_as_an_api_server_asks(webhook: tuple[Istiod, dict[str, Any]]) -> None:
    found, seen = webhook

    answer = istiod.review(found.endpoint(), "/inject/cluster/c2/net/n2", "a", {"kind": "Pod"})

    assert answer == {"allowed": True}
    assert (seen["path"], seen["host"]) == ("/inject/cluster/c2/net/n2", f"{HOST}:{found.port}")
    request = seen["body"]["request"]
    assert (request["namespace"], request["operation"], request["dryRun"]) == ("a", "CREATE", True)


@pytest.mark.parametrize(
    ("status", "answer", "code"), [(500, {}, "HTTP 500"), (200, {}, "HTTP 200"), (200, [], "HTTP 200")]
)
def test_an_answer_that_is_no_review_is_an_error(
    webhook: tuple[Istiod, dict[str, Any]], status: int, answer: Any, code: str
) -> None:
    found, seen = webhook
    seen.update(status=status, answer=answer)

    with pytest.raises(istiod.CallError) as caught:
        istiod.review(found.endpoint(), "/inject", "a", {})

    assert caught.value.code == code
