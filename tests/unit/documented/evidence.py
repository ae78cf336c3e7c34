"""Commands that tests run, as far as it shows in the tests' text."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.unit.documented import runs, trees
from tests.unit.documented.commands import Command, WrongCommandError, makefile, parsed
from tests.unit.documented.shell import commands_in
from tests.unit.documented.words import Words

SHELLS = ("bash", "sh")


class Evidence:
    """What ran against the real thing, and what ran with something made up in its place."""

    def __init__(self, project: Path) -> None:
        self.real: set[Command] = set()
        self.faked: set[Command] = set()
        self._add(commands_in((project / ".ci" / "run").read_text()), self.real)
        for run in runs.collect(trees.modules(project / "tests")):
            self._add(_simple(run.words), self.faked if _is_faked(run) else self.real)

    def _add(self, lines: Iterable[Words], known: set[Command]) -> None:
        for words in lines:
            try:
                commands = [one for one in parsed(words) if one not in known]
            except WrongCommandError:  # tests also run what must be refused
                continue
            known.update(commands)
            for command in commands:
                if command.program == "make":
                    self._add(_of_target(*command.path), known)

    def is_real(self, command: Command) -> bool:
        """Whether a test runs it against the real thing."""
        return any(command.is_run_by(one) for one in self.real)

    def is_faked(self, command: Command) -> bool:
        """Whether a test runs it, and none against the real thing."""
        return not self.is_real(command) and any(command.is_run_by(one) for one in self.faked)


def _is_faked(run: runs.Run) -> bool:
    """What unit tests run of Tether's own finds an engine and clusters that are made up."""
    return run.is_fake or (run.module.startswith("tests.unit") and run.words[0] == "tether")


def _simple(words: Words) -> Iterable[Words]:
    """Simple commands of a command line, which may be that of a shell."""
    if words[0] in SHELLS:
        scripts = [text for option, text in itertools.pairwise(words) if _takes_a_script(option)]
        return commands_in("\n".join(scripts))
    return commands_in(words[0]) if len(words) == 1 else [words]


def _takes_a_script(option: str) -> bool:
    return option.startswith("-") and not option.startswith("--") and option.endswith("c")


def _of_target(name: str) -> Iterator[Words]:
    target = makefile()[name]
    yield from (("make", needed) for needed in target.needs if needed in makefile())
    for line in target.recipe:
        yield from commands_in(line)
