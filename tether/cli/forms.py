"""The forms in which commands give their results."""

from enum import StrEnum


class Form(StrEnum):
    """Form of a result that is read by people and by programs."""

    TEXT = "text"
    JSON = "json"


class Output(StrEnum):
    """Form of a result that CI systems and pull requests read as well."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    MARKDOWN = "markdown"


class Drawing(StrEnum):
    """Form of a result that can be drawn."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"
    SVG = "svg"
    PNG = "png"


class Drawn(StrEnum):
    """What a picture of the topology is drawn with."""

    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"
