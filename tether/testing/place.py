"""Where a mesh's commands work: a folder with a program of Tether's, and the stack in it.

A stack's folder is its checkout; an environment has a folder of its own, in which every command works likewise.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tether.cli import project
from tether.errors import ExitCode, NotFoundError
from tether.testing import commands

_PROVIDER = "tether"
_PROJECT_FILE = "Pulumi.yaml"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to work on one mesh."""

    name: str
    """Of the environment, or of the stack; the stack of an environment has its name."""
    folder: Path
    is_environment: bool

    @property
    def project(self) -> project.Project:
        """The folder and the stack, as commands know them."""
        return project.find(self.folder, self.name)


def checkout(start: Path) -> Path:
    """The checkout to work with: that around a folder, else that from which this package is installed.

    Raises:
        NotFoundError: there is neither.
    """
    package = Path(__file__).parents[2]
    for folder in (start, *start.parents, package):
        if _is_tethers(folder / _PROJECT_FILE):
            return folder
    raise NotFoundError(
        f"There is no checkout of Tether in {start} or above, and this package is not installed from one ({package} "
        "has no Pulumi.yaml of Tether's). A mesh is made with a checkout. Install the package from one: "
        "pip install --editable PATH/TO/CHECKOUT"
    )


def find(root: Path, name: str) -> Place:
    """A stack or an environment that is there.

    Raises:
        NotFoundError: neither has the name.
    """
    if stands(root, name):
        return Place(name=name, folder=root, is_environment=False)
    shown = commands.run(root, "env", "show", name, "--output", "json")
    if shown.code == ExitCode.OK:
        return of_environment(json.loads(shown.stdout))
    raise NotFoundError(
        f"--mesh-reuse = {name}: there is no environment of this name, and no stack of it is up in {root}, so "
        f"the tests have no mesh. What there is says: tether env list. Make it with: tether env up {name}"
    )


def stands(root: Path, stack: str) -> bool:
    """Whether a stack of a checkout has been brought up: its settings, and the kubeconfigs of its clusters."""
    place = project.find(root, stack)
    return place.stack_file.is_file() and place.kubeconfigs.is_dir() and any(place.kubeconfigs.iterdir())


def of_environment(document: dict[str, Any]) -> Place:
    """The environment that ``tether env up`` and ``tether env show`` describe in JSON."""
    told: dict[str, Any] = document["environment"]
    return Place(name=str(told["name"]), folder=Path(told["folder"]), is_environment=True)


def _is_tethers(file: Path) -> bool:
    """Whether a Pulumi.yaml is Tether's: whoever tests may have a Pulumi project of their own."""
    try:
        document: Any = yaml.safe_load(file.read_text())
        providers: Any = document["plugins"]["providers"]
        return any(one["name"] == _PROVIDER for one in providers)
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return False
