"""The reference page of every command, written from the code by Typer's own generator.

``python -m tether.cli.commands_page`` prints it.
"""

import re
import subprocess
import sys
from collections.abc import Iterator

_HEADING = re.compile(r"^#+ `(tether[^`]*)`$")
_CUT = re.compile(r"^\* `([a-z-]+)`: .*\.\.\.$")
_INTRODUCTION = """\
# Commands

This page is written from the code (`python -m tether.cli.commands_page`), and a test holds them equal. What commands
print for programs, and their exit codes: [output and exit codes](output.md).

"""


def render() -> str:
    """The page as Markdown."""
    written = subprocess.run(
        [sys.executable, "-m", "typer", "tether.cli.main", "utils", "docs", "--name", "tether"],
        check=True,
        capture_output=True,
        text=True,
    )
    # Every heading one level lower, below that of the page.
    return _INTRODUCTION + "#" + "\n".join(_with_whole_sentences(written.stdout)).replace("\n#", "\n##")


def _with_whole_sentences(page: str) -> Iterator[str]:
    """The lines of a page; Typer cuts what it says of a command in an overview after a few words."""
    said = dict(re.findall(r"^#+ `(tether[^`]*)`\n\n(.+?)\n\n", page, re.MULTILINE | re.DOTALL))
    group = ""
    for line in page.split("\n"):
        if heading := _HEADING.match(line):
            group = heading[1]
        cut = _CUT.match(line)
        yield f"* `{cut[1]}`: {' '.join(said[f'{group} {cut[1]}'].split())}" if cut else line


if __name__ == "__main__":
    sys.stdout.write(render())
