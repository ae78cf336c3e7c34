"""Command lines, taken apart into program, subcommand and options."""

import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, EnumMeta
from functools import cache
from pathlib import Path
from typing import Any, Final, cast, get_args

import typer.main

from tests.unit.documented.words import ANY, Words
from tether.cli.main import app

PROJECT: Final = Path(__file__).parents[3]
OWN: Final = ("tether", "make", "pulumi", "python", "pytest")
"""Programs that inline code counts for; ``python`` with ``-m`` only."""
_GROUPS: Final = {
    "pulumi": {"config", "package", "stack", "state"},
    "kubectl": {"rollout"},
    "python -m toolchain": set[str](),
    "git": set[str](),
    "istioctl": set[str](),
}
"""Programs with subcommands, and those of them that have some of their own."""
_WHERE: Final = {"--kubeconfig", "--context", "--namespace", "-n", "--request-timeout"}
"""Options of kubectl and istioctl that say on which cluster, and of which namespace. They have a value; which of them a
test takes makes no difference."""
_OPEN: Final = "[OPTIONS]"
"""Where a usage line begins to leave open what is typed."""
_TO_FILL_IN: Final = re.compile(rf"[A-Z][A-Z_/:]*|.*{ANY}.*")


class WrongCommandError(Exception):
    """No such command can be run."""


@dataclass(frozen=True)
class Command:
    """What two command lines have in common that do the same, with other names and numbers."""

    program: str
    path: Words = ()
    options: frozenset[str] = frozenset()
    """By their long names. Of one with a fixed choice of values with its value: ``--output=json``."""
    is_name: bool = False
    """Of a group of commands; there is nothing to run."""

    def __str__(self) -> str:
        return " ".join([self.program, *self.path, *sorted(self.options)])

    def is_run_by(self, other: "Command") -> bool:
        """Whether a test that runs another command line has run this one, perhaps with more options."""
        return (self.program, self.path) == (other.program, other.path) and self.options <= other.options


def parsed(words: Words) -> Iterator[Command]:
    """Commands in a simple command of a shell: one, or one for each target of make.

    Raises:
        WrongCommandError: a command, target or module that does not exist; for ``tether`` also an option or choice.
    """
    program, rest = Path(words[0]).name, words[1:]
    if program.startswith("python") and rest[:1] == ("-m",) and len(rest) > 1:
        program, rest = f"python -m {rest[1]}", rest[2:]
    if program in ("python -m pytest", "pytest"):
        yield Command("pytest", (), frozenset(_options(rest)))
    elif program == "tether":
        yield _of_tether(rest)
    elif program == "make":
        yield from _of_make(rest)
    elif program.startswith("python -m "):
        yield _of_module(program, rest)
    else:
        yield _of_other(program, rest)


def _options(words: Iterable[str]) -> Iterator[str]:
    return (word.partition("=")[0] for word in words if len(word) > 1 and word.startswith("-") and word != "--")


@cache
def _tether() -> Any:
    return typer.main.get_command(app)


def _of_tether(words: Words) -> Command:
    node, path, options = _tether(), list[str](), set[str]()
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("-") and len(word) > 1:
            name, _, value = word.partition("=")
            options.add(_option(node, path, name, [value] if value else left))
        elif not hasattr(node, "commands"):
            continue
        elif word == _OPEN:
            break
        elif word in node.commands:
            node = node.commands[word]
            path.append(word)
        else:
            raise WrongCommandError(f"{' '.join(['tether', *path])} has no command {word}")
    return Command("tether", tuple(path), frozenset(options), is_name=hasattr(node, "commands") and not options)


def _option(node: Any, path: list[str], name: str, following: list[str]) -> str:
    """An option of a command by its long name, its value taken from the words that follow."""
    if name == "--help":
        return name
    known = {one: names for param in node.params for names in (param.opts, param.secondary_opts) for one in names}
    param = next((one for one in node.params if name in (*one.opts, *one.secondary_opts)), None)
    if param is None:
        raise WrongCommandError(f"{' '.join(['tether', *path])} has no option {name}")
    full = max(known[name], key=len)
    if param.is_flag:
        return full
    if not following:
        raise WrongCommandError(f"{name} needs a value")
    value = following.pop(0)
    annotation = param.type_descriptor.annotation
    kinds = [one for one in (annotation, *get_args(annotation)) if isinstance(one, EnumMeta)]
    choices = [str(one.value) for kind in kinds for one in cast("type[Enum]", kind)]
    if not choices or _TO_FILL_IN.fullmatch(value):
        return full
    if value not in choices:
        raise WrongCommandError(f"{name} is one of {', '.join(choices)}, not {value}")
    return f"{full}={value}"


@dataclass(frozen=True)
class Target:
    """A target of the Makefile: what it needs and does."""

    needs: Words
    recipe: tuple[str, ...]


@cache
def makefile() -> Mapping[str, Target]:
    """Targets that are commands, by name."""
    text = (PROJECT / "Makefile").read_text()
    for name, value in re.findall(r"^(\w+) [:?]?= ?(.*)$", text, re.MULTILINE):
        text = text.replace(f"$({name})", value)
    rules = re.findall(r"^([a-z-]+):(.*?)(?:##.*)?\n((?:\t.*\n?)*)", text, re.MULTILINE)
    return {
        name: Target(tuple(needs.split()), tuple(line.strip().lstrip("@") for line in recipe.splitlines()))
        for name, needs, recipe in rules
    }


def _of_make(words: Words) -> Iterator[Command]:
    targets = [
        word for index, word in enumerate(words) if not word.startswith("-") and words[index - 1 : index] != ("-C",)
    ]
    for target in targets:
        if target not in makefile():
            raise WrongCommandError(f"the Makefile has no target {target}")
        yield Command("make", (target,))


def _of_module(program: str, words: Words) -> Command:
    module = program.removeprefix("python -m ")
    parts = module.split(".")
    if parts[0] in ("tether", "toolchain", "conformance", "bench", "tether_policy"):
        found = all(importlib.util.find_spec(".".join(parts[: end + 1])) for end in range(len(parts)))
        if not found:
            raise WrongCommandError(f"there is no module {module}")
    return _of_other(program, words)


def _of_other(program: str, words: Words) -> Command:
    where = _WHERE if program in ("kubectl", "istioctl") else set[str]()
    own = [word for index, word in enumerate(words) if not {*words[max(index - 1, 0) : index], word} & where]
    first = next((word for word in own if not word.startswith("-")), "")
    path: list[str] = []
    if program in _GROUPS and first:
        path.append(first)
        after = own[own.index(first) + 1 :]
        if first in _GROUPS[program] and after and not after[0].startswith("-"):
            path.append(after[0])
    return Command(program, tuple(path), frozenset(_options(own)))
