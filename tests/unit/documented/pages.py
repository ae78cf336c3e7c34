"""Commands that the documentation shows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.unit.documented.commands import OWN
from tests.unit.documented.shell import commands_in
from tests.unit.documented.words import Words

SHELLS: Final = {"console", "sh", "shell", "bash"}
_FENCE: Final = re.compile(r"\s*```(\w*)")
_INLINE: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True)
class Shown:
    """A simple command, and where it is shown."""

    page: str
    line: int
    words: Words

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {' '.join(self.words)}"


def pages(project: Path) -> list[Path]:
    """What users read: everything but decisions, which tell of what was thought of and not taken as well."""
    texts = [project / "README.md"]
    for folder in ("docs", "examples", "pipelines", "policy"):
        texts += sorted((project / folder).rglob("*.md"))
    return [page for page in texts if "adr" not in page.parts and ".venv" not in page.parts]


def shown_on(page: Path, project: Path) -> Iterator[Shown]:
    """Commands on a page, in order."""
    name = str(page.relative_to(project))
    is_block, block, start = False, list[str](), 0
    language = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence := _FENCE.match(line):
            if is_block and language in SHELLS:
                yield from _of_block(name, start, block)
            is_block, language, block, start = not is_block, fence[1], [], number
        elif is_block:
            block.append(line)
        else:
            for code in _INLINE.findall(line):
                yield from _of_inline(name, number, code.replace("\\|", "|"))


def _of_block(page: str, start: int, lines: list[str]) -> Iterator[Shown]:
    is_session = any(line.lstrip().startswith("$ ") for line in lines)
    begun = ""
    for number, line in enumerate(lines, start + 1):
        if is_session and not begun and not line.lstrip().startswith("$ "):
            continue
        begun += line.lstrip().removeprefix("$ ")
        if begun.endswith("\\"):
            begun = begun.removesuffix("\\")
            continue
        yield from (Shown(page, number, words) for words in commands_in(begun))
        begun = ""


def _of_inline(page: str, line: int, code: str) -> Iterator[Shown]:
    found = list(commands_in(code))
    if not found or len(found[0]) == 1:
        return
    first = Path(found[0][0]).name
    if first in OWN and (first != "python" or found[0][1] == "-m"):
        yield from (Shown(page, line, words) for words in found)
