"""``tether settings show``: what is in force, and who said so."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tether.cli import project
from tether.cli.delivery import give
from tether.cli.forms import Form
from tether.cli.project import Project
from tether.document import Document, Kind
from tether.settings import read
from tether.settings.stack import NAMESPACE, of_project
from tether.settings.wording import MASK, is_secret, subject

Place = tuple[int | str, ...]


class Source(StrEnum):
    """Who said a value."""

    STACK = "stack file"
    PROJECT = "Pulumi.yaml"
    BUILT_IN = "built-in"


@dataclass(frozen=True)
class Effective:
    """One value that is in force."""

    key: str
    """As ``pulumi config`` names it."""
    value: Any
    """Secrets masked."""
    source: Source


def show(place: Project, output: Form) -> None:
    """Print the settings in force on standard output.

    Raises:
        NotFoundError: the stack has no file.
        SettingsError: the settings do not describe a mesh.
    """
    found = effective(place)
    if output is Form.JSON:
        give(document(place, found))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("SETTING", "VALUE", "FROM"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(Text(one.key), Text(_text(one.value)), Text(one.source))
    Console(highlight=False).print(table)


class SettingsDocument(Document):
    """The settings in force."""

    kind: Literal[Kind.SETTINGS] = Kind.SETTINGS
    stack: str
    """Name of the stack."""
    settings: tuple[Effective, ...]
    """Every value, with who said it."""


def document(place: Project, found: Sequence[Effective]) -> SettingsDocument:
    """The result for programs."""
    return SettingsDocument(stack=place.stack, settings=tuple(found))


def effective(place: Project) -> list[Effective]:
    """Read a stack's settings as ``tether up`` does, and find out where each value was said.

    Raises:
        NotFoundError: the stack has no file.
        SettingsError: the settings do not describe a mesh.
    """
    chosen = read(of_project(project.written_settings(place), place.name), place.name)
    said = {Source.STACK: project.stack_config(place), Source.PROJECT: project.declared_config(place)}
    return [
        one
        for key, value in chosen.model_dump(mode="json", by_alias=True).items()
        for one in _entries(place.name, key, value, *_origin(said, place.name, key))
    ]


def _entries(name: str, key: str, value: Any, source: Source, written: Any) -> Iterator[Effective]:
    if project.is_encrypted(written):
        yield Effective(subject((key,), name), MASK, source)
        return
    for path, inner in list(_leaves(value)) or [((), {})]:
        said = _at(written, path)
        where = (key, *path)
        hidden = project.is_encrypted(said) or is_secret(where, inner)
        yield Effective(subject(where, name), MASK if hidden else inner, Source.BUILT_IN if said is None else source)


def _origin(said: Mapping[Source, Mapping[str, Any]], name: str, key: str) -> tuple[Source, Any]:
    """Where a setting was said and what was written there; what it has besides is built in."""
    for source, config in said.items():
        for spelt in (f"{name}:{key}", f"{NAMESPACE}:{key}"):
            if spelt in config:
                return source, _parsed(config[spelt])
    return Source.BUILT_IN, None


def _parsed(value: Any) -> Any:
    """The engine takes lists and objects as JSON too."""
    if not isinstance(value, str) or not value.startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _leaves(value: Any, above: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value that is no object and no list of objects; what is not set or empty is left out below the top."""
    steps: Sequence[tuple[int | str, Any]] | None = None
    if isinstance(value, dict):
        steps = list(cast("Mapping[str, Any]", value).items())
    elif isinstance(value, list) and any(isinstance(one, dict) for one in cast("list[Any]", value)):
        steps = list(enumerate(cast("list[Any]", value)))
    if steps is None:
        if value is not None:
            yield above, value
        return
    for step, inner in steps:
        yield from _leaves(inner, (*above, step))


def _at(value: Any, path: Place) -> Any:
    """What a document says at a place; None where it says nothing."""
    for step in path:
        if isinstance(value, dict):
            value = cast("Mapping[Any, Any]", value).get(step)
        elif isinstance(value, list) and isinstance(step, int):
            entries = cast("list[Any]", value)
            value = entries[step] if step < len(entries) else None
        else:
            return None
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
