"""The reference page of every command, written from the code by Typer's own generator.

``python -m tether.cli.commands_page`` prints it.
"""

import subprocess
import sys

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
    return _INTRODUCTION + "#" + written.stdout.replace("\n#", "\n##")


if __name__ == "__main__":
    sys.stdout.write(render())
