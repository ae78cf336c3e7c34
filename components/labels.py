"""Labels that everything of a mesh carries in Kubernetes."""

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(".tether/labels")


def metadata(own: dict[str, Any], labels: Mapping[str, str] | None) -> dict[str, Any]:
    """Metadata of an object of ours with the labels that everything gets.

    Args:
        own: What the object says of itself; its labels win.
        labels: Those of everything.
    """
    if not labels:
        return own
    return {**own, "labels": {**labels, **own.get("labels", {})}}


def post_renderer(labels: Mapping[str, str]) -> str:
    """Write the program that Helm calls after rendering a chart, to put labels on every object.

    A Release names a program and no arguments (pulumi-kubernetes, helm_release.go), so the labels are in its text.
    Its path is relative and follows from the labels alone: state made in one clone fits another, and other labels
    are an upgrade of the Release.

    Returns:
        The program's path, relative to the project.
    """
    wanted = json.dumps(dict(labels), sort_keys=True)
    program = FOLDER / hashlib.sha256(wanted.encode()).hexdigest()[:12]
    text = f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tether.labelling {shlex.quote(wanted)}\n"
    if not program.is_file() or program.read_text() != text:
        program.parent.mkdir(parents=True, exist_ok=True)
        # Helm may be running the one that stands there.
        draft = program.with_suffix(".draft")
        draft.write_text(text)
        draft.chmod(0o755)
        draft.replace(program)
    return str(program)
