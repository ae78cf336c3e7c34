"""No credential in the clear."""

from collections.abc import Iterator
from typing import Any

from tether.errors import Problem
from tether.redact import plain_credentials
from tether_policy.policy import Declared, Option, Options, Policy


def _plaintext(one: Declared, options: Options) -> Iterator[Problem]:
    found = {_dotted(path) for path in plain_credentials(dict(one.open_inputs))}
    for path in sorted(found - set(options["except"])):
        yield Problem(
            subject=path, wrong="holds a credential that is not marked secret",
            why="it stands in the state, in previews and in logs for everybody who may read those",
            fix="Mark it: pulumi.Output.secret(…) in a program, pulumi config set --secret in settings.",
        )  # fmt: skip


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


NO_PLAINTEXT_SECRET = Policy(
    name="no-plaintext-secret",
    title="no credential is an input in the clear",
    why="Pulumi encrypts what is marked secret, and nothing else.",
    looks_at="every input of every resource and provider: private keys, tokens, kubeconfigs that hold either, and "
    "passwords by their key; the data of Secrets is marked by the Kubernetes provider itself",
    same_rule=("tether.redact.plain_credentials",),
    options=(
        Option(
            name="except", schema={"type": "array", "items": {"type": "string"}, "default": []},
            says="Inputs that are none, by path: `values.global.token`",
        ),
    ),
    of_resource=_plaintext,
)  # fmt: skip
