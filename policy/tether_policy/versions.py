"""Which Istio may run."""

from collections.abc import Iterator

from tether.compatibility import judging
from tether.errors import Problem
from tether.helm_values import Chart
from tether_policy.exposure import chart_of
from tether_policy.policy import Declared, Option, Options, Policy, inner


def _known_bad(one: Declared, options: Options) -> Iterator[Problem]:
    if one.type != "kubernetes:helm.sh/v3:Release" or chart_of(one) != Chart.ISTIOD:
        return
    version = str(inner(one.inputs, "values", "global", "tag") or one.inputs.get("version") or "")
    if version and version not in options["except"]:
        yield from (finding.problem for finding in judging.istio(version) if finding.fatal)


KNOWN_BAD_VERSIONS = Policy(
    name="known-bad-versions",
    title="no istiod runs that is known to harm a primary-remote mesh",
    why="The setting allowUnsupported turns the refusal into a warning for whoever sets it; here the platform decides.",
    looks_at="Releases of chart istiod, by the tag of their images or the chart's version",
    same_rule=("tether.compatibility.judging.istio",),
    options=(
        Option(
            name="except", schema={"type": "array", "items": {"type": "string"}, "default": []},
            says="Versions that may run all the same",
        ),
    ),
    of_resource=_known_bad,
)  # fmt: skip
