"""``tether env``: the shell variables of a checkout."""

import shlex
from typing import Literal

from tether.cli import project, stack_file
from tether.cli.delivery import give
from tether.cli.forms import Form
from tether.cli.project import Project
from tether.document import Document, Kind
from tether.environments.folder import PASSPHRASE


class VariablesDocument(Document):
    """What makes pulumi, kubectl and istioctl work on a checkout."""

    kind: Literal[Kind.VARIABLES] = Kind.VARIABLES
    variables: dict[str, str]
    """By name; `PATH` as a whole."""


def show(place: Project, output: Form) -> None:
    """Print them for eval, or as a document."""
    stack_file.keep_salt_out_of_git(place)
    variables = project.environment(place)
    if output is Form.JSON:
        give(VariablesDocument(variables=variables))
        return
    if place.environment:
        # It would win over the file in which an environment keeps its own.
        print(f"unset {PASSPHRASE}")  # noqa: T201 - the result
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")  # noqa: T201 - the result
