"""STRICT mTLS where it was asked for."""

from collections.abc import Iterator, Sequence
from typing import Any

from tether.errors import Problem
from tether.settings.base import mapping
from tether_policy.policy import Declared, Option, Options, Policy, Violation, inner

_STRICT = "STRICT"
_INHERITED = ("", "UNSET", None)
_EVERYWHERE = "*"


def _strict(resources: Sequence[Declared], options: Options) -> Iterator[Violation]:
    asked, root = options["namespaces"], options["rootNamespace"]
    policies = [one for one in resources if _is_peer_authentication(one)]
    for namespace in asked:
        yield from _said(resources, policies, root if namespace == _EVERYWHERE else namespace, root)
    for one in policies:
        if _EVERYWHERE in asked or _namespace(one) in asked or (asked and _namespace(one) == root):
            yield from ((one.urn, problem) for problem in _weaker(one))


def _said(
    resources: Sequence[Declared], policies: Sequence[Declared], namespace: str, root: str
) -> Iterator[Violation]:
    """Whether the namespace itself or the whole mesh is told."""
    told = [one for one in policies if _mode(one) == _STRICT and not inner(one.inputs, "spec", "selector")]
    if not any(_namespace(one) in (namespace, root) for one in told):
        yield resources[0].urn if resources else "", Problem(
            subject=f"namespace {namespace}", wrong="has no PeerAuthentication of mode STRICT, nor has the whole mesh",
            why="proxies would take plaintext, from whoever reaches the pods, without any identity",
            fix=f"Declare a PeerAuthentication without a selector in {namespace}, spec.mtls.mode: STRICT.",
        )  # fmt: skip


def _weaker(one: Declared) -> Iterator[Problem]:
    ports = mapping(inner(one.inputs, "spec", "portLevelMtls"))
    modes = {"spec.mtls.mode": _mode(one)} | {
        f"spec.portLevelMtls.{port}.mode": inner(said, "mode") for port, said in ports.items()
    }
    for place, mode in modes.items():
        if mode not in (*_INHERITED, _STRICT):
            yield Problem(
                subject=place, shown=str(mode), wrong="is weaker than STRICT, which was asked for here",
                why="what matches it takes plaintext again", fix=f"Set {place} to STRICT, or leave it out.",
            )  # fmt: skip


def _is_peer_authentication(one: Declared) -> bool:
    version = str(one.inputs.get("apiVersion", ""))
    return one.inputs.get("kind") == "PeerAuthentication" and version.startswith("security.istio.io/")


def _namespace(one: Declared) -> Any:
    return inner(one.inputs, "metadata", "namespace")


def _mode(one: Declared) -> Any:
    return inner(one.inputs, "spec", "mtls", "mode")


STRICT_MTLS = Policy(
    name="strict-mtls",
    title="mTLS is STRICT in the namespaces that ask for it",
    why="Istio's own default takes plaintext beside mTLS.",
    looks_at="the PeerAuthentication objects of the stack; nothing while no namespace asks. That it is in force is "
    "proved by `tether verify`",
    options=(
        Option(
            name="namespaces", schema={"type": "array", "items": {"type": "string"}, "default": []},
            says="Where STRICT is asked for; `*` for the whole mesh",
        ),
        Option(
            name="rootNamespace", schema={"type": "string", "default": "istio-system"},
            says="Istio's root namespace, whose PeerAuthentication holds for the whole mesh",
        ),
    ),
    of_stack=_strict,
)  # fmt: skip
