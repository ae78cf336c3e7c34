"""Settings of the stack that the running Pulumi program belongs to."""

from collections.abc import Mapping
from pathlib import Path

from tether.errors import SettingsError
from tether.settings.models import Settings
from tether.settings.reading import read

NAMESPACE = "tether"


def of_stack() -> Settings:
    """Read the settings that the engine gave to this program.

    Raises:
        pulumi.RunError: they do not describe a mesh; shown by the engine without a traceback.
    """
    # The SDK takes a second to import, and the command line reads settings without it.
    import pulumi
    from pulumi.runtime import config

    raw = {**config.get_config_env(), **config.CONFIG.get()}
    project = pulumi.get_project()
    try:
        return read(of_project(raw, project), project, folder=Path.cwd())
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def of_project(raw: Mapping[str, str], project: str) -> dict[str, str]:
    """Take over ``tether:`` keys into a project of another name.

    ``pulumi new`` renames the project, and the stack files that came with it would be read by nobody: the engine
    fills the keys of the new name with the defaults of Pulumi.yaml, so a default says nothing against the old key.
    """
    if project == NAMESPACE:
        return dict(raw)
    renamed = {f"{project}:{key.removeprefix(f'{NAMESPACE}:')}": key for key in raw if key.startswith(f"{NAMESPACE}:")}
    return {**raw, **{new: raw[old] for new, old in renamed.items() if _says_nothing(raw, new)}}


def _says_nothing(raw: Mapping[str, str], key: str) -> bool:
    if key not in raw:
        return True
    try:
        return read({f"{NAMESPACE}:{key.partition(':')[2]}": raw[key]}) == Settings()
    except SettingsError:
        return False
