"""Documented commands that no test runs against the real thing, and why."""

from collections.abc import Mapping
from typing import Final

_CLOUD: Final = "needs an account with a cloud; the tests have none"
_HOURS: Final = "takes hours on two cores; tests/unit/conformance tests what it does without a mesh"
_MEASURES: Final = "measures for many minutes, and a busy machine spoils the numbers; tests/unit/bench tests its parts"
_EVERYWHERE: Final = "does the same on every machine and knows nothing of Tether"

NOT_RUN: Final[Mapping[str, str]] = {
    "aws": _CLOUD,
    "az": _CLOUD,
    "gcloud": _CLOUD,
    "cp": _EVERYWHERE,
    "diff": _EVERYWHERE,
    "git add": _EVERYWHERE,
    "git clone": _EVERYWHERE,
    "mkdir": _EVERYWHERE,
    "mkdir -m -p": _EVERYWHERE,
    "mkdir -p": _EVERYWHERE,
    "curl --header": "asks an ingress gateway; Istio's own tests do (make conformance), no mesh of these tests has one",
    "make bench": _MEASURES,
    "make bench-remotes": _MEASURES,
    "make conformance": _HOURS,
    "pip --editable": "fetches from an index; toolchain bootstrap installs the same way with uv, before any test",
    "pulumi package add": "the page says itself that it was not run: no language plugin but Python's is here",
    "pulumi package gen-sdk": "the same",
    "python -m bench.remotes --remotes": _MEASURES,
    "python -m conformance --failed": _HOURS,
    "python -m conformance --failed --peer": _HOURS,
    "python -m conformance --not-run": _HOURS,
    "python -m conformance --only": _HOURS,
    "python -m conformance --stack": _HOURS,
    "python -m conformance.comparison": _HOURS,
}
"""By what the command is for this comparison: program, subcommand, options."""

ON_FAKES: Final[Mapping[str, str]] = {
    "pytest --mesh-keep": "makes a mesh of its own; the calls of `tether env` that it consists of are real elsewhere",
    "pytest --mesh-remotes": "the same; `tether env up --remotes` runs in the pipelines' job",
    "tether up --allow-unsupported": "allows what this checkout's parts have not: versions that are refused",
}
"""Run by unit tests only, with something made up in the place of the engine or the clusters."""
