"""The plugin process and a client that speaks to it as the engine does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

PROJECT = Path(__file__).parents[2]
SECRET = rpc._special_secret_sig  # pyright: ignore[reportPrivateUsage]
SIGNATURE = rpc._special_sig_key  # pyright: ignore[reportPrivateUsage]
UNKNOWN = rpc.UNKNOWN

LONG = 600.0
"""Seconds; longer than any test may take."""


def urn(kind: str, name: str = "it") -> str:
    return f"urn:pulumi:test::tether::tether:index:{kind}::{name}"


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(values)
    return message


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: SECRET, "value": value}


def raw(message: struct_pb2.Struct) -> dict[str, Any]:
    return json_format.MessageToDict(message)


def plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """Values without the wrapping of secrets; whole numbers as int."""

    def unwrap(value: Any) -> Any:
        if isinstance(value, dict):
            entries = cast("dict[str, Any]", value)
            if entries.get(SIGNATURE) == SECRET:
                return unwrap(entries["value"])
            return {key: unwrap(item) for key, item in entries.items()}
        if isinstance(value, list):
            return [unwrap(item) for item in cast("list[Any]", value)]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    return unwrap(raw(message))


class Plugin:
    """A running plugin."""

    def __init__(self, environment: Mapping[str, str] | None = None, engine: str = "127.0.0.1:1") -> None:
        variables = {**os.environ, **(environment or {})}
        # With it the plugin looks like one of this checkout that lost its engine, and another stack's up ends it.
        variables.pop("PULUMI_HOME", None)
        self.process = subprocess.Popen(
            [sys.executable, "providers/tether", engine],
            cwd=PROJECT,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def close(self) -> str:
        """Ask it to end, as the engine does; returns what it wrote to stderr."""
        self.channel.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            _, errors = self.process.communicate(timeout=12)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return errors

    def check(self, kind: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> Any:
        request = provider_pb2.CheckRequest(urn=urn(kind), olds=struct(olds or {}), news=struct(news))
        return self.stub.Check(request, timeout=20)

    def checked(self, kind: str, news: Mapping[str, Any]) -> struct_pb2.Struct:
        response = self.check(kind, news)
        assert not response.failures, response.failures
        return response.inputs

    def create(self, kind: str, news: Mapping[str, Any], *, preview: bool = False, timeout: float = LONG) -> Any:
        return self.create_future(kind, news, preview=preview).result(timeout)

    def create_future(self, kind: str, news: Mapping[str, Any], *, preview: bool = False) -> Any:
        request = provider_pb2.CreateRequest(urn=urn(kind), properties=self.checked(kind, news), preview=preview)
        return self.stub.Create.future(request)

    def diff(self, kind: str, state: struct_pb2.Struct, news: Mapping[str, Any], resource_id: str = "it") -> Any:
        request = provider_pb2.DiffRequest(urn=urn(kind), id=resource_id, olds=state, news=self.checked(kind, news))
        return self.stub.Diff(request, timeout=20)

    def read(
        self,
        kind: str,
        resource_id: str,
        state: struct_pb2.Struct | None = None,
        inputs: struct_pb2.Struct | None = None,
    ) -> Any:
        request = provider_pb2.ReadRequest(
            urn=urn(kind), id=resource_id, properties=state or struct({}), inputs=inputs or struct({})
        )
        return self.stub.Read(request, timeout=60)

    def update(
        self,
        kind: str,
        resource_id: str,
        state: struct_pb2.Struct,
        news: Mapping[str, Any],
        *,
        preview: bool = False,
    ) -> Any:
        request = provider_pb2.UpdateRequest(
            urn=urn(kind), id=resource_id, olds=state, news=self.checked(kind, news), preview=preview
        )
        return self.stub.Update(request, timeout=60)

    def delete(self, kind: str, resource_id: str, state: struct_pb2.Struct) -> None:
        request = provider_pb2.DeleteRequest(urn=urn(kind), id=resource_id, properties=state)
        self.stub.Delete(request, timeout=120)

    def cancel(self) -> float:
        """Cancel everything; returns how long the call took, in seconds."""
        started = time.monotonic()
        self.stub.Cancel(empty_pb2.Empty(), timeout=5)
        return time.monotonic() - started


class Told(engine_pb2_grpc.EngineServicer):
    """What an engine was told."""

    def __init__(self) -> None:
        self.address = ""
        self.warnings: list[str] = []
        self.everything: list[str] = []

    def Log(self, request: engine_pb2.LogRequest, context: Any) -> Any:  # noqa: N802 - the protocol's name
        self.everything.append(request.message)
        self.warnings += [request.message] if request.severity == engine_pb2.WARNING else []
        return empty_pb2.Empty()


@contextlib.contextmanager
def listening() -> Generator[Told]:
    """An engine for the length of a block."""
    told = Told()
    server = grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(told, server)
    told.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield told
    finally:
        server.stop(0)


def failed(call: Callable[[], Any]) -> Any:
    """The gRPC error that a call must end with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def kept(error: grpc.RpcError) -> Any:
    """What the engine keeps of a resource whose create failed (ErrorResourceInitFailed), or None."""
    metadata: Any = error.trailing_metadata()  # type: ignore[attr-defined]
    for key, value in metadata or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            detail = provider_pb2.ErrorResourceInitFailed()
            assert status.details[0].Unpack(detail)
            return detail
    return None
