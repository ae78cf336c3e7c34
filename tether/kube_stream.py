"""What goes through an API server into a pod: a command, or a request to a port that the pod opens for itself alone.

Both are channels of one WebSocket (``v4.channel.k8s.io``): each frame's first byte is the number of its channel.
"""

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from tether.kube_errors import KubeError, KubeTimeoutError, one_line

_STDOUT, _STDERR, _STATUS = 1, 2, 3
_DATA, _PROBLEM = 0, 1
"""Channels of the first port that is forwarded."""
_PORT_BYTES = 2
"""Each of them begins with the port's number (Kubernetes, kubelet/server/portforward/websocket.go)."""
_LOOK_SECONDS = 0.2
_CLOSE_SECONDS = 0
"""For the other side to say goodbye as well: everything that was asked for has been read by then."""


@dataclass(frozen=True)
class Executed:
    """What a command in a container wrote and how it ended."""

    stdout: str
    stderr: str
    exit_code: int


def execute(
    client: Any,
    namespace: str,
    pod: str,
    command: Sequence[str],
    *,
    container: str,
    timeout: float,
    cancel: threading.Event | None,
) -> Executed:
    """Run a command in a container; see :meth:`tether.kube.Cluster.execute`."""
    query = [("command", argument) for argument in command]
    query += [("container", container)] if container else []
    query += [("stdout", "true"), ("stderr", "true")]
    what = f"cannot run a command in pod {namespace}/{pod}"
    path = f"/api/v1/namespaces/{namespace}/pods/{quote(pod)}/exec"
    with _opened(client, path, query, what, binary=False) as stream:
        _drain(stream, time.monotonic() + timeout, cancel or threading.Event())
        return Executed(
            stream.read_channel(_STDOUT), stream.read_channel(_STDERR), _exit_code(stream.read_channel(_STATUS))
        )


def ask_pod(client: Any, namespace: str, pod: str, port: int, path: str, *, timeout: float) -> str:
    """Ask a port of a pod over HTTP; see :meth:`tether.kube.Cluster.ask_pod`."""
    what = f"cannot ask port {port} of pod {namespace}/{pod}"
    url = f"/api/v1/namespaces/{namespace}/pods/{quote(pod)}/portforward"
    with _opened(client, url, [("ports", str(port))], what, binary=True) as stream:
        port_of_pod = _PodPort(stream, time.monotonic() + timeout, what)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
        stream.write_channel(_DATA, request.encode())
        answer = http.client.HTTPResponse(cast("socket.socket", port_of_pod))
        answer.begin()
        text = answer.read().decode(errors="replace")
    if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
        # Not the API server's status: what the pod refuses is no missing right of ours.
        raise KubeError(f"{what}: {path} answers HTTP status {answer.status}: {one_line(text)}")
    return text


class _PodPort(io.RawIOBase):
    """What a forwarded port sends, as the file of a socket that ``http.client`` reads."""

    def __init__(self, stream: Any, deadline: float, what: str) -> None:
        super().__init__()
        self._stream = stream
        self._deadline = deadline
        self._what = what
        self._read = bytearray()
        self._problem = bytearray()
        self._to_skip = _PORT_BYTES

    def makefile(self, mode: str) -> io.BufferedReader:
        """The only thing that an answer asks of its socket; ``mode`` is always "rb"."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 once the pod has closed the connection."""
        while not self._read and (more := self._more()):
            self._read += more[self._to_skip :]
            self._to_skip = max(0, self._to_skip - len(more))
        size = min(len(buffer), len(self._read))
        buffer[:size] = self._read[:size]
        del self._read[:size]
        return size

    def _more(self) -> bytes:
        while True:
            is_open = self._stream.is_open()
            self._problem += self._stream.read_channel(_PROBLEM)
            if problem := self._problem[_PORT_BYTES:]:
                raise KubeError(f"{self._what}: {one_line(problem.decode(errors='replace'))}")
            if data := cast("bytes", self._stream.read_channel(_DATA)):
                return data
            if not is_open:
                return b""
            if time.monotonic() > self._deadline:
                raise KubeTimeoutError("the pod did not answer in time")
            self._stream.update(timeout=_LOOK_SECONDS)


@contextlib.contextmanager
def _opened(client: Any, path: str, query: Iterable[tuple[str, str]], what: str, *, binary: bool) -> Generator[Any]:
    """A stream for the length of a block; whatever breaks it is a KubeError that begins with ``what``."""
    from kubernetes.stream import ws_client
    from websocket import WebSocketException

    _, url, headers, _, _ = client.param_serialize("GET", path, auth_settings=["BearerToken"])
    parts = urlsplit(cast("str", url))
    scheme = "wss" if parts.scheme == "https" else "ws"
    url = urlunsplit((scheme, parts.netloc, parts.path, urlencode(list(query)), ""))
    headers = {**headers, "sec-websocket-protocol": ws_client.V4_CHANNEL_PROTOCOL}
    try:
        stream: Any = ws_client.WSClient(client.configuration, url, headers, capture_all=False, binary=binary)
    except (WebSocketException, OSError, KeyError) as error:
        raise _refused(what, error) from None
    except Exception as error:
        if type(error).__module__.startswith(("kubernetes.", "urllib3.")):
            raise _refused(what, error) from None
        raise
    try:
        yield stream
    except (WebSocketException, http.client.HTTPException, OSError) as error:
        raise KubeError(f"{what}: {one_line(str(error)) or 'the connection ended early'}") from None
    finally:
        stream.close(timeout=_CLOSE_SECONDS)


def _refused(what: str, error: Exception) -> KubeError:
    status = next((int(value) for name in ("status_code", "status") if (value := getattr(error, name, None))), 0)
    return KubeError(f"{what}: {one_line(str(error))}", status)


def _drain(stream: Any, deadline: float, cancel: threading.Event) -> None:
    while stream.is_open():
        stream.update(timeout=_LOOK_SECONDS)
        if cancel.is_set():
            raise KubeError("cancelled")
        if time.monotonic() > deadline:
            raise KubeTimeoutError("the command did not end in time")


def _exit_code(status: str) -> int:
    """Exit code out of the status channel (Kubernetes, remotecommand: v4.channel.k8s.io)."""
    document = cast("dict[str, Any]", json.loads(status or "{}"))
    if document.get("status") == "Success":
        return 0
    details = cast("dict[str, list[dict[str, Any]]]", document.get("details") or {})
    for cause in details.get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise KubeError(f"the command could not be run: {document.get('message') or 'the connection ended early'}")
