"""The environment in which Pulumi, kind and the rest find each other, and nothing of the user's."""

import os
import secrets
import shlex
from pathlib import Path

from tether import parts
from tether.environments.folder import environment_of
from toolchain.places import Checkout

BACKEND_VARIABLE = "TETHER_BACKEND_URL"
"""Environment variable with the URL of a state that machines share. Pulumi's own, PULUMI_BACKEND_URL, is set here for
the shell, and one that another checkout set must not lead this one to that one's state."""
DEFAULT_STACK = "kind"


def variables(project: Path) -> dict[str, str]:
    """Environment variables for every program that works on the project, to be laid over ``os.environ``.

    Makes the passphrase (once) and the folder of the state where they are missing.

    Raises:
        parts.PartsMissingError: the tools were not chosen yet; ``make tools`` does it.
    """
    clone = Checkout(project.resolve())
    chosen = parts.read(clone.parts)
    make_private(clone)
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    first = [str(clone.programs), str(clone.interpreter.parent)]
    result = {
        "PATH": os.pathsep.join(first + [folder for folder in path if folder not in first]),
        "PULUMI_HOME": str(clone.pulumi_home),
        "PULUMI_BACKEND_URL": shared_state(clone.root) or clone.state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(clone.passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_SUPPRESS_NEO_LINK": "true",
        # The stack file loses its salt whenever git writes it anew (tether.cli.stack_file); the state has it too.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        "PULUMI_STACK": os.environ.get("PULUMI_STACK") or DEFAULT_STACK,
        **chosen.environment,
    }
    if chosen.source == "packages":
        # Every plugin lies in PULUMI_HOME; a download could only hang where nothing can be reached.
        result["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return result


def shared_state(project: Path) -> str:
    """URL of the state that machines share; empty where the project has one of its own.

    An environment (``tether env``) always has its own: it ends by itself, in a process without the user's variables.
    """
    return "" if environment_of(project) else os.environ.get(BACKEND_VARIABLE, "")


def export_lines(project: Path) -> str:
    """The variables as lines for ``eval "$(make env)"``."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables(project).items())


def make_private(clone: Checkout) -> None:
    """Make the folders of state and plugins, and the passphrase; what is there stays as it is."""
    for folder in (clone.private, clone.state, clone.pulumi_home):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Exclusive: of two runs at once one writes and both use the same.
        descriptor = os.open(clone.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
