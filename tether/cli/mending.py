"""Where settings are mended, and how pulumi comes to do it."""

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tether import parts
from tether.cli.project import Project
from tether.errors import SettingsError, TetherError, UnsupportedError

CHANGED_BY_SETTINGS = (SettingsError, UnsupportedError)
"""Errors whose fixes are commands of pulumi that change settings."""
_CHANGE = re.compile(r"\bpulumi config (?:set|rm)\b")


def with_steps(error: TetherError, place: Project, file: Path | None = None) -> TetherError:
    """The same error with the file to mend, and what has to be typed before its commands mend that file.

    Args:
        error: carries problems of settings.
        place: where pulumi is to work.
        file: that the settings come from; the stack's own if left out.
    """
    file = file or place.stack_file
    problems = error.problems
    if file != place.stack_file:
        option = f" --config-file {shlex.quote(str(file))}"
        problems = [
            dataclasses.replace(one, fix=_CHANGE.sub(lambda found: found[0] + option, one.fix)) for one in problems
        ]
    shown = file.relative_to(place.root) if not place.environment and file.is_relative_to(place.root) else file
    way = f"Edit {shown}, or have pulumi do it as shown, once after: {' && '.join(_steps(place))}"
    return type(error)(f"{error.headline}\n{way}", problems, document=error.document)


def _steps(place: Project) -> Iterator[str]:
    if place.environment:
        yield f"cd {shlex.quote(str(place.root))}"
        yield 'eval "$(.venv/bin/tether env)"'
    else:
        if not (place.root / parts.FILE).is_file():
            yield "make tools"
        yield 'eval "$(make env)"'
    if place.read_state() is None:
        # It sets nothing for a stack that was never made.
        yield f"pulumi stack select --create {place.stack}"
