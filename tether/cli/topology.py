"""``tether topology``: the picture of a mesh, alone."""

from pathlib import Path

from tether.cli.delivery import deliver
from tether.cli.forms import Drawn
from tether.cli.talk import warn
from tether.cli.target import Target, opened
from tether.doctor.view import MeshView
from tether.report import document, drawing, mermaid
from tether.report.observation import observe
from tether.report.picture import Picture

_SUFFIXES = {".svg": Drawn.SVG, ".json": Drawn.JSON}


def topology(target: Target, drawn: Drawn | None, out: Path | None) -> None:
    """Look at the mesh and draw it; what could not be read is in the picture and on standard error.

    Args:
        target: the mesh.
        drawn: with what; None: by the file's suffix, else Mermaid.
        out: a file; None for standard output.

    Raises:
        UsageError: the options contradict each other, or the file cannot be written.
        NotFoundError: the stack has no clusters.
    """
    with opened(target) as mesh:
        seen = observe(MeshView(mesh))
    for cluster in seen.clusters:
        for gap in cluster.gaps:
            warn(f"{cluster.name}: {gap}")
    deliver(draw(seen, drawn or by_suffix(out)), out)


def by_suffix(out: Path | None) -> Drawn:
    """What a file of this name is expected to hold."""
    return _SUFFIXES.get(out.suffix.lower() if out else "", Drawn.MERMAID)


def draw(seen: Picture, drawn: Drawn) -> str:
    """The picture as text of the given kind."""
    if drawn is Drawn.SVG:
        return drawing.wide(seen)
    if drawn is Drawn.JSON:
        return document.topology(seen).text()
    return mermaid.flowchart(seen)
