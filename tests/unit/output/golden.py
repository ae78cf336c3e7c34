"""Documents as they were given once, kept under ``golden/`` and compared exactly.

Masked before that is only what differs from run to run: how long something took (``seconds``) or lasts (``daysLeft``),
the folder of the test, ``PATH``, and the numbers of processes with the name of their machine. With
``TETHER_GOLDEN=write`` the files are written anew, and the tests of those that changed fail, so that nobody takes that
for a pass: look at the difference and run again.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from tether.cli.documents import MODELS
from tether.document import write
from tether.kinds import Kind

FOLDER = Path(__file__).parent / "golden"
_WRITES = os.environ.get("TETHER_GOLDEN") == "write"


def parsed(text: str) -> dict[str, Any]:
    """One document that is what the schema of its kind says, with no field that it does not name."""
    plain = cast("dict[str, Any]", json.loads(text))
    model = MODELS[Kind(plain["kind"])]
    known = model.model_validate_json(text).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert known == plain
    assert list(plain)[:2] == ["schemaVersion", "kind"]
    return plain


def compare(name: str, text: str, folder: Path | None = None) -> dict[str, Any]:
    """See that a document is the one that is kept under a name.

    Args:
        name: of the file, without its ending.
        text: the document, not yet masked.
        folder: of the test, which is masked.
    """
    plain = parsed(text)
    shown = write(_masked(plain, lambda said: _without(folder, said)))
    file = FOLDER / f"{name}.json"
    before = file.read_text() if file.is_file() else ""
    if _WRITES:
        file.write_text(shown)
    assert shown == before, f"another {name} than the kept one; if it is meant so: TETHER_GOLDEN=write pytest"
    return plain


def _masked(value: Any, mask: Callable[[str], str], key: str = "") -> Any:
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        below = "seconds" if key == "daysLeft" else ""
        return {name: _masked(inner, mask, below or name) for name, inner in found.items()}
    if isinstance(value, list):
        return [_masked(inner, mask, key) for inner in cast("list[Any]", value)]
    if key == "seconds" and isinstance(value, int | float):
        return "MASKED"
    if key == "PATH":
        return "MASKED"
    return mask(value) if isinstance(value, str) else value


def _without(folder: Path | None, said: str) -> str:
    said = said.replace(str(folder), "FOLDER") if folder else said
    return re.sub(r"process \d+ on \S+", "process NUMBER on MACHINE", said)
