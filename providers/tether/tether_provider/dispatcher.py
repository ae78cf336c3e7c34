"""Brings every request of the engine to the resource that it is for."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as sdk

from tether_provider import schema, wire
from tether_provider.errors import CancelledError, PartialError, ProviderError
from tether_provider.log import EngineLog, ResourceLog
from tether_provider.resource import Failure, Operation, Resource, Wire, defaults, failures_of, wire_names

Result = TypeVar("Result")
AnyResource = Resource[Any, Any]

_WORKERS = 64
"""Most calls wait for a cluster; the engine sends at most some dozens at once."""


class HalfMadeError(ProviderError):
    """A resource that could not be finished and belongs into the state as it is.

    Attributes:
        resource_id: its ID.
        properties: its state on the wire, secrets marked.
    """

    def __init__(self, message: str, resource_id: str, properties: wire.Properties) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties


class Dispatcher(sdk.Provider):
    """The provider as the SDK's server sees it."""

    def __init__(self, resources: Sequence[AnyResource], log: EngineLog, version: str) -> None:
        self._resources = {resource.token: resource for resource in resources}
        self._log = log
        self._version = version
        self._cancel = threading.Event()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="verb")
        self._running = 0
        self.settled = asyncio.Event()
        """Set while no verb is running."""
        self.settled.set()

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Say what the provider can do; it has no settings."""
        del request
        # Inputs of components have outputs inside, of which only some are known or secret.
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_outputs=True)

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        """Describe the resources; ``pulumi import`` asks for it."""
        del request
        return sdk.GetSchemaResponse(schema.render(self._resources.values(), self._version))

    async def cancel(self) -> None:
        """End every child process and every wait."""
        self._cancel.set()

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Validate inputs, all at once, and fill in defaults."""
        resource = self._resource(request.type)
        news = {key: value for key, value in request.new_inputs.items() if value.value is not None}
        known = wire.to_map(news)
        unknown = {key for key, value in news.items() if wire.is_unknown(value)}
        failures = failures_of(resource.inputs_type, known, unknown) or list(resource.check(known))
        return sdk.CheckResponse(
            inputs=_with_defaults(resource.inputs_type, news),
            failures=[
                sdk.CheckFailure(_shown_field(resource.inputs_type, failure, news), _sentence(failure))
                for failure in failures
            ],
        )

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        """Compare the state with new inputs."""
        resource = self._resource(request.type)
        changed = _changes(resource, request)
        state, news = wire.to_map(request.old_state), wire.to_map(request.new_inputs)
        operation = self._operation(request.urn)
        if blame := await self._run(lambda: resource.outdated(operation, news, state)):
            changed = sorted({*changed, blame})
        replacing = [key for key in changed if key in wire_names(resource.inputs_type, "replaces")]
        if blame := resource.must_replace(state):
            changed, replacing = sorted({*changed, blame}), sorted({*replacing, blame})
        stable = await self._run(lambda: _stables(resource, news, state)) if changed and not replacing else []
        return sdk.DiffResponse(
            changes=bool(changed),
            replaces=replacing,
            stables=stable,
            delete_before_replace=resource.delete_before_replace,
            diffs=changed,
            detailed_diff={key: _detail(key, request, replace=key in replacing) for key in changed},
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Create, or foresee what a create gives."""
        resource = self._resource(request.type)
        if request.preview:
            return sdk.CreateResponse(properties=await self._rehearsed(resource, request.urn, request.properties, None))
        inputs = resource.inputs_type.model_validate(wire.to_map(request.properties))
        operation = self._operation(request.urn, request.timeout)
        if self._cancel.is_set():
            raise CancelledError(f"{request.name} was not created: the operation was cancelled")
        try:
            resource_id, outputs = await self._run(lambda: resource.create(operation, inputs))
        except PartialError as error:
            state = _state(request.properties, error.outputs)
            raise HalfMadeError(str(error), error.resource_id, state) from None
        return sdk.CreateResponse(resource_id, _state(request.properties, outputs))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """Read for a refresh, or for an import if there is no state."""
        resource = self._resource(request.type)
        operation = self._operation(request.urn)
        state = wire.to_map(request.properties)
        found = await self._run(lambda: resource.read(operation, request.resource_id, state))
        if found is None:
            return sdk.ReadResponse("")
        inputs = request.inputs
        if found.inputs is not None:
            inputs = _with_defaults(
                resource.inputs_type, {key: wire.from_python(value) for key, value in found.inputs.items()}
            )
        return sdk.ReadResponse(request.resource_id, {**request.properties, **_state(inputs, found.outputs)}, inputs)

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        """Update in place, or foresee what an update gives."""
        resource = self._resource(request.type)
        state = wire.to_map(request.olds)
        if request.preview:
            return sdk.UpdateResponse(await self._rehearsed(resource, request.urn, request.news, state))
        inputs = resource.inputs_type.model_validate(wire.to_map(request.news))
        operation = self._operation(request.urn, request.timeout)
        outputs = await self._run(lambda: resource.update(operation, request.resource_id, state, inputs))
        return sdk.UpdateResponse(_state(request.news, outputs))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """Delete; absent is fine."""
        resource = self._resource(request.type)
        operation = self._operation(request.urn, request.timeout)
        state = wire.to_map(request.properties)
        await self._run(lambda: resource.delete(operation, request.resource_id, state))

    async def _rehearsed(
        self, resource: AnyResource, urn: str, news: wire.Properties, state: Mapping[str, Any] | None
    ) -> wire.Properties:
        operation = self._operation(urn)
        await self._run(lambda: resource.rehearse(operation, wire.to_map(news), state))
        return await self._run(lambda: _foreseen(resource, news, state))

    def _resource(self, token: str) -> AnyResource:
        token = token.rpartition("$")[2]
        try:
            return self._resources[token]
        except KeyError:
            raise ProviderError(
                f"{token} is no resource of this provider; it has {', '.join(self._resources)}"
            ) from None

    def _operation(self, urn: str, timeout: float = 0) -> Operation:
        return Operation(urn, ResourceLog(self._log, urn), self._cancel, timeout)

    async def _run(self, verb: Callable[[], Result]) -> Result:
        self._running += 1
        self.settled.clear()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, verb)
        finally:
            self._running -= 1
            if self._running == 0:
                self.settled.set()


def _with_defaults(model: type[Wire], given: wire.Properties) -> wire.Properties:
    """Inputs with the model's defaults, and with every secret field marked as such."""
    secret = set(wire_names(model, "secret"))
    filled = {key: wire.from_python(value) for key, value in defaults(model).items()} | given
    return {key: value.with_secret(value.is_secret or key in secret) for key, value in filled.items()}


def _state(inputs: wire.Properties, outputs: Wire) -> wire.Properties:
    secret = set(wire_names(type(outputs), "secret"))
    values = {key: wire.from_python(value, secret=key in secret) for key, value in outputs.to_wire().items()}
    return {**inputs, **values}


def _foreseen(resource: AnyResource, news: wire.Properties, state: Mapping[str, Any] | None) -> wire.Properties:
    secret = set(wire_names(resource.outputs_type, "secret"))
    promised = resource.foresee(wire.to_map(news), state)
    outputs = {
        key: wire.from_python(promised[key], secret=key in secret) if key in promised else wire.UNKNOWN
        for key in wire_names(resource.outputs_type)
    }
    return {**news, **outputs}


def _changes(resource: AnyResource, request: sdk.DiffRequest) -> list[str]:
    """Wire names of inputs that differ from the state; what the state never recorded counts as the default."""
    model = resource.inputs_type
    state = defaults(model) | wire.to_map(request.old_state)
    news = {key: value for key, value in request.new_inputs.items() if value.value is not None}
    wanted = defaults(model) | wire.to_map(news)
    return [
        key
        for key in wire_names(model)
        if key not in request.ignore_changes
        and (
            (key in news and wire.is_unknown(news[key]))
            or not resource.same(key, state.get(key), wanted.get(key), state)
        )
    ]


def _stables(resource: AnyResource, news: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    return sorted(key for key, value in resource.foresee(news, state).items() if value == state.get(key))


def _detail(key: str, request: sdk.DiffRequest, *, replace: bool) -> sdk.PropertyDiff:
    if key not in request.old_state:
        kind = sdk.PropertyDiffKind.ADD_REPLACE if replace else sdk.PropertyDiffKind.ADD
    elif key not in request.new_inputs:
        kind = sdk.PropertyDiffKind.DELETE_REPLACE if replace else sdk.PropertyDiffKind.DELETE
    else:
        kind = sdk.PropertyDiffKind.UPDATE_REPLACE if replace else sdk.PropertyDiffKind.UPDATE
    return sdk.PropertyDiff(kind, input_diff=True)


def _shown_field(model: type[Wire], failure: Failure, news: wire.Properties) -> str:
    """The field of a failure, or nothing: the engine prints the value of a named one, secrets included.

    (pulumi/pulumi pkg/resource/deploy/step_generator.go, issueCheckErrors)
    """
    field = failure.field.partition(".")[0]
    value = news.get(field)
    is_secret = field in wire_names(model, "secret") or (value is not None and value.is_secret)
    has_lines = value is not None and isinstance(value.value, str) and "\n" in value.value
    return "" if is_secret or has_lines else failure.field


def _sentence(failure: Failure) -> str:
    return f"{failure.field} {failure.reason}"
