"""The verdict inside of the Pulumi program."""

import os
from pathlib import Path

from tether import recorded
from tether.compatibility import verdict
from tether.errors import UnsupportedError
from tether.parts import Parts
from tether.settings import Settings
from tether.topology import Topology


def check(settings: Settings, plan: Topology, parts: Parts) -> None:
    """Refuse versions that cannot be used, before the program declares anything.

    ``tether up`` has judged the same before; this is for ``pulumi up``, and for clusters whose kubeconfig only the
    engine can decrypt.

    Raises:
        pulumi.RunError: carries every finding; shown by the engine without a traceback.
    """
    # The SDK takes a second to import, and the command line judges versions without it.
    import pulumi

    project = pulumi.get_project()
    findings, silent = verdict.examine(
        plan, parts, Path.cwd(), running=_running(project, pulumi.get_stack()), project=project
    )
    allowed = verdict.is_allowed(settings, os.environ)
    try:
        verdict.enforce(findings, silent, pulumi.log.warn, allowed=allowed, project=project)
    except UnsupportedError as error:
        raise pulumi.RunError(str(error)) from None


def _running(project: str, stack: str) -> str:
    """Version of Istio that the mesh has now, as the engine recorded it; empty where it cannot be read.

    Read from the file: the engine's own ways to ask for a stack's outputs all leave a resource in the state.
    """
    folder = recorded.folder_of(os.environ.get("PULUMI_BACKEND_URL", ""))
    return verdict.istio_of(recorded.outputs(folder, project, stack)) if folder else ""
