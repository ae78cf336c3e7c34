"""``tether preview`` and ``tether drift``: what ``tether up`` would do, and what somebody did by hand."""

import contextlib
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tether.cli import foreseen_forms, project
from tether.cli.delivery import deliver, draw
from tether.cli.engine import Engine
from tether.cli.foreseen import Foreseen, read
from tether.cli.foreseen_document import document
from tether.cli.forms import Comment
from tether.cli.policy import Packs
from tether.cli.project import Project
from tether.cli.talk import say
from tether.cli.up import build_tools, check_against_state, checked_settings
from tether.errors import ExitCode


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a preview is made and told."""

    output: Comment = Comment.TEXT
    out: Path | None = None
    refresh: bool = False
    packs: Packs = field(default_factory=Packs)
    drift: bool = False
    """Any change is a finding: what the settings say has been brought up already."""


def preview(place: Project, wish: Wish) -> ExitCode:
    """Say what ``tether up`` would do, and do nothing.

    Returns:
        5 where a policy refuses it, 1 where it would fail, 7 where something drifted and that was asked.

    Raises:
        TetherError: the preview could not be made.
    """
    wish.packs.check()
    wanted = checked_settings(place)
    build_tools(place, wanted.container_runtime)
    environment = project.full_environment(place)
    check_against_state(place, wanted, environment)
    if wish.drift:
        found = _foresee(place, environment, wish)
    else:
        with _stack_to_look_at(place, environment) as fitting:
            found = _foresee(place, fitting, wish)
    _tell(found, place, wish)
    return _code(found, wish)


def _foresee(place: Project, environment: Mapping[str, str], wish: Wish) -> Foreseen:
    options = [*wish.packs.options(), *(["--refresh"] if wish.refresh or wish.drift else [])]
    with tempfile.TemporaryDirectory(prefix="tether-preview-") as folder:
        log = Path(folder) / "events.jsonl"
        engine = Engine(place, environment)
        ended = engine.foresee(log, *options)
        found = read(log)
    if ended.code and not found.errors and not found.is_refused:
        raise engine.error_of(ended, "Nothing was changed. Once the cause is mended, run it again.")
    return found


@contextlib.contextmanager
def _stack_to_look_at(place: Project, environment: Mapping[str, str]) -> Generator[Mapping[str, str]]:
    """The environment of a preview; where the stack was never made, of an empty one that is gone afterwards."""
    if Engine(place, environment).export() is not None:
        yield environment
        return
    say(f"Stack {place.stack} is not there yet, so everything would be made.")
    written = place.stack_file.read_bytes()
    with tempfile.TemporaryDirectory(prefix="tether-preview-") as folder:
        empty = {**environment, "PULUMI_BACKEND_URL": Path(folder).as_uri()}
        try:
            Engine(place, empty).ask("stack", "init")
            yield empty
        finally:
            # The engine writes the salt of a new stack into its file.
            place.stack_file.write_bytes(written)


def _tell(found: Foreseen, place: Project, wish: Wish) -> None:
    headline = foreseen_forms.verdict(found, drift=wish.drift)
    if wish.output is Comment.JSON:
        deliver(document(found, place.stack, headline, drift=wish.drift).text(), wish.out)
    elif wish.output is Comment.MARKDOWN:
        title = f"{'Drift' if wish.drift else 'Preview'} of stack {foreseen_forms.code(place.stack)}"
        deliver(foreseen_forms.markdown(found, title, headline), wish.out)
    else:
        draw(lambda console: foreseen_forms.show(found, headline, console), wish.out)


def _code(found: Foreseen, wish: Wish) -> ExitCode:
    if found.is_refused:
        return ExitCode.POLICY
    if found.errors or not found.complete:
        return ExitCode.FAILED
    return ExitCode.UNHEALTHY if wish.drift and found.changes else ExitCode.OK
