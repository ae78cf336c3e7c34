"""The reference page of the pytest plugin, written from the plugin itself.

``python -m tether.testing.page > docs/reference/testing.md``
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tether.testing import Answer, Calls, Mesh, MeshNamespace, WaitError, plugin, wait_for
from tether.testing.options import OPTIONS

_INTRODUCTION = """\
# Fixtures and helpers for pytest

Whoever installs Tether has them: pytest loads `tether.testing.plugin` by itself. A run that uses none of them imports
nothing of Tether but that. How to test with them: [how-to](../how-to/test-your-service-with-pytest.md).

This page is written from the code (`python -m tether.testing.page`), and a test holds them equal.
"""
_FIXTURES: tuple[tuple[str, str, Any], ...] = (
    ("mesh", "session", plugin.mesh),
    ("mesh_namespace", "function", plugin.mesh_namespace),
)
_OF_THE_FIXTURE = frozenset({"await_gone", "create", "keep", "lines", "remove"})
"""What the fixtures do themselves."""
_SECTION = re.compile(r"^(Args|Raises|Returns):$")


def render() -> str:
    """The page as Markdown."""
    return "\n".join([_INTRODUCTION, *_fixtures(), *_options(), *_classes(), *_waiting()]) + "\n"


def _fixtures() -> Iterator[str]:
    yield from ("## Fixtures\n", "| fixture | scope | gives | what it is |", "|---|---|---|---|")
    kinds = {"mesh": Mesh.__name__, "mesh_namespace": MeshNamespace.__name__}
    for name, scope, fixture in _FIXTURES:
        yield f"| `{name}` | {scope} | [`{kinds[name]}`](#{kinds[name].lower()}) | {_one_line(fixture)} |"


def _options() -> Iterator[str]:
    yield from ("\n## Options\n", "| option | what it does |", "|---|---|")
    for option in OPTIONS:
        yield f"| `{' '.join(filter(None, (option.name, option.metavar)))}` | {option.help} |"


def _classes() -> Iterator[str]:
    for kind in (Mesh, MeshNamespace, Calls, Answer):
        yield f"\n## {kind.__name__}\n\n{_one_line(kind)}"
        properties = [name for name in _public(kind) if not callable(getattr(kind, name, None))]
        if properties:
            yield "\n| attribute | what it is |\n|---|---|"
            yield from (f"| `{name}` | {_about(kind, name)} |" for name in properties)
        for name in _public(kind):
            if callable(method := getattr(kind, name, None)) and name not in _OF_THE_FIXTURE:
                yield from _function(name, method)


def _waiting() -> Iterator[str]:
    yield from _function(wait_for.__name__, wait_for, level="##")
    yield f"\n`{WaitError.__name__}`: {_one_line(WaitError)}"


def _public(kind: type) -> list[str]:
    fields = list(getattr(kind, "__dataclass_fields__", {}))
    return list(dict.fromkeys([*fields, *(name for name in vars(kind) if not name.startswith("_"))]))


def _about(kind: type, name: str) -> str:
    if name not in getattr(kind, "__dataclass_fields__", {}):
        return _one_line(vars(kind)[name])
    # Python does not keep the text below a field.
    found = re.search(rf'^    {name}: .*\n    """(.*)"""$', inspect.getsource(kind), re.MULTILINE)
    return found[1] if found else ""


def _function(name: str, function: Callable[..., Any], level: str = "###") -> Iterator[str]:
    signature = inspect.signature(function)
    shown = [_parameter(one) for one in signature.parameters.values() if one.name != "self"]
    star = next((n for n, one in enumerate(signature.parameters.values()) if one.kind is one.KEYWORD_ONLY), None)
    if star is not None:
        shown.insert(star - ("self" in signature.parameters), "*")
    yield f"\n{level} {name}\n\n```python\n{name}({', '.join(shown)})\n```\n"
    listing = False
    for line in (inspect.getdoc(function) or "").splitlines():
        if title := _SECTION.match(line):
            yield {"Args": "Arguments:\n", "Raises": "Raises:\n", "Returns": "Returns:\n"}[title[1]]
            listing = True
        elif listing and (entry := re.match(r"^    (\w[\w.]*): (.*)$", line)):
            yield f"- `{entry[1]}`: {entry[2]}"
        elif listing and line.strip():
            yield f"  {line.strip()}"
        else:
            yield line


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    if parameter.default is parameter.empty:
        return f"{stars}{parameter.name}"
    default = parameter.default
    written = json.dumps(default) if isinstance(default, str) else repr(default)
    return f"{parameter.name}={default.__name__ if callable(default) else written}".replace("<lambda>", "…")


def _one_line(thing: object) -> str:
    return " ".join((inspect.getdoc(thing) or "").split())


if __name__ == "__main__":
    sys.stdout.write(render())
