"""The one place that knows Pulumi's policy SDK: hands it our policies, and our policies the engine's questions."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import json_format
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ResourceValidationPolicy,
    StackValidationPolicy,
)
from pulumi_policy import (
    Policy as SdkPolicy,
)
from pulumi_policy import (
    policy as sdk,
)

from tether_policy import wire
from tether_policy.policy import Declared, Policy, Violation
from tether_policy.registry import POLICIES

NAME = "tether"
_asked = threading.local()
"""The question that this thread answers."""


_SdkServicer: Any = sdk._PolicyAnalyzerServicer  # pyright: ignore[reportPrivateUsage] - it has no other way in


class _Servicer(_SdkServicer):
    """Keeps each question as it came: the SDK shows policies its values without telling which are secret."""

    def Analyze(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        _asked.request = request
        return _SdkServicer.Analyze(self, request, _context)

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        _asked.request = request
        return _SdkServicer.AnalyzeStack(self, request, _context)


def _declared(message: Any) -> Declared:
    properties = json_format.MessageToDict(message.properties)
    return Declared(
        type=message.type, name=message.name, urn=message.urn, protect=message.options.protect,
        inputs=wire.opened(properties), open_inputs=wire.without_secrets(properties),
    )  # fmt: skip


def _told(policy: Policy, options: Any) -> Iterator[Violation]:
    if policy.of_stack:
        yield from policy.of_stack([_declared(one) for one in _asked.request.resources], options)
    if policy.of_resource:
        asked = _declared(_asked.request)
        yield from ((asked.urn, problem) for problem in policy.of_resource(asked, options))


def _validation(policy: Policy) -> Callable[[Any, Callable[[str, str], None]], None]:
    def validate(args: Any, report: Callable[[str, str], None]) -> None:
        for urn, problem in _told(policy, policy.chosen(args.get_config())):
            report(str(problem), urn)

    return validate


def _for_sdk(policy: Policy) -> SdkPolicy:
    kind = StackValidationPolicy if policy.of_stack else ResourceValidationPolicy
    schema = {option.name: dict(option.schema) for option in policy.options}
    return kind(
        name=policy.name,
        description=policy.title,
        validate=_validation(policy),
        enforcement_level=EnforcementLevel(policy.level.value),
        config_schema=PolicyConfigSchema(schema) if schema else None,
    )


def serve() -> None:
    """Answer the engine until it ends this process."""
    sdk._PolicyAnalyzerServicer = _Servicer  # pyright: ignore[reportPrivateUsage]
    PolicyPack(NAME, [_for_sdk(policy) for policy in POLICIES])
