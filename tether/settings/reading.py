"""From Pulumi's configuration to settings, with every problem found at once."""

import difflib
import json
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tether import helm_values
from tether.errors import Problem, SettingsError, count
from tether.settings import api_server, authority, cloud_tools, credential, exposure, hatches, node_ports, ranges, rules
from tether.settings.base import objects
from tether.settings.models import Settings
from tether.settings.wording import fix, is_secret, remove, shown, subject

_WHY_BY_DEFAULT = "the program cannot go on with a value it does not understand"
_WHY_UNKNOWN = "a setting that nobody reads changes nothing, and a misspelt one hides that"
_KEY_ITSELF = "[key]"
"""pydantic's last part of the place of a key that is wrong itself."""
_TYPES = {
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
}


def read(raw: Mapping[str, str], project: str = "tether", *, folder: Path | None = None) -> Settings:
    """Read settings out of Pulumi's configuration.

    Args:
        raw: Keys with their namespace (``tether:meshId``), values as the engine gives them: text, and JSON
            for lists and objects. Keys of other namespaces belong to providers and are left alone.
        project: The namespace.
        folder: Where relative paths begin; left out, nothing is judged by this machine: by what lies in files, by
            what is installed, or by the date.

    Raises:
        SettingsError: carries every problem, each with the command that fixes it.
    """
    own = {key.removeprefix(f"{project}:"): value for key, value in raw.items() if key.startswith(f"{project}:")}
    document, problems = _parse(own, project)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        problems += [_problem(detail, project) for detail in details]
    problems += rules.check(document, project)
    problems += hatches.check(document, project) + exposure.check(document, project)
    problems += node_ports.check(document, project)
    problems += credential.check(document, project)
    problems += ranges.check(document, project)
    problems += api_server.check(objects(document.get("clusters")), project)
    if folder is not None:
        problems += authority.check_material(document.get("certificateAuthority"), project, folder)
        problems += api_server.check_authorities(objects(document.get("clusters")), project, folder)
        problems += cloud_tools.check(objects(document.get("clusters")), project)
    if problems or settings is None:
        problems.sort(key=lambda problem: problem.subject)
        raise SettingsError(f"{count(len(problems), 'problem')} in the settings; nothing was created.", problems)
    return settings


def misfits(
    model: type[BaseModel], document: Mapping[str, Any], above: Sequence[int | str], project: str
) -> list[Problem]:
    """What the settings refuse in one part of them, by the rules that hold for single values.

    Args:
        model: Of the part.
        document: Its values, keys as in the stack file.
        above: Path of the part.
        project: Namespace of the settings, for messages.
    """
    try:
        model.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        return [_problem({**detail, "loc": (*above, *detail["loc"])}, project) for detail in details]
    return []


def _parse(own: Mapping[str, str], project: str) -> tuple[dict[str, Any], list[Problem]]:
    """Read the JSON of lists and objects; leave the rest as text."""
    document: dict[str, Any] = {}
    problems: list[Problem] = []
    fields = _fields(Settings)
    for key, value in own.items():
        if key not in fields or not _is_structured(fields[key].annotation):
            document[key] = value
            continue
        try:
            document[key] = json.loads(value)
        except ValueError:
            kind = "a list of objects" if key == "clusters" else "an object"
            problems.append(
                Problem(
                    subject=f"{project}:{key}",
                    wrong=f"is text where {kind} is needed",
                    why=_WHY_BY_DEFAULT,
                    fix=f"{remove([key], project)}  # then set its parts, as stacks/Pulumi.kind.yaml does",
                )
            )
    return document, problems


def _problem(detail: ErrorDetails, project: str) -> Problem:
    path = list(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown(path, detail["input"], project)
    is_key = len(path) > 1 and path[-1] == _KEY_ITSELF and detail["input"] == path[-2]
    if is_key:
        path.pop()
    wrong, why, example = _explain(detail)
    superfluous = detail.get("ctx", {}).get("remove")
    return Problem(
        subject=subject(path, project),
        shown="" if is_key or detail["type"] == "missing" else shown(path, detail["input"]),
        wrong=wrong,
        why=why,
        fix=fix(path, example, project)
        if superfluous is None
        else remove([*path, *filter(None, superfluous.split("."))], project),
    )


def _unknown(path: Sequence[int | str], value: Any, project: str) -> Problem:
    known = _known_keys(path)
    name = str(path[-1])
    folded = {key.lower(): key for key in known}
    match = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if not match:
        return Problem(
            subject=subject(path, project),
            shown=shown(path, value),
            wrong=f"is no setting; known here: {', '.join(known)}",
            why=_WHY_UNKNOWN,
            fix=remove(path, project),
        )
    meant = [*path[:-1], folded[match[0]]]
    return Problem(
        subject=subject(path, project),
        shown=shown(path, value),
        wrong=f"is no setting; did you mean {meant[-1]}?",
        why=_WHY_UNKNOWN,
        fix=" && ".join([remove(path, project), *_moved(path, meant, value, project)]),
    )


def _moved(path: Sequence[int | str], meant: Sequence[int | str], value: Any, project: str) -> list[str]:
    """The commands that set a value under another key; an object is set value by value."""
    if isinstance(value, dict):
        inner = helm_values.leaves(cast("dict[str, Any]", value))
        return [fix([*meant, *below], _plain([*path, *below], leaf), project) for below, leaf in inner if leaf != {}]
    return [fix(meant, _plain(path, value), project)]


def _known_keys(path: Sequence[int | str]) -> list[str]:
    return list(_fields(_model_at(path[:-1])))


def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {str(field.alias): field for field in model.model_fields.values()}


def _model_at(path: Sequence[int | str]) -> type[BaseModel]:
    """The model that the keys of an object belong to; of the nearest one around where it has no model."""
    model: type[BaseModel] = Settings
    for part in path:
        field = _fields(model).get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, be it alone, in a list or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)


def _is_structured(annotation: Any) -> bool:
    """Whether the engine passes the value on as JSON."""
    return _model_in(annotation) is not None or typing.get_origin(annotation) in (dict, tuple, list)


def _explain(detail: ErrorDetails) -> tuple[str, str, str]:
    """Give what is wrong, why, and a value that would do."""
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "tether":
        return context["wrong"], context["why"], context["example"]
    if kind == "missing":
        return "is missing", "every cluster needs a name, a role and a network of its own, in a cloud a region too", ""
    if kind == "enum":
        allowed = cast("str", context["expected"]).replace("'", "")
        words = allowed.replace(" or ", ", ").split(", ")
        near = difflib.get_close_matches(str(detail["input"]).lower(), words, n=1) or words
        return f"is none of: {', '.join(words)}", _WHY_BY_DEFAULT, near[0]
    if kind in {"greater_than_equal", "less_than_equal"}:
        limit = context.get("ge", context.get("le"))
        side = "less" if "ge" in context else "more"
        return (
            f"is {side} than {limit}",
            "the limit keeps typing errors from waiting for ever or not at all",
            str(limit),
        )
    wanted = next((text for name, text in _TYPES.items() if kind.startswith(name)), None)
    return f"is not {wanted}" if wanted else detail["msg"], _WHY_BY_DEFAULT, _default(detail["loc"])


def _default(path: Sequence[int | str]) -> str:
    field = _fields(_model_at(path[:-1])).get(str(path[-1]))
    if field is None or not isinstance(field.default, str | int):
        return ""
    return json.dumps(field.default) if isinstance(field.default, bool) else str(field.default)


def _plain(path: Sequence[int | str], value: Any) -> str:
    if value is None or isinstance(value, dict | list) or is_secret(path, value):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
