"""The reference page of the versions, written from the data.

``python -m tether.compatibility.page > docs/reference/versions.md``
"""

import sys

from tether import versions
from tether.compatibility import numbers
from tether.compatibility.bad_releases import BAD_RELEASES
from tether.compatibility.judging import SKEW_RULE, SKEW_SOURCE
from tether.compatibility.lines import LINES
from tether.compatibility.verdict import VARIABLE

DOCS = "docs/reference/versions.md"
_INTRODUCTION = """\
# Versions

What goes together, and what is refused. `tether up` judges it before anything is created, and so does the program
itself, for `pulumi up`. All findings are told at once; the exit code of `tether up` is 3.

This page is written from the code (`python -m tether.compatibility.page`), and a test holds them equal.

## What is refused

| what | by |
|---|---|
| a release of Istio with a [known bug](#known-bad-releases-of-istio) that hits primary-remote | `istio_version` in \
`.tether/parts.json` |
| a line of Istio that is not in [this table](#lines-of-istio) | the same |
| a Kubernetes below the oldest that the line of Istio needs | `kubernetes_version` in the same file, or the tag of \
`nodeImage`; `/version` of the API server of an \
existing cluster |
| proxies that do not fit istiod | the proxy's image, or the line that plain Envoy belongs to; on an update also the \
Istio that the mesh has now (stack output `mesh.istioVersion`) |
| a chart of another version than the images | `name`, `version` and `appVersion` in its `Chart.yaml` |

A Kubernetes above the newest is warned of, not refused. What does not tell its version is not judged: a node image
whose tag names none; an existing cluster that does not answer within 15 seconds, of which a warning tells; by the
list of bad releases a build of a branch, which has a line but no number of a release; and with `pulumi up` the Istio
that the mesh has now, where its state is not in a folder of this machine.

## To go on all the same

`tether up --allow-unsupported` for one run, the setting `allowUnsupported: true` for good. Every refusal is then a
warning that says what may break. With `pulumi up` the setting does it, or `{variable}=true` in the environment.

## Lines of Istio
"""
_SKEW = """
## Proxies and istiod

By [Istio's rule]({source})
{rule}. On an update the proxies of
the mesh are those of the Istio that it has now, until they are restarted: so no line is skipped, and none gone back to.

## Known bad releases of Istio
"""
_PINNED = """
## What this checkout pins

It runs Istio {newest}, or what `{variable}` names of the lines that are pinned here: {names}
([how to](../how-to/test-against-an-older-istio-line.md)). Each line has a build, a release and an Envoy of its own.
"""


def render() -> str:
    """The page as Markdown."""
    return "\n".join(
        [
            _INTRODUCTION.format(variable=VARIABLE),
            *_lines(),
            _SKEW.format(rule=SKEW_RULE, source=SKEW_SOURCE),
            *_bad_releases(),
            _PINNED.format(
                newest=versions.DEFAULT_LINE.name,
                variable=versions.LINE_VARIABLE,
                names=", ".join(line.name for line in versions.ISTIO_LINES),
            ),
            *_pins(),
            "",
        ]
    )


def _lines() -> list[str]:
    rows = [
        f"| [{line.name}]({line.source}) "
        + "".join(f"| {numbers.said(one)} " for one in (line.kubernetes_oldest, line.kubernetes_newest, line.envoy))
        + "|"
        for line in LINES
    ]
    return ["| Istio | oldest Kubernetes | newest Kubernetes | Envoy |", "|---|---|---|---|", *rows]


def _bad_releases() -> list[str]:
    rows = [
        f"| {bad.range} | {bad.wrong} ([{bad.label}]({bad.link})) | {bad.breaks} | {numbers.said(bad.fixed)} |"
        for bad in BAD_RELEASES
    ]
    return ["| releases | istiod … | what breaks | fixed in |", "|---|---|---|---|", *rows]


def _pins() -> list[str]:
    rows = [f"| {pin.name} | {pin.version} | {pin.reason} |" for pin in versions.PINS]
    return ["| part | version | why this one |", "|---|---|---|", *rows]


if __name__ == "__main__":
    sys.stdout.write(render())
