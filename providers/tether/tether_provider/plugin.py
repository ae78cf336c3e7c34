"""The plugin process: serves resources, and components where it was given them, and ends with the engine."""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from functools import cached_property
from importlib import metadata
from typing import Any, Protocol

import grpc
import grpc.aio
import pulumi
from google.protobuf import any_pb2
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from tether import shield
from tether.kube import KubeError
from tether.redact import redact
from tether_provider import schema, wire
from tether_provider.dispatcher import AnyResource, Dispatcher, HalfMadeError
from tether_provider.errors import CancelledError, ProviderError
from tether_provider.log import EngineLog

_MESSAGE_LIMIT = 400 * 1024 * 1024
"""Bytes; what the engine and its own plugins use."""
_FAREWELL = 8.0
"""Seconds that running verbs have to clean up once the process is told to end."""


class ComponentHost(Protocol):
    """What builds components for programs that only know their names."""

    @property
    def schema(self) -> dict[str, Any]:
        """Theirs and that of their inputs (Pulumi package schema)."""
        ...

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC names its methods so
        """Build one."""


Components = Callable[[str, str], ComponentHost]
"""Makes a host, for the engine's address and a version."""


def main(arguments: list[str], components: Components) -> int:
    """Serve until the engine is done; ``arguments`` are the engine's, its address first."""
    parser = argparse.ArgumentParser(description="Tether's resource provider; started by the Pulumi engine")
    parser.add_argument("engine", help="address of the engine")
    engine = parser.parse_known_args(arguments)[0].engine
    shield.put_up()
    asyncio.run(_serve(engine, components))
    return 0


def resources() -> list[AnyResource]:
    """One of each resource type."""
    from tether_provider.authority_secret import AuthoritySecret
    from tether_provider.bound_token import BoundToken
    from tether_provider.certificate_chain import CertificateChain
    from tether_provider.cluster import KindCluster
    from tether_provider.container_network import ContainerNetwork
    from tether_provider.gateway_ready import GatewayReady
    from tether_provider.istio_namespace import IstioNamespace
    from tether_provider.istiod_ready import IstiodReady
    from tether_provider.provided_chain import ProvidedChain
    from tether_provider.remote_ready import RemoteReady
    from tether_provider.verification import Verification

    return [
        ContainerNetwork(),
        KindCluster(),
        CertificateChain(),
        ProvidedChain(),
        AuthoritySecret(),
        IstioNamespace(),
        BoundToken(),
        IstiodReady(),
        RemoteReady(),
        GatewayReady(),
        Verification(),
    ]


async def _serve(engine: str, components: Components) -> None:
    version = metadata.version("tether")
    dispatcher = Dispatcher(resources(), EngineLog(engine), version)
    options = [("grpc.max_receive_message_length", _MESSAGE_LIMIT), ("grpc.max_send_message_length", _MESSAGE_LIMIT)]
    server = grpc.aio.server(options=options)
    servicer = Servicer(version, dispatcher, engine, components)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=_watch, args=(engine, lambda: loop.call_soon_threadsafe(stop.set)), daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await stop.wait()
    await _end(server, dispatcher)


async def _end(server: grpc.aio.Server, dispatcher: Dispatcher) -> None:
    await dispatcher.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            await dispatcher.settled.wait()
    await server.stop(grace=0.2)


def _watch(engine: str, gone: Callable[[], None], interval: float = 1.0) -> None:
    """Tell when an engine that was there is there no more, so that nothing half-made outlives a killed one."""
    seen, missed = False, 0
    while missed < 2:
        alive = _answers(engine)
        seen = seen or alive
        missed = 0 if alive or not seen else missed + 1
        time.sleep(interval)
    gone()


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


class Servicer(ProviderServicer):
    """The SDK's server with errors that a person can read: one sentence, no traceback, no secret."""

    def __init__(self, version: str, provider: Dispatcher, engine: str, components: Components) -> None:
        super().__init__([], version, provider, engine)
        self._make_host = lambda: components(engine, version)

    @cached_property
    def _components(self) -> ComponentHost:
        return self._make_host()

    async def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC names its methods so
        """Describe resources and components; ``pulumi import`` and ``pulumi package`` ask for it."""
        sdk: Any = super()
        resources = await sdk.GetSchema(request, context)
        return provider_pb2.GetSchemaResponse(schema=schema.joined(resources.schema, self._components.schema))

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Build a component."""
        return await _guarded(lambda asked, answer: self._components.Construct(asked, answer), request, context)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC names its methods so
        """Validate inputs."""
        sdk: Any = super()
        return await _guarded(sdk.Check, request, context)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Compare state and inputs."""
        sdk: Any = super()
        return await _guarded(sdk.Diff, request, context)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Create a resource."""
        sdk: Any = super()
        return await _guarded(sdk.Create, request, context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read a resource."""
        sdk: Any = super()
        return await _guarded(sdk.Read, request, context)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Update a resource."""
        sdk: Any = super()
        return await _guarded(sdk.Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete a resource."""
        sdk: Any = super()
        return await _guarded(sdk.Delete, request, context)


async def _guarded(call: Callable[[Any, Any], Awaitable[Any]], request: Any, context: Any) -> Any:
    try:
        return await call(request, context)
    except HalfMadeError as error:
        await context.abort_with_status(_partial(error))
    except CancelledError as error:
        await context.abort(grpc.StatusCode.CANCELLED, redact(str(error)))
    except (ProviderError, KubeError, pulumi.RunError) as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, redact(str(error)))
    except grpc.aio.AbortError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a sentence and the log the rest
        sys.stderr.write(redact(traceback.format_exc()))
        sys.stderr.flush()
        text = (str(error).strip().splitlines() or [""])[0]
        await context.abort(
            grpc.StatusCode.INTERNAL,
            redact(f"unexpected {type(error).__name__}: {text} (traceback: run again with --logtostderr -v=9 --debug)"),
        )
    return None


def _partial(error: HalfMadeError) -> grpc.Status:
    """A status that makes the engine keep the resource in its state (ErrorResourceInitFailed in provider.proto)."""
    message = redact(str(error))
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id, properties=wire.PropertyValue.marshal_map(error.properties), reasons=[message]
        )
    )
    code = grpc.StatusCode.FAILED_PRECONDITION
    packed = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    status = grpc.Status()
    status.code = code
    status.details = message
    status.trailing_metadata = (("grpc-status-details-bin", packed.SerializeToString()),)
    return status
