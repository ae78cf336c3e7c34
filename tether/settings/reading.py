"""From Pulumi's configuration to settings, with every problem found at once."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tether.errors import Problem, SettingsError, count
from tether.settings import rules
from tether.settings.models import AuthoritySettings, ClusterSettings, Settings
from tether.settings.wording import fix, is_secret, remove, shown, subject

_OBJECTS: Mapping[str, type[BaseModel]] = {"clusters": ClusterSettings, "certificateAuthority": AuthoritySettings}
_WHY_BY_DEFAULT = "the program cannot go on with a value it does not understand"
_WHY_UNKNOWN = "a setting that nobody reads changes nothing, and a misspelt one hides that"
_TYPES = {
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
}


def read(raw: Mapping[str, str], project: str = "tether") -> Settings:
    """Read settings out of Pulumi's configuration.

    Args:
        raw: Keys with their namespace (``tether:meshId``), values as the engine gives them: text, and JSON
            for lists and objects. Keys of other namespaces belong to providers and are left alone.
        project: The namespace.

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
    if problems or settings is None:
        problems.sort(key=lambda problem: problem.subject)
        raise SettingsError(f"{count(len(problems), 'problem')} in the settings; nothing was created.", problems)
    return settings


def _parse(own: Mapping[str, str], project: str) -> tuple[dict[str, Any], list[Problem]]:
    """Read the JSON of lists and objects; leave the rest as text."""
    document: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in own.items():
        if key not in _OBJECTS:
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
    wrong, why, example = _explain(detail)
    superfluous = detail.get("ctx", {}).get("remove")
    return Problem(
        subject=subject(path, project),
        shown="" if detail["type"] == "missing" else shown(path, detail["input"]),
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
        fix=f"{remove(path, project)} && {fix(meant, _plain(path, value), project)}",
    )


def _known_keys(path: Sequence[int | str]) -> list[str]:
    model = _OBJECTS[str(path[0])] if len(path) > 1 else Settings
    return [str(field.alias) for field in model.model_fields.values()]


def _explain(detail: ErrorDetails) -> tuple[str, str, str]:
    """Give what is wrong, why, and a value that would do."""
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "tether":
        return context["wrong"], context["why"], context["example"]
    if kind == "missing":
        return "is missing", "every cluster needs a name, a role and a network of its own", ""
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
    model = _OBJECTS[str(path[0])] if len(path) > 1 else Settings
    for field in model.model_fields.values():
        if field.alias == path[-1] and isinstance(field.default, str | int):
            return json.dumps(field.default) if isinstance(field.default, bool) else str(field.default)
    return ""


def _plain(path: Sequence[int | str], value: Any) -> str:
    if isinstance(value, dict | list) or is_secret(path, value):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
