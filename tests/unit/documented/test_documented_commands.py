"""Every command that the documentation shows is run by a test.

What counts as shown: every simple command in a block of ``console``, ``sh``, ``shell`` or ``bash``; where a line of it
begins with ``$``, such lines alone, the others are what came out. And inline code of two words or more that begins
with one of our programs: ``tether``, ``make``, ``pulumi``, ``pytest``, ``python -m``. A group of commands
(``tether env``) is a name: it must exist, and there is nothing to run. Blocks of another language are not read.

What is compared: program, subcommand and options. One call of a test must have them all, and may have more; of options
with a fixed choice of values (``--output json``) the value counts as well. Names, numbers and files do not, nor do
variables that are set before a command, nor on which cluster kubectl works. ``make`` also runs what its targets run.

What counts as run: see ``runs``. Commands of ``tether`` count where the engine or the clusters are real.
"""

import itertools
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.unit.documented import pages, trees
from tests.unit.documented.commands import PROJECT, Command, WrongCommandError, parsed
from tests.unit.documented.evidence import Evidence
from tests.unit.documented.exceptions import NOT_RUN, ON_FAKES
from tests.unit.documented.pages import Shown, shown_on
from tests.unit.documented.runs import collect
from tests.unit.documented.shell import commands_in

WITH_HELP = ("python -m conformance", "python -m conformance.comparison")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return Evidence(PROJECT)


def read(written: Iterable[Path], project: Path) -> Iterator[tuple[Shown, list[Command], str]]:
    """What pages show: commands that can be run, or why there are none."""
    for shown in itertools.chain.from_iterable(shown_on(page, project) for page in written):
        try:
            yield shown, [command for command in parsed(shown.words) if not command.is_name], ""
        except WrongCommandError as error:
            yield shown, [], str(error)


def every_command(written: Iterable[Path], project: Path) -> Iterator[tuple[Shown, Command]]:
    """Commands of pages that must be run; names of groups are none."""
    for shown, commands, _ in read(written, project):
        yield from ((shown, command) for command in commands)


def wrong(written: Iterable[Path], project: Path) -> list[str]:
    """Commands that nobody could run."""
    return [f"{shown}: {error}" for shown, _, error in read(written, project) if error]


def not_run(written: Iterable[Path], project: Path, evidence: Evidence) -> list[str]:
    """Commands that no test runs, but for those that are known to be so."""
    found: list[str] = []
    for shown, command in every_command(written, project):
        is_known = str(command) in NOT_RUN or (str(command) in ON_FAKES and evidence.is_faked(command))
        if not is_known and not evidence.is_real(command):
            found.append(f"{shown} ({command}{', run on fakes only' * evidence.is_faked(command)})")
    return found


def test_every_command_exists() -> None:
    mistakes = wrong(pages.pages(PROJECT), PROJECT)
    assert not mistakes, "no such command:\n" + "\n".join(mistakes)


def test_every_command_is_run_by_a_test(evidence: Evidence) -> None:
    missing = not_run(pages.pages(PROJECT), PROJECT, evidence)
    assert not missing, "no test runs:\n" + "\n".join(missing)


@pytest.mark.parametrize("table", [NOT_RUN, ON_FAKES], ids=["not run", "on fakes"])
def test_no_exception_is_made_for_what_is_not_shown_or_is_run(evidence: Evidence, table: Mapping[str, str]) -> None:
    needed = {str(one) for _, one in every_command(pages.pages(PROJECT), PROJECT) if not evidence.is_real(one)}
    assert set(table) - needed == set()


@pytest.mark.parametrize("program", WITH_HELP)
def test_options_of_a_command_that_is_not_run_are_in_its_help(program: str) -> None:
    done = subprocess.run(
        [sys.executable, *program.split()[1:], "--help"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    options = {
        word for key in NOT_RUN if key.startswith(f"{program} ") for word in key.split() if word.startswith("--")
    }
    assert {option for option in options if option not in done.stdout} == set()


PAGE = """\
Type `tether doctor --watch`, `tether env` and `tether env timer --output json`.

```console
$ tether verify --only http   # a comment
tether trace --nonsense is what it said
$ eval "$(make env)" && tether trace --gateway --yes | tee trace.txt
```

```sh
tether trace \\
    --audience mine
TETHER_ISTIO=1.30 make up > log
```

```text
tether never
```

`tether` and `tether:labels: {}` are no commands, `make up` is.
"""


def written(folder: Path, text: str) -> list[Path]:
    page = folder / "page.md"
    page.write_text(text)
    return [page]


def test_commands_are_read_with_their_lines_and_nothing_else_is(tmp_path: Path) -> None:
    (page,) = written(tmp_path, PAGE)
    found = [str(shown) for shown in shown_on(page, tmp_path)]
    assert found == [
        "page.md:1: tether doctor --watch",
        "page.md:1: tether env",
        "page.md:1: tether env timer --output json",
        "page.md:4: tether verify --only http",
        "page.md:6: make env",
        "page.md:6: eval …",
        "page.md:6: tether trace --gateway --yes",
        "page.md:6: tee trace.txt",
        "page.md:11: tether trace --audience mine",
        "page.md:12: make up",
        "page.md:19: make up",
    ]


def test_the_usage_line_of_a_group_is_its_name() -> None:
    (command,) = parsed(("tether", "env", "[OPTIONS]", "COMMAND", "[ARGS]..."))
    assert (command.path, command.is_name) == (("env",), True)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("tether doctor --wach", "tether doctor has no option --wach"),
        ("tether frobnicate now", "tether has no command frobnicate"),
        ("tether env frobnicate", "tether env has no command frobnicate"),
        ("tether topology --output junit", "--output is one of"),
        ("make upp", "the Makefile has no target upp"),
        ("python -m toolchain.nothing", "there is no module toolchain.nothing"),
    ],
)
def test_a_command_that_does_not_exist_is_found_with_its_page_and_line(tmp_path: Path, command: str, message: str):
    (found,) = wrong(written(tmp_path, f"# Title\n\nRun `{command}`.\n"), tmp_path)
    assert found.startswith(f"page.md:3: {command}: ")
    assert message in found


def test_a_command_that_no_test_runs_is_found(tmp_path: Path, evidence: Evidence) -> None:
    page = written(
        tmp_path, "```sh\ntether doctor --watch --fail-on warning --only D01 --primary a\npulumi about\n```\n"
    )
    first, second = not_run(page, tmp_path, evidence)
    assert first.startswith("page.md:2: tether doctor --watch")
    assert second.startswith("page.md:3: pulumi about")


def test_a_command_that_only_fakes_answer_is_found(tmp_path: Path, evidence: Evidence) -> None:
    (found,) = not_run(written(tmp_path, "`tether env up a --ttl 1h --settings b --owner 1`"), tmp_path, evidence)
    assert "run on fakes only" in found


TESTS = """\
import subprocess
from dataclasses import dataclass
import pytest

MENTIONED = ["tether", "mentioned"]
FORMS = [("json", True), pytest.param("text", False)]

@dataclass
class Place:
    name: str
    def run(self, *command):
        return subprocess.run([str(one) for one in command])
    def tether(self, *words):
        return self.run("tether", *words, "--stack", self.name)

@pytest.fixture
def place() -> Place:
    return Place("a")

def helper(place: Place, *options: str) -> None:
    place.tether("doctor", *options)

def never_called(place: Place) -> None:
    place.tether("never")

@pytest.mark.skip
def test_skipped(place: Place) -> None:
    place.tether("skipped")

@pytest.mark.parametrize(("form", "is_new"), FORMS)
def test_one(place: Place, form: str, is_new: bool) -> None:
    helper(place, "--output", form)
    for word in ("up", "down"):
        place.tether(word)
    print("tether", "printed")
"""


def test_runs_are_followed_through_helpers_and_what_is_only_mentioned_is_none(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    assert {run.words for run in collect(trees.modules(tmp_path / "tests"))} == {
        ("tether", "doctor", "--output", "json", "--stack", "…"),
        ("tether", "doctor", "--output", "text", "--stack", "…"),
        ("tether", "up", "--stack", "…"),
        ("tether", "down", "--stack", "…"),
    }


def test_a_shells_words_are_told_from_its_signs() -> None:
    text = 'A=1 B="2 3" one --a="b c" < in > out 2>&1 && two; three | four "$(five \'6 7\')" # eight'
    assert list(commands_in(text)) == [
        ("five", "6 7"), ("one", "--a=b c"), ("two",), ("three",), ("four", "…"),
    ]  # fmt: skip
