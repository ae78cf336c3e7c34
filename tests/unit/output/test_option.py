"""``--output json`` of every command, behind it and before it, and completion beside it."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from tests.unit.cli.engine_bench import Bench
from tests.unit.output.conftest import Typed
from tests.unit.output.golden import parsed
from tether.cli.documents import COMMANDS
from tether.cli.main import app

ROOT = Path(__file__).parents[3]
TETHER = (sys.executable, "-c", "from tether.cli.main import main; main()")


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, inner in command.commands.items():
        yield from leaves(inner, f"{name} {word}")


EVERY = dict(leaves(typer.main.get_command(app), "tether"))


@pytest.mark.parametrize("name", EVERY)
def test_every_command_gives_json(name: str) -> None:
    options = {option.name: option for option in EVERY[name].params}
    assert {"--output", "-o"} <= set(options["output"].opts)
    offered = options["output"].shell_complete(typer.Context(EVERY[name]), "")
    assert "json" in {one.value for one in offered}
    assert any(giver == name or giver.startswith(f"{name} ") for givers in COMMANDS.values() for giver in givers), (
        "name its kind"
    )


def test_an_option_before_the_command_holds_for_it(bench: Bench, typed: Typed) -> None:
    _, behind, _ = typed("settings", "show", "-o", "json")
    _, before, _ = typed("--output", "json", "settings", "show")
    assert parsed(before) == parsed(behind)


@pytest.mark.parametrize("words", [("doctor", "--list"), ("verify", "--list"), ("schema",)])
def test_it_holds_for_commands_with_more_forms(typed: Typed, words: tuple[str, ...]) -> None:
    assert parsed(typed("-o", "json", *words)[1])


def test_the_word_behind_the_command_is_the_last(bench: Bench, typed: Typed) -> None:
    code, out, _ = typed("-o", "json", "settings", "show", "-o", "text")
    assert (code, out.startswith("SETTING")) == (0, True)


def test_the_option_before_the_command_takes_text_and_json(typed: Typed) -> None:
    code, _, err = typed("-o", "svg", "settings", "show")
    assert (code, "'svg' is not" in " ".join(err.split())) == (2, True)


def test_it_tells_its_version() -> None:
    done = subprocess.run([*TETHER, "--version"], cwd=ROOT, capture_output=True, text=True, check=False)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (done.returncode, done.stdout) == (0, f"tether {declared}\n")


@pytest.mark.parametrize(
    ("words", "number", "offered"),
    [
        ("tether ", "1", {"up", "down", "doctor", "remote", "schema"}),
        ("tether --output json ", "3", {"up", "down"}),
        ("tether up --output ", "3", {"text", "json"}),
        ("tether schema ", "2", {"mesh", "error"}),
    ],
)
def test_shells_complete_commands_forms_and_kinds(words: str, number: str, offered: set[str]) -> None:
    asked = {"_TETHER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
    done = subprocess.run(TETHER, env={**os.environ, **asked}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert offered <= set(done.stdout.split()), done.stderr
