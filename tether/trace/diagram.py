"""A record as a sequence diagram: Mermaid text, SVG and PNG. Each is a function of the record alone."""

from tether.trace import layout, sequence
from tether.trace import png as png_writer
from tether.trace import svg as svg_writer
from tether.trace.record import Record


def mermaid(record: Record) -> str:
    """Mermaid text (``sequenceDiagram``), for Markdown that is rendered by somebody else."""
    return sequence.write(record)


def svg(record: Record) -> str:
    """An SVG document that is light or dark as the reader's system is; may also be put into HTML."""
    return svg_writer.write(layout.scene(record))


def png(record: Record) -> bytes:
    """A PNG file on white ground, at twice the size of the SVG."""
    return png_writer.write(layout.scene(record))
