"""The engine applies a transform of the mesh to everything below it; a preview shows that and makes nothing."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.program import Program


def test_a_transform_reaches_every_object_and_every_release(tmp_path: Path) -> None:
    program = Program(name="transformed", stack="transformed", state=tmp_path)
    program.pulumi("stack", "init", program.stack)
    steps: list[dict[str, Any]] = json.loads(program.pulumi("preview", "--json"))["steps"]
    held: dict[str, Any] = {}
    for step in steps:
        inputs = step["newState"].get("inputs", {})
        for key in ("values", "metadata"):
            if isinstance(inputs.get(key), dict):
                held[step["urn"].rpartition("::")[0].rpartition("$")[2] + " " + step["urn"].rpartition("::")[2]] = (
                    inputs[key]
                )
    assert len(held) > 15
    assert [name for name, inner in held.items() if inner.get("marked") != "true"] == []
