"""Labels on containers that kind makes, which takes none from its user.

kind calls the container runtime by its name. A small program of that name, first on kind's PATH, calls the runtime
itself and adds the labels where something is made.
"""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from tether.environments import labels
from tether_provider.errors import ProviderError

_MAKES = ("run", "create", "volume create")
"""Commands of Docker and Podman after which ``--label`` is an option."""


def wanted() -> dict[str, str]:
    """Labels that this run of the engine is to give what it makes; none where nobody asked for any.

    Raises:
        ProviderError: the variable does not hold labels.
    """
    try:
        return labels.decode(os.environ.get(labels.VARIABLE, ""))
    except ValueError as error:
        raise ProviderError(
            f"{labels.VARIABLE} holds no labels ({error}) — containers could not be told apart — "
            f"Take it away: unset {labels.VARIABLE}"
        ) from None


def environment(runtime: str, folder: Path) -> dict[str, str]:
    """Variables with which kind finds a runtime that labels; none where nothing is to be labelled.

    Args:
        runtime: ``docker`` or ``podman``.
        folder: private and empty for it; must be there as long as kind runs.
    """
    marks, real = wanted(), shutil.which(runtime)
    if not marks or real is None:
        return {}
    programs = folder / "labelling"
    programs.mkdir()
    program = programs / runtime
    program.write_text(script(real, marks))
    program.chmod(0o700)
    return {"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def script(real: str, marks: Mapping[str, str]) -> str:
    """The program, for a POSIX shell: kind calls it a hundred times, and an interpreter would take seconds for that."""
    options = shlex.join(part for key, value in sorted(marks.items()) for part in ("--label", f"{key}={value}"))
    cases = "".join(
        f"  {shlex.quote(command)}|{shlex.quote(command + ' ')}*)"
        f' shift {len(command.split())}; exec {shlex.quote(real)} {command} {options} "$@" ;;\n'
        for command in _MAKES
    )
    return f'#!/bin/sh\ncase "$*" in\n{cases}esac\nexec {shlex.quote(real)} "$@"\n'
