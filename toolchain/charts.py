"""Helm charts as folders, copied out of the Go modules that they are published in."""

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tether import versions
from tether.versions import IstioLine
from toolchain import golang
from toolchain.store import Artefact, Workshop

ISTIO_CHARTS: Mapping[str, str] = {
    "base": "manifests/charts/base",
    "istiod": "manifests/charts/istio-control/istio-discovery",
    "gateway": "manifests/charts/gateway",
}
METALLB_CHART = "charts/metallb"
METALLB_FRR = "  frr:\n    enabled: true\n"
"""On in the chart, and wants an image with routing daemons; addresses on one network are announced without them."""
ISTIOD_PERIOD = "            initialDelaySeconds: 1\n            periodSeconds: 3\n"
"""Of istiod's readiness probe, which no value of the chart changes: istiod needs two seconds, and had four. A kubelet
that has just started also waits up to a period before its first look."""


@cache
def charts(line: IstioLine) -> Artefact:
    """One folder per chart: base, istiod, gateway, metallb."""
    return Artefact(
        name="charts",
        make=lambda workshop: _make_charts(workshop, line),
        inputs={"istio": line.build.module_version, "metallb": versions.METALLB.module_version},
        files=(Path(__file__),),
    )


def _make_charts(workshop: Workshop, line: IstioLine) -> None:
    istio = golang.module_folder(workshop, line.wrapper, line.build)
    for name, path in ISTIO_CHARTS.items():
        _copy(istio / path, workshop.draft / name)
        _stamp(workshop.draft / name / "Chart.yaml", line)
    _replace(workshop.draft / "istiod" / "templates" / "deployment.yaml", ISTIOD_PERIOD, ("3", "1"))
    metallb = golang.module_folder(workshop, "metallb", versions.METALLB)
    _copy(metallb / METALLB_CHART, workshop.draft / "metallb")
    _replace(workshop.draft / "metallb" / "values.yaml", METALLB_FRR, ("true", "false"))


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    # Files of Go's module cache are read-only, and so would the copy be.
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _stamp(chart: Path, line: IstioLine) -> None:
    """Set the version, as Istio's release builder does; the charts in the module carry none."""
    version = versions.as_chart(line.build.version)
    rows = [
        each.partition(":")[0] + f": {version}" if each.lower().startswith(("version:", "appversion:")) else each
        for each in chart.read_text().splitlines()
    ]
    chart.write_text("\n".join(rows) + "\n")


def _replace(file: Path, passage: str, change: tuple[str, str]) -> None:
    """Change what a chart has once.

    Raises:
        ValueError: the chart is another one than the one that is pinned.
    """
    text = file.read_text()
    if text.count(passage) != 1:
        raise ValueError(f"{file.name} of the chart has not once, as in the one that is pinned: {passage.strip()}")
    file.write_text(text.replace(passage, passage.replace(*change)))
