"""Helm runs the program that puts labels on what the real charts render; no cluster is needed for that."""

from pathlib import Path
from typing import Any

import yaml

from tests.e2e.program import Program

LABELS = {"team": "mesh", "example.com/cost-center": "4711"}
CHARTS = {"base", "istiod", "istiod-remote", "gateway", "metallb"}


def render(folder: Path) -> dict[str, list[dict[str, Any]]]:
    state = folder / "state"
    state.mkdir()
    settings = {"RENDERED": str(folder / "rendered")}
    program = Program(name="rendered", stack="rendered", state=state, settings=settings)
    program.pulumi("stack", "init", program.stack)
    program.pulumi("up", "--yes", "--skip-preview")
    return {
        chart.name: [yaml.safe_load(file.read_text()) for file in chart.rglob("*.yaml")]
        for chart in (folder / "rendered").iterdir()
    }


def test_every_object_and_every_pod_of_the_real_charts_is_labelled(tmp_path: Path) -> None:
    rendered = render(tmp_path)
    assert set(rendered) == CHARTS
    for chart, objects in rendered.items():
        assert objects, chart
        for one in objects:
            name = f"{chart}: {one['kind']} {one['metadata']['name']}"
            assert one["metadata"].get("labels", {}).items() >= LABELS.items(), name
            if one["kind"] in ("Deployment", "DaemonSet"):
                template = one["spec"]["template"]["metadata"]["labels"]
                assert template.items() >= LABELS.items(), name
                assert not LABELS.keys() & one["spec"]["selector"]["matchLabels"].keys(), name
