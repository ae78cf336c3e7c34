import base64
import json
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tether import kube


class Server:
    """An API server that records what it is asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                path, _, query = self.path.partition("?")
                outer.requests.append(
                    {
                        "method": self.command,
                        "path": path,
                        "query": query,
                        "headers": dict(self.headers),
                        "body": json.loads(body) if body else None,
                    }
                )
                status, content = outer.answers.get((self.command, path), (404, {"message": "there is no such thing"}))
                data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the server looks for these names

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Generator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def kubeconfig(url: str, **user: str) -> str:
    return yaml.safe_dump(
        {
            "clusters": [
                {"name": "c", "cluster": {"server": url}},
                {"name": "other", "cluster": {"server": "https://o"}},
            ],
            "users": [{"name": "u", "user": user or {"token": "the-token"}}],
            "contexts": [
                {"name": "here", "context": {"cluster": "c", "user": "u"}},
                {"name": "there", "context": {"cluster": "other", "user": "u"}},
            ],
            "current-context": "here",
        }
    )


def test_an_object_is_read_with_the_users_token(server: Server) -> None:
    server.answers["GET", "/api/v1/nodes"] = (200, {"items": [{"a": 1}]})

    with kube.connect(kubeconfig(server.url)) as cluster:
        assert kube.items(cluster.get("/api/v1/nodes", {"labelSelector": "a=b,c"})) == [{"a": 1}]

    (request,) = server.requests
    assert request["headers"]["authorization"] == "Bearer the-token"
    assert request["query"] in ("labelSelector=a=b,c", "labelSelector=a%3Db%2Cc")


def test_the_server_s_own_words_are_the_error(server: Server) -> None:
    server.answers["GET", "/x"] = (403, {"message": 'nodes is forbidden: User "me" cannot list'})

    with kube.connect(kubeconfig(server.url)) as cluster, pytest.raises(kube.KubeError) as caught:
        cluster.get("/x")

    assert str(caught.value) == 'nodes is forbidden: User "me" cannot list'
    assert caught.value.status == 403


def test_what_does_not_exist_is_none_or_nothing_to_delete(server: Server) -> None:
    with kube.connect(kubeconfig(server.url)) as cluster:
        assert cluster.find("/api/v1/namespaces/x") is None
        cluster.delete("/api/v1/namespaces/x")


def test_other_errors_are_not_taken_for_absence(server: Server) -> None:
    server.answers["GET", "/x"] = (500, "it broke")

    with kube.connect(kubeconfig(server.url)) as cluster, pytest.raises(kube.KubeError, match="it broke"):
        cluster.find("/x")


def test_an_object_is_created_as_it_is(server: Server) -> None:
    server.answers["POST", "/api/v1/namespaces/n/pods"] = (201, {"metadata": {"name": "p-1"}})
    body: kube.Object = {"kind": "Pod", "metadata": {"labels": {"a": "b"}}}

    with kube.connect(kubeconfig(server.url)) as cluster:
        made = cluster.create("/api/v1/namespaces/n/pods", body, {"dryRun": "All"})

    assert made["metadata"]["name"] == "p-1"
    assert server.requests[0]["body"] == body
    assert server.requests[0]["query"] == "dryRun=All"


def test_text_is_read_as_it_is(server: Server) -> None:
    server.answers["GET", "/healthz"] = (200, "ok")

    with kube.connect(kubeconfig(server.url)) as cluster:
        assert cluster.text("/healthz") == "ok"


def test_an_api_server_that_is_not_there_is_one_short_sentence() -> None:
    with kube.connect(kubeconfig("http://127.0.0.1:9")) as cluster, pytest.raises(kube.KubeError) as caught:
        cluster.get("/x")

    assert str(caught.value).startswith("http://127.0.0.1:9 does not answer: Failed to establish a new connection")
    assert "HTTPConnectionPool" not in str(caught.value)
    assert caught.value.status == 0


def test_another_context_can_be_named() -> None:
    with kube.connect(kubeconfig("http://h"), context="there") as cluster, pytest.raises(kube.KubeError) as caught:
        cluster.get("/x")

    assert "https://o" in str(caught.value)


def test_client_keys_are_gone_after_the_block(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    key = base64.b64encode(b"a private key").decode()

    with kube.connect(kubeconfig(server.url, **{"client-key-data": key, "client-certificate-data": key})):
        files = [path for path in tmp_path.rglob("*") if path.suffix == ".pem"]
        assert {path.read_bytes() for path in files} == {b"a private key"}
        assert {path.stat().st_mode & 0o077 for path in [*files, *tmp_path.iterdir()]} == {0}

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", ["", "[", "a: b", "clusters: []"])
def test_a_broken_kubeconfig_is_refused(broken: str) -> None:
    with pytest.raises(kube.KubeconfigError), kube.connect(broken):
        pass


def test_the_server_can_be_read_and_replaced() -> None:
    before = kubeconfig("https://127.0.0.1:1")

    after = kube.with_server(before, "https://node:6443")

    assert kube.server_of(after) == "https://node:6443"
    assert kube.with_server(after, "https://127.0.0.1:1") == kube.with_server(before, "https://127.0.0.1:1")
    assert yaml.safe_load(after)["clusters"][1] == yaml.safe_load(before)["clusters"][1]


def test_a_credential_is_taken_to_another_cluster() -> None:
    before, other = kubeconfig("https://127.0.0.1:1"), kubeconfig("https://node:6443", token="another")

    after = kube.with_cluster_of(before, other)

    assert kube.server_of(after) == "https://node:6443"
    assert yaml.safe_load(after)["users"] == yaml.safe_load(before)["users"]
    assert kube.with_cluster_of(after, before) == kube.with_cluster_of(before, before)
    assert yaml.safe_load(after)["clusters"][1] == yaml.safe_load(before)["clusters"][1]


def test_a_command_that_cannot_be_started_is_a_kube_error(server: Server) -> None:
    with kube.connect(kubeconfig(server.url)) as cluster, pytest.raises(kube.KubeError, match="cannot run a command"):
        cluster.execute("n", "p", ["true"])
