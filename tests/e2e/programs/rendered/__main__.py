"""The charts of a primary, a remote, a gateway and a load balancer, labelled by the program that Releases name."""

import os
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.labels import post_renderer
from tether import parts

PROJECT = Path(__file__).resolve().parents[4]
REMOTE: dict[str, Any] = {"profile": "remote"}
charts = parts.read(PROJECT / parts.FILE).charts
program = post_renderer({"team": "mesh", "example.com/cost-center": "4711"})
for name, chart, values in (
    ("base", "base", {}),
    ("istiod", "istiod", {"global": {"networkPolicy": {"enabled": True}}}),
    ("istiod-remote", "istiod", {**REMOTE, "global": {"remotePilotAddress": "10.0.0.9"}}),
    ("gateway", "gateway", {"name": "istio-eastwestgateway", "networkGateway": "network1"}),
    ("metallb", "metallb", {"frrk8s": {"enabled": False}}),
):
    provider = kubernetes.Provider(name, render_yaml_to_directory=f"{os.environ['RENDERED']}/{name}")
    kubernetes.helm.v4.Chart(
        name,
        chart=str(PROJECT / charts[chart].path),
        namespace="istio-system",
        values=values,
        post_renderer={"command": program},
        opts=pulumi.ResourceOptions(provider=provider),
    )
