"""The reference page of the checks, written from the checks themselves.

``python -m tether.doctor.page > docs/reference/doctor.md``
"""

import sys
from collections.abc import Iterator

from tether.doctor import logs, rights, settling
from tether.doctor.check import Check, Family, Scope, Severity
from tether.doctor.registry import CHECKS
from tether.mesh import DEFAULT_NAMESPACE

_INTRODUCTION = """\
# Checks of the doctor

`tether doctor` asks all of these, independent ones side by side. A check that is wrong mutes those that depend on it,
so that the first line is the cause. Errors stand before warnings, and within each the order is that in which a mesh
comes to be. Exit code 0: no error was found (with `--fail-on warning`: no warning either, and no question was left
open); 7: the mesh is unhealthy. How to use it: [find out what is wrong](../how-to/find-out-what-is-wrong.md).

This page is written from the code (`python -m tether.doctor.page`), and a test holds them equal.
"""
_FAMILIES = {
    Family.BEFORE: "Before clusters are linked",
    Family.LINK: "Link: istiod reads the remote",
    Family.INJECT: "Inject: pods and proxies of the remote reach istiod",
    Family.DATA: "Data: requests cross between networks",
    Family.AFTER: "After: what was left behind",
}
_SCOPES = {
    Scope.MESH: "once, about the mesh",
    Scope.CLUSTER: "once per cluster",
    Scope.REMOTE: "once per remote",
}
_RIGHTS = """\
## Rights

The doctor changes nothing. It reads, asks API servers to review the token in a remote secret, creates one pod as a dry
run, and sends GET requests to istiod from inside istiod's pod, because istiod answers them nowhere else. Kubernetes has
no narrower right for the last two than to create `pods` and `pods/portforward`; without `pods/portforward` the doctor
reads istiod's metrics instead where `pods/proxy` may be got, and names every question that stays open. A lacking right
is never an error of the mesh: the finding is `unknown` and names the right.

A ServiceAccount with just these rights, the same in every cluster (`tether doctor --rights | kubectl apply -f -`):

```yaml
{rights}```
"""


def render() -> str:
    """The page as Markdown."""
    table = ["| check | what must hold | asked | severity |", "|---|---|---|---|"]
    table += [f"| [{one.id}](#{one.id.lower()}) | {one.title} | {_SCOPES[one.scope]} | {one.severity} |"
              for one in CHECKS]  # fmt: skip
    sections = [line for family in Family for line in _family(family)]
    return "\n".join([_INTRODUCTION, *table, "", *sections, _RIGHTS.format(rights=rights.render(DEFAULT_NAMESPACE))])


def _family(family: Family) -> Iterator[str]:
    yield f"## {_FAMILIES[family]}\n"
    for check in CHECKS:
        if check.family is family:
            yield from _section(check)


def _section(check: Check) -> Iterator[str]:
    yield f'<a id="{check.id.lower()}"></a>\n'
    yield f"### {check.id} {check.title}\n"
    asked = _SCOPES[check.scope] + ("" if check.severity is Severity.ERROR else "; a warning")
    yield f"- **asked** {asked}"
    yield f"- **symptom** {_plain(check.symptom)}"
    yield f"- **cause** {_plain(check.cause)}"
    yield f"- **mended by** {_plain(check.remedy)}"
    if check.needs:
        yield "- **not asked when one of these is wrong** " + ", ".join(
            f"[{name}](#{name.lower()})" for name in check.needs
        )
    if check.settles:
        yield f"- **an open question** for {settling.SECONDS} s after istiod's start, while older proxies look for it"
    signs = [f"{sign.source}: `{sign.pattern.pattern}`" for sign in logs.SIGNS if check.id in sign.checks]
    if signs:
        yield "- **log lines that tell of it**"
        yield from (f"  - {sign}" for sign in signs)
    yield ""


def _plain(text: str) -> str:
    return text.replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(render())
