"""A pod's port and a command in it, through an API server that speaks WebSocket frames."""

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Generator, Sequence

import pytest

from tests.unit.kube.test_kube import kubeconfig
from tether import kube

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 §1.3."""
PORT = (15014).to_bytes(2, "little")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsynced"
CLOSE = 8
Frame = tuple[int, bytes]
"""Channel and what it carries."""


class Tunnel:
    """An API server that upgrades one connection and sends frames; without any, it says nothing."""

    def __init__(self) -> None:
        self.frames: Sequence[Frame] = ()
        self.stays = False
        """Whether it goes on listening after its frames."""
        self.breaks = False
        """Whether it goes away after them without a word, as one that is killed."""
        self.asked = ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            self.asked = head.decode()
            key = next(line.split(": ")[1] for line in self.asked.splitlines() if line.startswith("Sec-WebSocket-Key"))
            accept = base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()
            connection.sendall(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode()
            )
            for channel, content in self.frames:
                connection.sendall(bytes([0x82, len(content) + 1, channel]) + content)
            if self.breaks:
                return
            if not self.stays:
                connection.sendall(bytes([0x80 | CLOSE, 0]))
            while connection.recv(4096):
                pass


@pytest.fixture
def tunnel() -> Generator[Tunnel]:
    tunnel = Tunnel()
    yield tunnel
    tunnel.close()


def ask(tunnel: Tunnel, *frames: Frame, stays: bool = False) -> str:
    tunnel.frames, tunnel.stays = frames, stays
    with kube.connect(kubeconfig(tunnel.url)) as cluster:
        return cluster.ask_pod("istio-system", "istiod-1", 15014, "/debug/clusterz", timeout=1)


def test_a_port_of_a_pod_answers(tunnel: Tunnel) -> None:
    assert ask(tunnel, (0, PORT), (1, PORT), (0, ANSWER)) == "synced"
    assert tunnel.asked.startswith("GET /api/v1/namespaces/istio-system/pods/istiod-1/portforward?ports=15014 HTTP/1.1")


def test_an_answer_ends_by_its_length_though_the_connection_stays(tunnel: Tunnel) -> None:
    assert ask(tunnel, (0, PORT), (1, PORT), (0, ANSWER), stays=True) == "synced"


def test_an_answer_in_pieces_is_one(tunnel: Tunnel) -> None:
    whole = PORT + ANSWER
    assert ask(tunnel, (1, PORT), *((0, bytes([one])) for one in whole)) == "synced"


def test_what_the_kubelet_says_of_a_port_on_which_nothing_listens_is_told(tunnel: Tunnel) -> None:
    problem = b"failed to connect to localhost:15014 inside namespace: connection refused"
    with pytest.raises(kube.KubeError, match=r"port 15014 of pod istio-system/istiod-1: failed .* connection refused$"):
        ask(tunnel, (0, PORT), (1, PORT), (1, problem))


def test_a_pod_that_never_answers_is_told_from_one_that_refuses(tunnel: Tunnel) -> None:
    with pytest.raises(kube.KubeTimeoutError, match="did not answer in time"):
        ask(tunnel, (0, PORT), (1, PORT), stays=True)


def test_a_connection_that_ends_without_an_answer_is_told(tunnel: Tunnel) -> None:
    with pytest.raises(kube.KubeError, match="cannot ask port 15014") as caught:
        ask(tunnel, (0, PORT), (1, PORT))
    assert not isinstance(caught.value, kube.KubeTimeoutError)


def test_an_api_server_that_goes_away_in_between_is_told(tunnel: Tunnel) -> None:
    tunnel.breaks = True
    with pytest.raises(kube.KubeError, match="cannot ask port 15014"):
        ask(tunnel, (0, PORT))


def test_a_command_whose_api_server_goes_away_is_told(tunnel: Tunnel) -> None:
    tunnel.breaks, tunnel.frames = True, [(1, b"out")]
    with kube.connect(kubeconfig(tunnel.url)) as cluster, pytest.raises(kube.KubeError, match="cannot run a command"):
        cluster.execute("n", "p", ["true"])


def test_an_answer_that_is_cut_off_is_none(tunnel: Tunnel) -> None:
    with pytest.raises(kube.KubeError, match="cannot ask port 15014"):
        ask(tunnel, (0, PORT), (0, ANSWER[:-2]))


def test_what_the_pod_itself_refuses_is_no_missing_right(tunnel: Tunnel) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nNot you"
    with pytest.raises(kube.KubeError, match="/debug/clusterz answers HTTP status 403: Not you") as caught:
        ask(tunnel, (0, PORT), (0, refusal))
    assert caught.value.status == 0


def test_a_command_says_what_it_wrote_and_how_it_ended(tunnel: Tunnel) -> None:
    causes = {"causes": [{"reason": "ExitCode", "message": "3"}]}
    status = json.dumps({"status": "Failure", "details": causes}).encode()
    tunnel.frames = [(1, b"out"), (2, b"err"), (3, status)]
    with kube.connect(kubeconfig(tunnel.url)) as cluster:
        assert cluster.execute("n", "p", ["true"]) == kube.Executed("out", "err", 3)


def test_a_command_that_does_not_end_in_time_is_given_up(tunnel: Tunnel) -> None:
    tunnel.stays = True
    with kube.connect(kubeconfig(tunnel.url)) as cluster, pytest.raises(kube.KubeTimeoutError):
        cluster.execute("n", "p", ["sleep"], timeout=0.1)
