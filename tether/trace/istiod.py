"""Conversations with istiod through the primary's east-west gateway, as a remote's proxies and API server have them.

The name in SNI and certificate is istiod's, the address is the gateway's, which passes the bytes through.
"""

import http.client
import json
import queue
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import grpc

from tether import kube
from tether.addresses import with_port
from tether.redact import redact
from tether.trace import messages

_GRPC = cast("Any", grpc)
"""It comes without types."""
SECONDS = 10.0
"""For one call; istiod answers in milliseconds, its question to another cluster's API server included."""


class CallError(Exception):
    """A call failed; the text is the server's own message, secrets masked.

    Attributes:
        code: gRPC status code, for example ``UNAUTHENTICATED``, or the HTTP status.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where istiod is and what it must prove."""

    address: str
    """The gateway's."""
    port: int
    host: str
    """Istiod's name."""
    root: str = field(repr=False)
    """PEM of the only authority to trust."""


class Channel:
    """A gRPC channel to istiod; used as a context."""

    def __init__(self, endpoint: Endpoint, cluster_id: str, token: str | None, client: Path | None = None) -> None:
        """Prepare; nothing is sent yet.

        Args:
            endpoint: where istiod is.
            cluster_id: that the proxy claims to be in.
            token: service-account token; None: the calls carry no ``authorization``.
            client: PEM file with a certificate and its key to show as well, as a proxy that has one does.
        """
        self._token = token or ""
        self._headers = [("clusterid", cluster_id)] + ([("authorization", f"Bearer {token}")] if token else [])
        own = client.read_bytes() if client else None
        self._channel: Any = _GRPC.secure_channel(
            with_port(endpoint.address, endpoint.port),
            _GRPC.ssl_channel_credentials(endpoint.root.encode(), own, own),
            options=(
                ("grpc.ssl_target_name_override", endpoint.host),
                ("grpc.default_authority", endpoint.host),
                ("grpc.enable_http_proxy", 0),
                ("grpc.enable_retries", 0),
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def sign(self, csr: str, seconds: int) -> tuple[str, ...]:
        """Have a certificate signed.

        Args:
            csr: signing request, PEM.
            seconds: how long it is to be valid.

        Returns:
            The chain, PEM: leaf first, root last.

        Raises:
            CallError: istiod refused, or no answer came.
        """
        call = self._channel.unary_unary(messages.CREATE_CERTIFICATE)
        try:
            answer = call(messages.certificate_request(csr, seconds), metadata=self._headers, timeout=SECONDS)
        except _GRPC.RpcError as error:
            raise self._failure(error) from None
        return messages.certificate_chain(answer)

    def discover(self, node_id: str, metadata: Mapping[str, str]) -> list[str]:
        """Open a discovery stream, take the first response, acknowledge it and leave.

        Returns:
            Names of the resources in it.

        Raises:
            CallError: istiod refused, or no answer came.
        """
        requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        requests.put(messages.first_request(node_id, dict(metadata), messages.CLUSTER_TYPE))
        call = self._channel.stream_stream(messages.DELTA_RESOURCES)
        stream = call(iter(requests.get, None), metadata=self._headers, timeout=SECONDS)
        try:
            answer = messages.resources(next(cast("Iterator[bytes]", stream)))
            requests.put(messages.acknowledgement(messages.CLUSTER_TYPE, answer.nonce))
        except StopIteration:
            raise CallError("CANCELLED", "istiod ended the stream without a response") from None
        except _GRPC.RpcError as error:
            raise self._failure(error) from None
        finally:
            requests.put(None)
        return [str(resource.name) for resource in answer.resources]

    def _failure(self, error: Any) -> CallError:
        return CallError(error.code().name, redact(" ".join(str(error.details() or "").split()), self._token))


def review(endpoint: Endpoint, path: str, namespace: str, pod: kube.Object) -> kube.Object:
    """Have a pod injected, as an API server asks for it (admission.k8s.io/v1).

    Args:
        endpoint: of the webhook.
        path: of the webhook.
        namespace: that the pod is to be created in.
        pod: as the API server would show it.

    Returns:
        The review's ``response``.

    Raises:
        CallError: no answer, or one that is no review.
    """
    body = {
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "tether-trace", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": namespace,
            "operation": "CREATE", "dryRun": True, "object": pod,
        },
    }  # fmt: skip
    context = ssl.create_default_context(cadata=endpoint.root)
    # Istio's mesh certificates need not carry what RFC 5280 asks of web servers' ones.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    connection = http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=SECONDS)
    try:
        plain = socket.create_connection((endpoint.address, endpoint.port), SECONDS)
        connection.sock = context.wrap_socket(plain, server_hostname=endpoint.host)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise CallError("no answer", redact(str(error))) from None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise CallError(f"HTTP {answer.status}", redact(" ".join(text.split())[:300]))
    try:
        return cast("kube.Object", json.loads(text)["response"])
    except (ValueError, KeyError, TypeError):
        raise CallError("HTTP 200", "the answer is no AdmissionReview") from None
