"""Takes one cluster out of the list in a stack file and leaves everything else as it was written."""

from typing import Any, cast

import yaml

from tether.cli.project import Project
from tether.errors import Problem, SettingsError
from tether.settings.wording import remove, subject

_KEY = "clusters"


def without(place: Project, name: str) -> str:
    """The stack file's text without one cluster of its list, comments and order kept.

    The engine's own ``pulumi config rm --path`` means the same.

    Raises:
        SettingsError: the file does not list the cluster in a way that can be cut out.
    """
    text = place.stack_file.read_text()
    listed = _listed(yaml.compose(text), place.name)
    index = next((number for number, one in enumerate(listed.value if listed else ()) if _name(one) == name), None)
    if listed is None or index is None:
        raise _refusal(place, name, index or 0)
    after = _cut(text, listed, index)
    if _names(after, place.name) != [_name(one) for one in listed.value if _name(one) != name]:
        raise _refusal(place, name, index)
    return after


def _listed(document: yaml.Node | None, project: str) -> yaml.SequenceNode | None:
    config = _under(document, "config")
    # A project of another name also reads the keys of this one (tether.settings.stack).
    for key in (f"{project}:{_KEY}", _KEY, f"tether:{_KEY}"):
        found = _under(config, key)
        if isinstance(found, yaml.SequenceNode):
            return found
    return None


def _under(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value) if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _name(entry: yaml.Node) -> str:
    found = _under(entry, "name")
    return str(found.value) if found is not None else ""


def _names(text: str, project: str) -> list[str]:
    listed = _listed(yaml.compose(text), project)
    return [_name(one) for one in listed.value] if listed else []


def _cut(text: str, listed: yaml.SequenceNode, index: int) -> str:
    entry: Any = listed.value[index]
    if listed.flow_style:
        # The comma goes too: that behind it, or that before the last.
        if index + 1 < len(listed.value):
            return text[: entry.start_mark.index] + text[listed.value[index + 1].start_mark.index :]
        return text[: listed.value[index - 1].end_mark.index] + text[entry.end_mark.index :]
    lines = text.splitlines(keepends=True)
    return "".join(lines[: entry.start_mark.line] + lines[_last_line(entry) + 1 :])


def _last_line(node: yaml.Node) -> int:
    """Last line with something of a node; the end mark of a block lies behind the comments that follow it."""
    children: list[Any] = []
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        children = [value for pair in node.value for value in pair]
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        children = list(node.value)
    if children:
        return max(map(_last_line, children))
    end: Any = node.end_mark
    # A block of text ends at the start of the line behind it.
    return end.line - 1 if end.column == 0 and end.line > cast("Any", node.start_mark).line else end.line


def _refusal(place: Project, name: str, index: int) -> SettingsError:
    return SettingsError(
        "The list of clusters cannot be changed; nothing was removed.",
        [
            Problem(
                subject=subject((_KEY,), place.name),
                wrong=f"does not list {name} in {place.stack_file.relative_to(place.root)} one entry after the other",
                why="the removal takes that one entry out of the file and leaves the rest as it is written",
                fix=f"write the list there as YAML; what is to be done then is: {remove((_KEY, index), place.name)}",
            )
        ],
    )
