"""A checkout in a temporary folder with a stand-in for the engine."""

import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tether.cli import project
from tether.cli.project import Project

SUFFIX = "0a1b2c3d"
PULUMI_YAML = "name: tether\nruntime: python\nstackConfigDir: stacks\n"
STACK_YAML = """\
config:
  tether:clusters:
    - name: cluster1
      role: primary
      network: network1
    - name: cluster2
      role: remote
      network: network2
"""
SALT = "encryptionsalt: v1:abc=:v1:def:ghi==\n"


def checkout(folder: Path) -> Project:
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(PULUMI_YAML)
    (folder / "stacks" / "Pulumi.kind.yaml").write_text(STACK_YAML)
    return project.find(folder, "kind")


def install_pulumi(folder: Path, script: str) -> dict[str, str]:
    """Put a program ``pulumi`` first on a PATH of its own; it writes its arguments to ``calls``.

    Args:
        folder: Where the program and its notes lie.
        script: Python; ``arguments`` holds the arguments, ``notes`` the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    head = f"""\
        #!/usr/bin/env python3
        import json, os, pathlib, signal, sys, time
        arguments = sys.argv[1:]
        notes = pathlib.Path({str(folder)!r})
        with (notes / "calls").open("a") as file:
            file.write(" ".join(arguments) + "\\n")
        """
    program.write_text(textwrap.dedent(head) + textwrap.dedent(script))
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().splitlines() if file.is_file() else []


def resource(type_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:kind::tether::{type_}::{name}", "type": type_, "inputs": {}, "outputs": {}, **more}


def stack(**outputs: Any) -> dict[str, Any]:
    return resource("pulumi:pulumi:Stack", "tether-kind", outputs=outputs)


def cluster(name: str) -> dict[str, Any]:
    return resource("tether:index:Cluster", name, inputs={"name": f"{name}-{SUFFIX}"})


def random_id(suffix: str = SUFFIX) -> dict[str, Any]:
    return resource("random:index/randomId:RandomId", "mesh", outputs={"hex": suffix})


def exported(*resources: Mapping[str, Any], pending: Sequence[tuple[str, Mapping[str, Any]]] = ()) -> dict[str, Any]:
    operations = [{"type": kind, "resource": dict(what)} for kind, what in pending]
    return {"version": 3, "deployment": {"resources": [*resources], "pending_operations": operations}}


def write_state(place: Project, document: Mapping[str, Any]) -> None:
    file = place.state / "stacks" / place.name / f"{place.stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "s", "latest": document["deployment"]}}))
