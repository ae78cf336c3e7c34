"""Messages to the engine's display and log.

What a resource plugin writes to stdout or stderr is shown at debug level only
(pulumi/pulumi pkg/resource/plugin/plugin.go), so progress goes through the engine's
own log service.
"""

import threading
from typing import TYPE_CHECKING, Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from tether.redact import redact

if TYPE_CHECKING:
    _Severity = engine_pb2.LogSeverity.ValueType

_PATIENCE = 1.0
"""Seconds that a message may take; a display must never hold up the work."""


class EngineLog:
    """Sends messages to the engine; silent where no engine listens."""

    def __init__(self, address: str) -> None:
        self._stub: Any = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))
        self._reachable = True
        self._lock = threading.Lock()

    def progress(self, urn: str, message: str) -> None:
        """Show what a resource is doing now; replaced by the next message."""
        self._send(engine_pb2.INFO, urn, message, ephemeral=True)

    def info(self, urn: str, message: str) -> None:
        """Tell something that stays on the screen."""
        self._send(engine_pb2.INFO, urn, message)

    def warning(self, urn: str, message: str) -> None:
        """Tell something that the user should look at."""
        self._send(engine_pb2.WARNING, urn, message)

    def debug(self, urn: str, message: str) -> None:
        """Tell something that only an investigation needs."""
        self._send(engine_pb2.DEBUG, urn, message)

    def _send(
        self, severity: "engine_pb2.LogSeverity.ValueType", urn: str, message: str, *, ephemeral: bool = False
    ) -> None:
        if not self._reachable:
            return
        request = engine_pb2.LogRequest(severity=severity, message=redact(message), urn=urn, ephemeral=ephemeral)
        try:
            with self._lock:
                self._stub.Log(request, timeout=_PATIENCE)
        except grpc.RpcError:
            self._reachable = False


class ResourceLog:
    """The engine's log, bound to one resource."""

    def __init__(self, log: EngineLog, urn: str) -> None:
        self._log = log
        self._urn = urn

    def progress(self, message: str) -> None:
        """Show what the resource is doing now."""
        self._log.progress(self._urn, message)

    def info(self, message: str) -> None:
        """Tell something that stays on the screen."""
        self._log.info(self._urn, message)

    def warning(self, message: str) -> None:
        """Tell something that the user should look at."""
        self._log.warning(self._urn, message)

    def debug(self, message: str) -> None:
        """Tell something that only an investigation needs."""
        self._log.debug(self._urn, message)
