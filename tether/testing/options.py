"""What can be said of the mesh on pytest's command line; imports nothing, for every pytest run reads it."""

from typing import NamedTuple


class Option(NamedTuple):
    """One option of pytest."""

    name: str
    help: str
    metavar: str = ""
    """Empty for a switch."""
    is_number: bool = False

    @property
    def key(self) -> str:
        """By which pytest keeps its value."""
        return self.name.removeprefix("--").replace("-", "_")


REUSE = Option(
    "--mesh-reuse", "Use this environment or stack, which is there already, and leave it as it is.", metavar="NAME"
)
KEEP = Option("--mesh-keep", "Leave the mesh that was made; the end of the run says how to use and how to remove it.")
KEEP_FAILED = Option(
    "--mesh-keep-failed", "Leave the mesh and the namespaces of failed tests, should any fail; remove both otherwise."
)
REMOTES = Option(
    "--mesh-remotes",
    "How many remotes the mesh has, 1 by default; one that is reused must have as many at least.",
    metavar="N",
    is_number=True,
)

OPTIONS = (REUSE, KEEP, KEEP_FAILED, REMOTES)
